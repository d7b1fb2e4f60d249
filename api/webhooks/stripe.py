"""What Stripe tells about payments. https://docs.stripe.com/webhooks describes the signature, scheme `v1`."""

import re
import time

from flask import Response, current_app, request
from stripe import SignatureVerificationError, WebhookSignature

from web.problems import Problem
from api.webhooks.receive import accept, not_signed, parse, raw_body, short

NAME, SCHEME = "stripe", "Stripe-Signature"
TOLERANCE = 300  # seconds, to both sides
MAX_SIGNATURES = 16  # more than any rotation needs; a thousand would be work for nothing
_TIME = re.compile(r"t=([0-9]{1,12})")
_SIGNATURE = re.compile(r"v1=[0-9a-f]{64}")
_OTHER_SCHEME = re.compile(r"v(?!1=)[0-9a-z]{1,8}=[0-9A-Za-z+/_-]{1,200}=*")
_EVENT_ID = re.compile(r"[!-~]{1,255}")


def receive() -> Response:
    """Take an event of Stripe's."""
    body = raw_body()
    _verify(body, request.headers.get(SCHEME, ""))
    event = parse(body)
    event_id = event.get("id")
    if not (isinstance(event_id, str) and _EVENT_ID.fullmatch(event_id)):
        raise Problem("bad-request", "The event has no id.")
    livemode = event.get("livemode") is True
    thin = event.get("object") == "v2.core.event"  # a hint to fetch something, and nothing we fetch
    return accept(
        NAME,
        event_id,
        type=short(event.get("type"), 100),
        body=body,
        api_version=short(event.get("api_version"), 40),
        livemode=livemode,
        ignore=thin or (current_app.config["STRIPE_LIVE"] and not livemode),
    )


def _verify(body: bytes, header: str) -> None:
    """Raise the problem unless one of our secrets has signed these bytes, now.

    Stripe's package alone takes any future, a thousand signatures and odd numbers, and fails on text that is not ASCII:
    so a strict gate stands in front of it. It raises with header and payload inside; nobody may log that.
    """
    signed_at = _signed_at(header)
    if signed_at is None:
        raise not_signed(SCHEME)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Problem("bad-request", "The body is not UTF-8.") from None
    if abs(int(time.time()) - signed_at) > TOLERANCE:
        raise not_signed(SCHEME)
    if not any(_is_signed(text, header, secret) for secret in current_app.config["STRIPE_SECRETS"]):
        raise not_signed(SCHEME)


def _signed_at(header: str) -> int | None:
    """Return the time in a well-formed header, in seconds since 1970, or None."""
    parts = header.split(",", 2 * MAX_SIGNATURES)
    times = [found[1] for part in parts if (found := _TIME.fullmatch(part))]
    signatures = [part for part in parts if _SIGNATURE.fullmatch(part)]
    others = [part for part in parts if _OTHER_SCHEME.fullmatch(part)]
    well_formed = len(times) == 1 and 1 <= len(signatures) <= MAX_SIGNATURES
    return int(times[0]) if well_formed and len(parts) == 1 + len(signatures) + len(others) else None


def _is_signed(text: str, header: str, secret: str) -> bool:
    try:
        return bool(WebhookSignature.verify_header(text, header, secret, tolerance=None))
    except SignatureVerificationError:
        return False

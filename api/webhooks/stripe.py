"""What Stripe tells about payments. https://docs.stripe.com/webhooks describes the signature, scheme `v1`."""

import re
import time
from collections.abc import Sequence
from typing import Any

from flask import current_app
from stripe import SignatureVerificationError, WebhookSignature

from api.webhooks.receive import Event, Sender
from models import billing
from models.text import storable
from web.problems import Problem

TOLERANCE = 300  # seconds, to both sides
MAX_SIGNATURES = 16  # more than any rotation needs; a thousand would be work for nothing
_PART = re.compile(r"t=[0-9]{1,12}|v1=[0-9a-f]{64}|v(?!1=)[0-9a-z]{1,8}=[0-9A-Za-z+/_-]{1,200}=*")


def verify(body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """Say whether one of the secrets has signed the body, now. Raises Problem (400) for a body that is not UTF-8.

    Stripe's package verifies. Alone it would take any future, a thousand signatures and odd numbers, and fail on text
    that is not ASCII: so `is_current` looks first. It raises with header and payload inside; nobody may log that.
    """
    if not is_current(signature):
        return False
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Problem("bad-request", "The body is not UTF-8.") from None
    return any(_is_signed(text, signature, secret) for secret in secrets)


def is_current(signature: str) -> bool:
    """Say whether a signature header is spelt as Stripe spells it, and from the last or the next five minutes."""
    parts = signature.split(",", 2 * MAX_SIGNATURES)
    times = [part[2:] for part in parts if part.startswith("t=")]
    count = sum(part.startswith("v1=") for part in parts)
    if len(times) != 1 or not 1 <= count <= MAX_SIGNATURES or not all(map(_PART.fullmatch, parts)):
        return False
    return abs(int(time.time()) - int(times[0])) <= TOLERANCE


def _is_signed(text: str, signature: str, secret: str) -> bool:
    try:
        return bool(WebhookSignature.verify_header(text, signature, secret, tolerance=None))
    except SignatureVerificationError:
        return False


def identify(payload: dict[str, Any]) -> Event:
    """Return the event in the payload; one that is only a hint, or a test where none is expected, is to be ignored."""
    event_id, livemode = payload.get("id"), payload.get("livemode") is True
    if not (isinstance(event_id, str) and re.fullmatch(r"[!-~]{1,255}", event_id)):
        raise Problem("bad-request", "The event has no id.")
    event_type, api_version = _short(payload.get("type"), 100), _short(payload.get("api_version"), 40)
    # The first are thin: a hint to fetch something, and nothing we fetch.
    ignore = payload.get("object") == "v2.core.event" or not (livemode or current_app.config["STRIPE_TEST_EVENTS"])
    return Event(event_id, event_type, api_version, livemode, ignore)


def _short(value: object, limit: int) -> str:
    """Return text of a payload as it may be stored in a column; other things are empty."""
    return storable(value)[:limit] if isinstance(value, str) else ""


SENDER = Sender("stripe", "Stripe-Signature", verify, identify, effects=billing)

"""What GitHub tells about the repository.

The signature is HMAC-SHA-256 over the body, as in
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries. There is no time in it, and neither
the delivery's id nor the event's name is signed. Whoever has seen a delivery can replay it under another id, for ever;
so an effect here has to be harmless when repeated.
"""

import hashlib
import hmac
import re

from flask import Response, current_app, request

from web.problems import Problem
from api.webhooks.receive import accept, not_signed, parse, raw_body
from models.release import render_ahead

NAME, SCHEME = "github", "X-Hub-Signature-256"
_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}")
_DELIVERY = re.compile(r"[A-Za-z0-9-]{1,64}")
_EVENT = re.compile(r"[a-z_]{1,100}")


def receive() -> Response:
    """Take an event of GitHub's."""
    body = raw_body()
    _verify(body, request.headers.get(SCHEME, ""))
    payload = parse(body)
    delivery, event = (request.headers.get(name, "") for name in ("X-GitHub-Delivery", "X-GitHub-Event"))
    if not (_DELIVERY.fullmatch(delivery) and _EVENT.fullmatch(event)):
        raise Problem("bad-request", "X-GitHub-Delivery and X-GitHub-Event name the delivery and what has happened.")
    html = render_ahead(payload) if event == "release" else None
    return accept(NAME, delivery, prepared=html, type=event, body=body)


def _verify(body: bytes, header: str) -> None:
    if not _SIGNATURE.fullmatch(header):
        raise not_signed(SCHEME)
    if not any(_is_signed(body, header, secret) for secret in current_app.config["GITHUB_SECRETS"]):
        raise not_signed(SCHEME)


def _is_signed(body: bytes, header: str, secret: str) -> bool:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={digest}".encode(), header.encode())

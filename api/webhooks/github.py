"""What GitHub tells about the repository.

The signature is HMAC-SHA-256 over the body, as in
https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries. There is no time in it, and neither
the delivery's id nor the event's name is signed. Whoever has seen a delivery can replay it under another id, for ever;
so an effect here has to be harmless when repeated.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Any

from flask import request

from api.webhooks.receive import Event, Sender
from models import release
from web.problems import Problem

_DELIVERY_AND_EVENT = re.compile(r"[A-Za-z0-9-]{1,64} [a-z_]{1,100}")


def verify(body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """Say whether one of the secrets has signed the body."""
    digests = (hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets)
    return any(hmac.compare_digest(f"sha256={digest}".encode(), signature.encode()) for digest in digests)


def identify(_payload: dict[str, Any]) -> Event:
    """Return the event as the headers name it."""
    delivery, event = (request.headers.get(name, "") for name in ("X-GitHub-Delivery", "X-GitHub-Event"))
    if not _DELIVERY_AND_EVENT.fullmatch(f"{delivery} {event}"):
        raise Problem("bad-request", "X-GitHub-Delivery and X-GitHub-Event name the delivery and what has happened.")
    return Event(delivery, event)


SENDER = Sender(
    "github", "X-Hub-Signature-256", verify, identify, effects=release, prepare={"release": release.render_ahead}
)

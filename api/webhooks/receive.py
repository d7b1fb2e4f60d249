"""From signed bytes to an effect: one transaction stores the event, the next lets it act. Both may be repeated.

A worker that dies between the two leaves a stored event behind. The sender's next try or the scheduler finishes it, by
the same function.
"""

import json
import logging
from contextlib import suppress
from datetime import timedelta
from time import monotonic
from typing import Any

from flask import Response, abort, jsonify, request

from web.problems import Problem
from flask_revalidation import Busy, revalidate_tag, write
from models import Delivery, DeliveryStatus
from models.text import storable

log = logging.getLogger(__name__)

MAX_BODY = 512 * 1024  # bytes
# Seconds that both transactions together may wait for their turns. With the database's own 0.8 s for a lock, the sender
# of an event gets its 503 within 2.4 s.
PATIENCE = 1.6
UNATTENDED = timedelta(minutes=1)  # after so long nobody is processing it any more


def raw_body() -> bytes:
    """Return the bytes as they were sent, which are what is signed. 413 above 512 KiB, 415 where they are packed."""
    # One more than is taken: a body without a length would be cut off at the limit, and pass for a whole one.
    request.max_content_length = MAX_BODY + 1
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem("not-json", "Send the body as it is, without Content-Encoding.")
    body = request.get_data()
    if len(body) > MAX_BODY:
        abort(413)
    return body


def not_signed(scheme: str) -> Problem:
    """Return the one refusal for every signature that does not hold."""
    challenge = {"WWW-Authenticate": f'{scheme} realm="webhooks"'}
    return Problem("bad-signature", "The signature does not hold for these bytes, here and now.", headers=challenge)


def parse(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body whose signature is verified, or raise the problem."""
    try:
        payload = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Problem("bad-request", "The body is no JSON text in UTF-8.") from None
    if not isinstance(payload, dict):
        raise Problem("bad-request", "The body is no JSON object.")
    return payload


def short(value: object, limit: int) -> str:
    """Return text of a payload as it may be stored in a column; other things are empty."""
    return storable(value)[:limit] if isinstance(value, str) else ""


def accept(source: str, event_id: str, *, prepared: Any = None, **event: Any) -> Response:
    """Keep an event, let it act, and answer. Raises `Busy`, and the problem where its effect has failed."""
    deadline = monotonic() + PATIENCE
    delivery = Delivery.known(source, event_id)
    if delivery is None:
        with write(by=f"webhook {source}", patience=PATIENCE):
            delivery = Delivery.receive(source=source, event_id=event_id, **event)
            revalidate_tag("deliveries")
    status = DeliveryStatus(delivery.status)
    if delivery.is_open:
        status = finish(delivery.id, prepared, patience=max(0.0, deadline - monotonic()))
    if status == DeliveryStatus.FAILED:
        raise Problem("fault", "It is kept, but could not be applied; nothing else was saved. Send it again.")
    response = jsonify(received=True, outcome=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def finish(delivery_id: int, prepared: Any = None, *, patience: float | None = None) -> DeliveryStatus:
    """Process a stored event in a transaction of its own, and return what became of it."""
    with write(by="webhook", patience=patience):
        delivery = Delivery.find(delivery_id)
        revalidate_tag(*delivery.process(prepared))
        if delivery.status in (DeliveryStatus.FAILED, DeliveryStatus.DEAD):
            # Ids and places only: neither the payload nor the error's own words, which may quote it.
            log.error("delivery %d, attempt %d: %s", delivery.id, delivery.attempts, delivery.last_error)
        return DeliveryStatus(delivery.status)


def finish_pending() -> int:
    """Process what a dead worker or a failure has left, up to fifty; return how many are done now."""
    left = [delivery.id for delivery in Delivery.pending(UNATTENDED)]
    done = 0
    with suppress(Busy):  # the next call goes on from here
        for delivery_id in left:
            done += finish(delivery_id) in (DeliveryStatus.APPLIED, DeliveryStatus.IGNORED)
    return done

"""From signed bytes to an effect, in one transaction: the event is stored once, and acts once. It may be repeated.

An effect that fails is rolled back alone: the event stays, and the sender's next try or the scheduler lets it act. A
worker that dies leaves nothing behind, and the sender tries again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from types import ModuleType
from typing import Any
from urllib.parse import unquote_to_bytes

from flask import current_app, request

from api.auth import checked
from flask_revalidation import Busy, retried, revalidate_tag, write
from models import Delivery, DeliveryStatus
from models.delivery import EFFECTS
from web import gate
from web.problems import Problem

MAX_BODY = 512 * 1024  # bytes
# Seconds to wait for the write lock. With the database's own 0.8 s for a lock, a sender gets its 503 within 2.4 s.
PATIENCE = 1.6
UNATTENDED = timedelta(minutes=1)  # after so long nobody is processing it any more


class BadSender(SystemExit):
    """A sender of webhooks may not be received; the message says what is missing, and where to write it."""


@dataclass(frozen=True)
class Event:
    """What a payload says of itself. `event_id` is the sender's own; what is to be ignored is stored without acting."""

    event_id: str
    type: str
    api_version: str = ""
    livemode: bool = False
    ignore: bool = False


@dataclass(frozen=True)
class Sender:
    """Who sends webhooks to `/api/webhooks/<name>`, signed with a secret of the setting `<NAME>_WEBHOOK_SECRET`.

    `verify` says of the raw bytes and the signature `header` whether one of the secrets has signed them. `identify`
    returns the event in a payload, or raises Problem. `effects` is the module that says what events do (`@effect`).
    `prepare` is slow work by type of event, done before the write lock is taken; what it makes of a payload is passed
    to the effect.
    """

    name: str
    header: str
    verify: Callable[[bytes, str, Sequence[str]], bool]
    identify: Callable[[dict[str, Any]], Event]
    effects: ModuleType
    prepare: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    def require_complete(self, configured: Mapping[str, Sequence[str]]) -> None:
        """Raise BadSender where the settings know no secret of it, or its module no effect: it would do nothing."""
        if self.name not in configured:
            raise BadSender(f"Webhooks of {self.name} have no secret: add {self.name}_webhook_secret to settings.py.")
        declared = [act for (source, _), act in EFFECTS.items() if source == self.name]
        if not any(act.__module__ == self.effects.__name__ for act in declared):
            place = f"{self.effects.__name__.replace('.', '/')}.py"
            raise BadSender(f'Webhooks of {self.name} do nothing: declare an @effect("{self.name}", …) in {place}.')

    def receive(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Take a delivery: size and encoding, signature, JSON, inbox, effect, answer. In this order and no other."""
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise Problem("not-json", "Send the body as it is, without Content-Encoding.")
        body, signature = gate.body(MAX_BODY), request.headers.get(self.header, "")  # the bytes are what is signed
        signed = self.verify(body, signature, current_app.config["WEBHOOK_SECRETS"][self.name])
        checked.send("signature", passed=signed)
        if not signed:
            detail = "The signature does not hold for these bytes, here and now."
            raise Problem("bad-signature", detail, headers={"WWW-Authenticate": f'{self.header} realm="webhooks"'})
        if body.startswith(b"payload="):  # a form, whatever its type says; what is kept is the JSON text in it
            body = unquote_to_bytes(body[8:].partition(b"&")[0].replace(b"+", b" "))
        payload = _parse(body)
        return self._accept(self.identify(payload), body, payload)

    @retried
    def _accept(self, event: Event, body: bytes, payload: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Store the event, let it act, and answer. Raises `Busy`, and Problem where its effect has failed."""
        known = Delivery.known(self.name, event.event_id)
        status = DeliveryStatus(known.status) if known else DeliveryStatus.PENDING
        if known is None or known.is_open:
            prepared = self.prepare[event.type](payload) if event.type in self.prepare else None
            with write(by=f"webhook {self.name}", patience=PATIENCE):
                delivery = Delivery.receive(source=self.name, body=body, **asdict(event))
                # What acts is what was stored first: some senders do not sign the id, and another body may carry it.
                same = delivery.body == body
                status = _process(delivery, prepared if same else None, payload if same else None)
        if status == DeliveryStatus.FAILED:
            raise Problem("fault", "It is kept, but could not be applied; nothing else was saved. Send it again.")
        return {"received": True, "outcome": status}, {"Cache-Control": "no-store"}


def _parse(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body whose signature is verified. Raises Problem (400)."""
    try:
        payload = json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Problem("bad-request", "The body is no JSON text in UTF-8.") from None
    if not isinstance(payload, dict):
        raise Problem("bad-request", "The body is no JSON object.")
    return payload


def _process(delivery: Delivery, prepared: Any = None, payload: Any = None) -> DeliveryStatus:
    revalidate_tag("deliveries", *delivery.process(prepared, payload=payload))
    if delivery.status in (DeliveryStatus.FAILED, DeliveryStatus.DEAD):
        # Ids and places only: neither the payload nor the error's own words, which may quote it.
        current_app.logger.error("delivery %d, attempt %d: %s", delivery.id, delivery.attempts, delivery.last_error)
    return DeliveryStatus(delivery.status)


def finish_pending() -> int:
    """Process what a dead worker or a failure has left, up to fifty; return how many are done now."""
    done = 0
    with suppress(Busy):  # the next call goes on from here
        for row_id in [delivery.id for delivery in Delivery.pending(UNATTENDED)]:
            with write(by="webhook"):
                done += _process(Delivery.find(row_id)) in (DeliveryStatus.APPLIED, DeliveryStatus.IGNORED)
    return done

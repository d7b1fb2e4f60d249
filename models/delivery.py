"""The inbox of the webhooks: each event is kept once, under its sender's own id, and takes effect once."""

import json
import traceback
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from pydantic import ValidationError
from sqlalchemy import LargeBinary, String, UniqueConstraint, select, update
from sqlalchemy.exc import OperationalError, TimeoutError as PoolTimeout
from sqlalchemy.orm import Mapped, mapped_column

from models.bounds import Page, page_of
from models.database import Model, Numbered, db, delete_some, found, indexes, known_or_new, now

MAX_ATTEMPTS, UNIQUE_VIOLATION = 10, "23505"
KEPT = timedelta(days=35)  # Stripe lists events for 30 days, and someone may ask it to send one again
SIGNED_WITH_A_TIME = ("stripe",)  # their signatures age; of the others the id alone tells a replay, and stays

Effect = Callable[..., Collection[str]]
EFFECTS: dict[tuple[str, str], Effect] = {}


def effect(source: str, *types: str) -> Callable[[Effect], Effect]:
    """Declare what an event of one of these types does.

    The function gets the parsed payload and, where the receiver has prepared something of it, that too. It writes, and
    returns the cache tags that its write makes stale; none means that there was nothing to do. It must converge: events
    come late, repeated, and in any order.
    """

    def declare(function: Effect) -> Effect:
        EFFECTS.update({(source, type): function for type in types})
        return function

    return declare


# What became of a delivery. What failed is tried again; what is dead waits for someone to replay it.
DeliveryStatus = StrEnum("DeliveryStatus", "PENDING APPLIED IGNORED FAILED DEAD")


class Delivery(Numbered, Model):
    """One event as its sender signed it."""

    __table_args__ = (UniqueConstraint("source", "event_id"), *indexes("delivery"), {"sqlite_autoincrement": True})

    source: Mapped[str] = mapped_column(String(20))
    event_id: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(100))
    api_version: Mapped[str] = mapped_column(String(40), default="")
    livemode: Mapped[bool] = mapped_column(default=False)
    body: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    received_at: Mapped[datetime] = mapped_column(default=now, index=True)
    status: Mapped[DeliveryStatus] = mapped_column(String(10), default=DeliveryStatus.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(String(300), default="")
    processed_at: Mapped[datetime | None]

    @property
    def is_open(self) -> bool:
        """Whether it still has to be processed."""
        return self.processed_at is None and self.status != DeliveryStatus.DEAD

    @classmethod
    def known(cls, source: str, event_id: str) -> Self | None:
        """Return the row of an event, if it has come before."""
        return db.session.scalar(select(cls).where(cls.source == source, cls.event_id == event_id))

    @classmethod
    def receive(cls, source: str, event_id: str, type: str, body: bytes, *, ignore: bool = False, **told: Any) -> Self:
        """Store an event once, and return its row, which may be that of an earlier delivery.

        `told` is what else the sender says of it: `api_version` and `livemode`.
        """
        told |= {"status": DeliveryStatus.IGNORED, "processed_at": now()} if ignore else {}
        return known_or_new(cls, {"source": source, "event_id": event_id}, type=type, body=body, **told)

    @classmethod
    def find(cls, delivery_id: int) -> Self:
        """Return a delivery for whoever processes it, or raise NotFound."""
        return found(db.session.get(cls, delivery_id, with_for_update=True))

    @classmethod
    def latest(cls, before: int | None = None, *, per_page: int) -> Page[Self]:
        """Return the page behind a delivery, newest first."""
        return page_of(select(cls), (cls.id,), before, per_page)

    @classmethod
    def pending(cls, older_than: timedelta, *, limit: int = 50) -> Sequence[Self]:
        """Return what has been waiting for longer than this, oldest first."""
        waiting = select(cls).where(cls.processed_at.is_(None), cls.status != DeliveryStatus.DEAD).order_by(cls.id)
        return db.session.scalars(waiting.where(cls.received_at < now() - older_than).limit(limit)).all()

    @classmethod
    def sweep(cls) -> int:
        """Forget some of the processed events of 35 days ago, and return how many.

        Of senders whose signatures never age, only what they said is forgotten: their ids guard against a replay.
        """
        old, ages = cls.processed_at.is_not(None) & (cls.received_at < now() - KEPT), cls.source.in_(SIGNED_WITH_A_TIME)
        db.session.execute(update(cls).where(old, ~ages, cls.body != b"").values(body=b""))
        return delete_some(cls.__table__, old & ages)

    def process(self, prepared: Any = None, *, payload: Any = None) -> set[str]:
        """Let the event take effect, once, and return the cache tags to revalidate. Harmless when repeated.

        `prepared` is slow work done before the write lock was taken; the effect gets it as its second argument.
        `payload` is the body as JSON, where it has been parsed already.

        An effect that raises is rolled back by itself: the attempt is counted, and the status says so. A database that
        is busy or broken raises OperationalError or TimeoutError and counts for nothing; so does IntegrityError on
        PostgreSQL where another transaction has added the same row meanwhile.
        """
        if not self.is_open:
            return set()
        try:
            with db.session.begin_nested():
                tags = set(self._take_effect(prepared, payload))
        except Exception as error:
            code = getattr(getattr(error, "orig", None), "sqlstate", "")
            if isinstance(error, OperationalError | PoolTimeout | TimeoutError) or code == UNIQUE_VIOLATION:
                raise
            self.attempts, self.last_error = self.attempts + 1, _describe(error)[:300]
            self.status = DeliveryStatus.DEAD if self.attempts >= MAX_ATTEMPTS else DeliveryStatus.FAILED
            return {"deliveries"}
        self.status, self.processed_at = (DeliveryStatus.APPLIED if tags else DeliveryStatus.IGNORED), now()
        return tags | {"deliveries"}

    def replay(self) -> set[str]:
        """Try again at once, even what was given up; what has taken effect does not act twice."""
        if self.status == DeliveryStatus.DEAD:
            self.status = DeliveryStatus.FAILED
        return self.process()

    def _take_effect(self, prepared: Any, payload: Any) -> Collection[str]:
        act: Effect = EFFECTS.get((self.source, self.type), lambda *_: ())
        payload = json.loads(self.body.decode("utf-8-sig")) if payload is None else payload
        return act(payload) if prepared is None else act(payload, prepared)


def _describe(error: Exception) -> str:
    """Say what went wrong, and where. Never the error's own words: they may quote the payload."""
    if isinstance(error, ValidationError):
        places = {".".join(str(step) for step in problem["loc"]) for problem in error.errors(include_input=False)}
        return f"{type(error).__name__}: not as expected: {', '.join(sorted(places))}"
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {frame.name} ({frame.filename.rpartition('/')[2]}, line {frame.lineno})"

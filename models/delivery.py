"""The inbox of the webhooks: each event is kept once, under its sender's own id, and takes effect once."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Model, now


class Outcome(StrEnum):
    """What became of a delivery."""

    PENDING = "pending"
    APPLIED = "applied"
    IGNORED = "ignored"
    DEAD = "dead"


class Delivery(Model):
    """One event as its sender signed it."""

    __tablename__ = "delivery"
    __table_args__ = (UniqueConstraint("source", "event_id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(20))
    event_id: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(100))
    api_version: Mapped[str] = mapped_column(String(40), default="")
    livemode: Mapped[bool] = mapped_column(default=False)
    body: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    received_at: Mapped[datetime] = mapped_column(default=now, index=True)
    outcome: Mapped[Outcome] = mapped_column(String(10), default=Outcome.PENDING, index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(String(300), default="")
    processed_at: Mapped[datetime | None]

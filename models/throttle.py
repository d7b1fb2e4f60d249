"""Slowing down whoever tries too often: counted in the database, so that workers share it and restarts keep it."""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import String, delete
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Model, db, now

LONGEST_WAIT = timedelta(minutes=15)
FORGET_AFTER = timedelta(hours=24)


def _digest(*party: str) -> str:
    return hashlib.sha256(repr(party).encode()).hexdigest()


class Throttle(Model):
    """Attempts of one kind by one party. The row keeps a digest: it is no list of addresses."""

    __tablename__ = "throttle"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    attempts: Mapped[int] = mapped_column(default=0)
    counted_since: Mapped[datetime] = mapped_column(default=now)
    blocked_until: Mapped[datetime | None]

    @classmethod
    def seconds_to_wait(cls, *party: str) -> int:
        """Return how long the party has to wait before it may try again; 0 when it may."""
        row = db.session.get(cls, _digest(*party))
        if row is None or row.blocked_until is None:
            return 0
        return max(0, round((row.blocked_until - now()).total_seconds() + 0.5))

    @classmethod
    def count_attempt(cls, *party: str, free: int) -> None:
        """Count an attempt. After `free` of them each one doubles the wait, up to `LONGEST_WAIT`."""
        row = db.session.get(cls, _digest(*party))
        if row is None or row.counted_since < now() - FORGET_AFTER:
            row = db.session.merge(cls(digest=_digest(*party), attempts=0, counted_since=now(), blocked_until=None))
        row.attempts += 1
        if row.attempts >= free:
            row.blocked_until = now() + min(timedelta(seconds=2 ** min(row.attempts - free, 20)), LONGEST_WAIT)

    @classmethod
    def clear(cls, *party: str) -> None:
        """Forget the attempts of a party that has proved itself."""
        db.session.execute(delete(cls).where(cls.digest == _digest(*party)))

    @classmethod
    def sweep(cls) -> None:
        """Remove what nobody asks about any more."""
        db.session.execute(delete(cls).where(cls.counted_since < now() - 2 * FORGET_AFTER))

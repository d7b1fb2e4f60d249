"""Answers that were given already: kept in the transaction of their effect, given again to whoever asks again."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Model, delete_some, now


class IdempotencyKey(Model):
    """One key that a client chose for one request, and the answer that request got."""

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    api_key_id: Mapped[int] = mapped_column(ForeignKey("api_key.id", ondelete="CASCADE"), index=True)
    request: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    headers: Mapped[dict[str, Any]] = mapped_column(JSON)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)

    @classmethod
    def sweep(cls) -> int:
        """Forget some of what no client still repeats, and return how much."""
        return delete_some(cls.__table__, cls.created_at < now() - timedelta(days=2))

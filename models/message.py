"""Letters from the contact form."""

from datetime import datetime
from typing import Self

from sqlalchemy import Index, String, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from models.bounds import Page, count_of, page_of
from models.database import Dated, Model, Numbered, added, db, found, now, only


class Message(Numbered, Dated, Model):
    """A letter, read or not."""

    __table_args__ = (Index("ix_message_unread", "id", **only("read_at IS NULL")), {"sqlite_autoincrement": True})

    name: Mapped[str] = mapped_column(String(80))
    email: Mapped[str] = mapped_column(String(254))
    body: Mapped[str] = mapped_column(Text)
    read_at: Mapped[datetime | None]

    @classmethod
    def send(cls, *, name: str, email: str, body: str) -> Self:
        """Put a letter into the inbox."""
        return added(cls(name=name, email=email, body=body))

    @classmethod
    def inbox(cls, before: int | None = None, *, unread_only: bool = False, per_page: int = 50) -> Page[Self]:
        """Return the page behind a letter, newest first."""
        query = select(cls).where(cls.read_at.is_(None)) if unread_only else select(cls)
        return page_of(query, (cls.id,), before, per_page)

    @classmethod
    def unread(cls) -> int:
        """Count what nobody has read, up to `MANY`."""
        return db.session.scalar(select(count_of(select(cls.id).where(cls.read_at.is_(None))))) or 0

    @classmethod
    def find(cls, message_id: int) -> Self:
        """Return a letter, or raise NotFound. The inbox is the house's: the policy has said who may look."""
        return found(db.session.get(cls, message_id))

    def mark_read(self) -> None:
        """Note that it was read; the first time counts."""
        self.read_at = self.read_at or now()

    def mark_unread(self) -> None:
        """Put it back among the unread."""
        self.read_at = None

"""Letters from the contact form."""

from datetime import datetime

from sqlalchemy import String, Text, select
from sqlalchemy.orm import Mapped, mapped_column

from models.bounds import Page, count_of, page_of
from models.database import Dated, Model, Numbered, added, db, found, indexes, now


class Message(Numbered, Dated, Model):
    """A letter, read or not. A suspected one, which a program may have written, lies in a folder of its own."""

    __table_args__ = (*indexes("message"), {"sqlite_autoincrement": True})

    name: Mapped[str] = mapped_column(String(80))
    email: Mapped[str] = mapped_column(String(254))
    body: Mapped[str] = mapped_column(Text)
    read_at: Mapped[datetime | None]
    suspected: Mapped[bool] = mapped_column(default=False)

    @classmethod
    def send(cls, *, name: str, email: str, body: str, suspected: bool = False) -> "Message":
        """Put a letter into the inbox, or among the suspected ones."""
        return added(cls(name=name, email=email, body=body, suspected=suspected))

    @classmethod
    def inbox(cls, before: int | None = None, *, show: str | None = None, per_page: int = 50) -> Page["Message"]:
        """Return the page behind a letter, newest first; `show` is `unread`, `suspected`, or None: all that are not."""
        query = select(cls).where(cls.suspected == (show == "suspected"))
        return page_of(query.where(cls.read_at.is_(None)) if show == "unread" else query, (cls.id,), before, per_page)

    @classmethod
    def unread(cls) -> int:
        """Count what nobody has read, up to `MANY`; the suspected ones do not count."""
        unread = select(cls.id).where(cls.read_at.is_(None), cls.suspected.is_(False))
        return db.session.scalar(select(count_of(unread))) or 0

    @classmethod
    def find(cls, message_id: int) -> "Message":
        """Return a letter, or raise NotFound. The inbox is the house's: the policy has said who may look."""
        return found(db.session.get(cls, message_id))

    def mark_read(self) -> None:
        """Note that it was read; the first time counts."""
        self.read_at = self.read_at or now()

    def mark_unread(self) -> None:
        """Put it back among the unread of the inbox, also from the suspected ones."""
        self.read_at, self.suspected = None, False

"""Keys to the public API: issued to one partner for one purpose, shown then and never again, found by their digest."""

import hashlib
import re
import secrets
import string
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.database import Dated, Model, Numbered, added, db, found, now
from models.user import User

_ALPHABET = string.digits + string.ascii_letters
_ID, _SECRET = 10, 38  # characters; 38 of 62 kinds are 226 bits
_TEXT = re.compile(rf"hd_([0-9A-Za-z]{{{_ID}}})_[0-9A-Za-z]{{{_SECRET}}}")


Scope = StrEnum("Scope", {"READ": "posts:read", "WRITE": "posts:write"})
Scope.__doc__ = "What a key allows."


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def digest_of(text: str) -> str:
    """Return what is kept of a secret that we have made, so that a copy of the database opens nothing."""
    # A fast hash is enough: nobody chose this secret, and 226 random bits are not guessed.
    return hashlib.sha256(text.encode()).hexdigest()


class ApiKey(Numbered, Dated, Model):
    """A key `hd_<id>_<secret>`. It acts for whom it was issued to, and can do no more than they can."""

    __table_args__ = {"sqlite_autoincrement": True}

    key_id: Mapped[str] = mapped_column(String(10), unique=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    scopes: Mapped[str] = mapped_column(String(80))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    revoked_at: Mapped[datetime | None]

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)

    @classmethod
    def issue(cls, user: User, name: str, scopes: list[Scope], text: str = "") -> tuple["ApiKey", str]:
        """Make a key for `user`, and return it with its text, which nobody can read again. `text` is the demo's own."""
        text = text or f"hd_{_random(_ID)}_{_random(_SECRET)}"
        key_id, words = text.split("_")[1], " ".join(sorted(set(scopes)))
        return added(cls(key_id=key_id, digest=digest_of(text), name=name, scopes=words, user=user)), text

    @classmethod
    def authenticate(cls, text: str) -> "ApiKey | None":
        """Return the key that `text` is, unless it is revoked or its person has gone. What is no key costs no query."""
        if not _TEXT.fullmatch(text):
            return None
        query = select(cls).join(User).where(cls.digest == digest_of(text))
        return db.session.scalar(query.where(cls.revoked_at.is_(None), User.disabled_at.is_(None)))

    @classmethod
    def of(cls, user: User) -> list["ApiKey"]:
        """Return the keys that `user` sees: their own, and to the owner everybody's; newest first."""
        query = select(cls).order_by(cls.id.desc())
        return list(db.session.scalars(query if user.is_owner else query.where(cls.user_id == user.id)))

    @classmethod
    def find(cls, user: User, row_id: int) -> "ApiKey":
        """Return a key that is this user's to revoke, or raise NotFound."""
        return found(next((key for key in cls.of(user) if key.id == row_id), None))

    @classmethod
    def named(cls, key_id: str) -> "ApiKey | None":
        """Return the key `hd_<key_id>_…`, revoked or not."""
        return db.session.scalar(select(cls).where(cls.key_id == key_id))

    @property
    def bucket(self) -> str:
        """What its requests are counted under."""
        return f"key:{self.key_id}"

    def revoke(self) -> None:
        """Let it authenticate nobody from this commit on."""
        self.revoked_at = self.revoked_at or now()

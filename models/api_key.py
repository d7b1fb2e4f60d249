"""Keys to the public door: cut for one partner and one purpose, shown once, known again by a digest."""

import hashlib
import hmac
import secrets
import zlib
from datetime import datetime
from enum import StrEnum
from typing import Self

from sqlalchemy import ForeignKey, String, func, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.database import Model, db, now
from models.errors import NotFound
from models.user import User

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID, _SECRET, _CHECK = 10, 32, 6  # letters; 32 of 62 kinds are 190 bits


class Scope(StrEnum):
    """What a key opens."""

    READ = "posts:read"
    WRITE = "posts:write"


def _random(length: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _checksum(text: str) -> str:
    """Return the CRC-32 of `text` in six letters: a mistyped or invented key is known without asking the database."""
    number, letters = zlib.crc32(text.encode()), ""
    for _ in range(_CHECK):
        number, rest = divmod(number, len(_LETTERS))
        letters = _LETTERS[rest] + letters
    return letters


def _digest(key: str) -> str:
    # A fast hash is enough: nobody chose this secret, and 190 random bits are not guessed.
    return hashlib.sha256(key.encode()).hexdigest()


class ApiKey(Model):
    """A key `hd_<id>_<secret and checksum>`. It acts for who had it cut, and can do no more than they can."""

    __tablename__ = "api_key"
    __table_args__ = {"sqlite_autoincrement": True}

    id: Mapped[int] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(String(_ID), unique=True)
    digest: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(80))
    scopes: Mapped[str] = mapped_column(String(80))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    revoked_at: Mapped[datetime | None]

    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)

    @classmethod
    def issue(cls, user: User, name: str, scopes: list[Scope], *, text: str = "") -> tuple[Self, str]:
        """Make a key for `user`, and return it with its text, which nobody can read again. `text` is the demo's own."""
        if not text:
            body = f"hd_{_random(_ID)}_{_random(_SECRET)}"
            text = body + _checksum(body)
        held = " ".join(sorted(set(scopes)))
        key = cls(key_id=text.split("_")[1], digest=_digest(text), name=name, scopes=held, user=user)
        db.session.add(key)
        return key, text

    @classmethod
    def authenticate(cls, text: str) -> Self | None:
        """Return the key that `text` is, unless it is revoked or its person has gone. A misspelt one costs no query."""
        prefix, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        if prefix != "hd" or len(key_id) != _ID or len(secret) != _SECRET + _CHECK or not text.isascii():
            return None
        if not hmac.compare_digest(_checksum(text[:-_CHECK]), text[-_CHECK:]):
            return None
        query = select(cls).join(User).where(cls.key_id == key_id, cls.revoked_at.is_(None), User.disabled_at.is_(None))
        key = db.session.scalar(query)
        return key if key and hmac.compare_digest(key.digest, _digest(text)) else None

    @classmethod
    def of(cls, user: User) -> list[Self]:
        """Return the keys that `user` sees: their own, and to the owner everybody's; newest first."""
        query = select(cls).order_by(cls.id.desc())
        return list(db.session.scalars(query if user.is_owner else query.where(cls.user_id == user.id)))

    @classmethod
    def find(cls, user: User, row_id: int) -> Self:
        """Return a key that is this user's to revoke, or raise NotFound."""
        key = db.session.get(cls, row_id)
        if key is None or not (user.is_owner or key.user_id == user.id):
            raise NotFound(row_id)
        return key

    @classmethod
    def named(cls, key_id: str) -> Self | None:
        """Return the key `hd_<key_id>_…`, revoked or not."""
        return db.session.scalar(select(cls).where(cls.key_id == key_id))

    @classmethod
    def count_open(cls, user: User) -> int:
        """Count the keys of `user` that are not revoked."""
        query = select(func.count(cls.id)).where(cls.user_id == user.id, cls.revoked_at.is_(None))
        return db.session.scalar(query) or 0

    @property
    def bucket(self) -> str:
        """What its requests are counted under."""
        return f"key:{self.key_id}"

    @property
    def scope_list(self) -> list[Scope]:
        """The scopes it was cut for."""
        return [Scope(word) for word in self.scopes.split()]

    def has_scope(self, scope: Scope) -> bool:
        """Say whether it was cut for this."""
        return scope in self.scope_list

    def revoke(self) -> None:
        """Let it open nothing from this commit on."""
        self.revoked_at = self.revoked_at or now()

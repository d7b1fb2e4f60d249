"""Sessions: one row each, so that signing out or disabling an account holds at once, on every worker."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from models.api_key import digest_of
from models.database import Model, db, delete_some, now
from models.user import User

LIFETIME = timedelta(days=14)


class UserSession(Model):
    """A signed-in browser. The row keeps a digest of the token, so that a copy of the database opens nothing."""

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)

    @classmethod
    def start(cls, user: User) -> str:
        """Begin a session and return its token: 256 random bits that only the browser keeps."""
        token = secrets.token_urlsafe(32)
        db.session.add(cls(digest=digest_of(token), user_id=user.id, expires_at=now() + LIFETIME))
        return token

    @classmethod
    def user_of(cls, token: str) -> User | None:
        """Return who the token stands for: nobody, once it has ended or expired or the account is disabled."""
        return db.session.scalar(_USER_OF, {"token": digest_of(token), "now": now()})

    @classmethod
    def end(cls, token: str) -> None:
        """End the session of a token."""
        db.session.execute(delete(cls).where(cls.digest == digest_of(token)))

    @classmethod
    def end_all_of(cls, user: User) -> None:
        """End every session of a user."""
        db.session.execute(delete(cls).where(cls.user_id == user.id))

    @classmethod
    def sweep(cls) -> int:
        """Remove some of what has expired, and return how much."""
        return delete_some(cls.__table__, cls.expires_at <= now())


# Made once, for it is asked in every request.
_ASKED = UserSession.digest == bindparam("token"), UserSession.expires_at > bindparam("now"), User.disabled_at.is_(None)
# So no condition is added each time: in neither table are rows that are only marked as deleted.
_USER_OF = select(User).where(UserSession.user_id == User.id, *_ASKED).execution_options(include_deleted=True)

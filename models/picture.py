"""Pictures of posts: kept in the database, so that every machine has them, and named by the digest of their bytes."""

import hashlib
import re
from datetime import timedelta

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, column_property, mapped_column

from models.database import Dated, Model, Numbered, db, delete_some, indexes, known_or_new, now, pairs

post_picture = pairs("post", "picture")  # which posts name which, whatever has become of them


class Picture(Numbered, Dated, Model):
    """A picture as it was drawn anew, at `/pictures/<SHA-256 of its bytes>.<kind>`."""

    __table_args__ = (UniqueConstraint("path", "user_id"), *indexes("picture"))

    path: Mapped[str] = mapped_column(String(90))
    width: Mapped[int]
    height: Mapped[int]
    alt: Mapped[str] = mapped_column(String(300))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    content: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    size: Mapped[int] = column_property(func.length(content), deferred=True)  # asked for, the bytes stay where they are

    @property
    def markdown(self) -> str:
        """What shows it in a text. A bracket would end its words."""
        return f"![{self.alt.translate({91: '(', 93: ')', 92: '/'})}]({self.path})"

    @classmethod
    def add(cls, user_id: int, *, kind: str, content: bytes, **told: str | int) -> "Picture":
        """Keep a picture of a user's, or the same one for another day; `told` are `alt`, `width` and `height`."""
        path = f"/pictures/{hashlib.sha256(content).hexdigest()}.{kind}"
        picture = known_or_new(cls, {"path": path, "user_id": user_id}, content=content, **told)
        picture.alt, picture.created_at = str(told["alt"]), max(picture.created_at or now(), now() - timedelta(hours=1))
        return picture

    @classmethod
    def named_in(cls, text: str) -> list["Picture"]:
        """Return the pictures whose addresses stand in a text. It asks the database only where there are any."""
        paths = set(re.findall(r"/pictures/[0-9a-f]{64}\.[a-z]{3,4}", text))
        query = select(cls).where(cls.path.in_(paths)).execution_options(autoflush=False)  # a post may be half made
        return list(db.session.scalars(query)) if paths else []

    @classmethod
    def sweep(cls) -> int:
        """Remove some of what no post has named for a day, not even one in the trash, and return how many."""
        unused = ~select(post_picture).where(post_picture.c.picture_id == cls.id).exists()
        return delete_some(cls.__table__, unused & (cls.created_at < now() - timedelta(days=1)), most=20)

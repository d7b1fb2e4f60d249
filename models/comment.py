"""What readers say under a post."""

from typing import TYPE_CHECKING, Self

from sqlalchemy import ForeignKey, Text, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.bounds import Page, page_of
from models.database import Dated, Model, Numbered, added, db, indexes

if TYPE_CHECKING:
    from models.post import Post
    from models.user import User


class Comment(Numbered, Dated, Model):
    """A comment: plain text, shown as it was typed."""

    __table_args__ = (*indexes("comment"), {"sqlite_autoincrement": True})

    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    body: Mapped[str] = mapped_column(Text)

    post: Mapped["Post"] = relationship(lazy="selectin")
    user: Mapped["User"] = relationship(lazy="joined", innerjoin=True)

    @classmethod
    def add(cls, post: "Post", user: "User", body: str) -> Self:
        """Say something under a post."""
        return added(cls(post=post, user=user, body=body))

    @classmethod
    def under(cls, post: "Post", before: int | None = None, *, per_page: int = 50) -> Page[Self]:
        """Return the page of a post's comments behind a comment, newest first."""
        return page_of(select(cls).where(cls.post_id == post.id), (cls.id,), before, per_page)

    @classmethod
    def latest(cls, limit: int) -> list[Self]:
        """Return the newest comments of all posts that are not deleted."""
        return list(db.session.scalars(select(cls).join(cls.post).order_by(cls.id.desc()).limit(limit)))

    def delete(self) -> None:
        """Remove it."""
        db.session.delete(self)

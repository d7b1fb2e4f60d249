"""Likes: one per visitor and post, counted on the post."""

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Model, db
from models.post import Post


class Like(Model):
    """A visitor's like. `visitor` is an account (`user:7`) or a browser (`browser:<random>`)."""

    post_id: Mapped[int] = mapped_column(ForeignKey("post.id", ondelete="CASCADE"), primary_key=True)
    visitor: Mapped[str] = mapped_column(String(60), primary_key=True)

    @classmethod
    def is_set(cls, post: Post, visitor: str) -> bool:
        """Say whether this visitor likes the post."""
        return bool(visitor) and db.session.get(cls, (post.id, visitor)) is not None

    @classmethod
    def toggle(cls, post: Post, visitor: str) -> bool:
        """Like the post, or no longer; return what now holds."""
        like = db.session.get(cls, (post.id, visitor))
        db.session.delete(like) if like else db.session.add(cls(post_id=post.id, visitor=visitor))
        post.like_count += -1 if like else 1
        return like is None

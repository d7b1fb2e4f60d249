"""What was deleted, whole, for as long as it can be brought back."""

from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import JSON, ForeignKey, Table, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from models.comment import Comment
from models.database import Model, UtcDateTime, db, now
from models.like import Like
from models.post import Post, Tag

KEPT = timedelta(days=7)
COMMENTS, LIKES = Comment.metadata.tables["comment"], Like.metadata.tables["like"]
POSTS = Post.metadata.tables["post"]


class Trash(Model):
    """A deleted post with its tags, comments and likes, as rows of JSON."""

    __tablename__ = "trash"

    post_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"), index=True)
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    deleted_at: Mapped[datetime] = mapped_column(default=now, index=True)

    @classmethod
    def keep(cls, post: Post) -> Self:
        """Write down all that goes when the post goes."""
        db.session.flush()
        data = {
            "post": _rows(POSTS, POSTS.c.id == post.id)[0],
            "tags": [tag.name for tag in post.tags],
            "comments": _rows(COMMENTS, COMMENTS.c.post_id == post.id),
            "likes": _rows(LIKES, LIKES.c.post_id == post.id),
        }
        return db.session.merge(cls(post_id=post.id, author_id=post.author_id, data=data, deleted_at=now()))

    @classmethod
    def sweep(cls) -> None:
        """Forget what nobody brought back in time."""
        db.session.execute(delete(cls).where(cls.deleted_at < now() - KEPT))

    def restore(self) -> Post:
        """Bring everything back as it was, under the same ids; only an address taken meanwhile gets a number."""
        row = self.data["post"]
        row["slug"] = Post.free_slug(row["slug"])
        if row["origin"] and Post.has_origin(row["origin"]):
            row["origin"] = None
        for table, rows in ((POSTS, [row]), (COMMENTS, self.data["comments"]), (LIKES, self.data["likes"])):
            if rows:
                db.session.execute(insert(table), [_times(table, row) for row in rows])
        post = db.session.get_one(Post, self.post_id)
        post.tags = Tag.named(self.data["tags"])
        db.session.delete(self)
        return post


def _rows(table: Table, condition: Any) -> list[dict[str, Any]]:
    found = db.session.execute(select(table).where(condition)).mappings()
    return [
        {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
        for row in found
    ]


def _times(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with the times that JSON has as text; of what the schema has lost since, nothing."""
    known = {name: value for name, value in row.items() if name in table.c}
    return known | {
        name: datetime.fromisoformat(value)
        for name, value in known.items()
        if value and isinstance(table.c[name].type, UtcDateTime)
    }

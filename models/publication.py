"""Publication: what brings a post before its readers and takes it back, now or at a time."""

from datetime import datetime
from enum import StrEnum
from typing import Self

from sqlalchemy import Select, String, select
from sqlalchemy.orm import Mapped, mapped_column

from models.database import db, now


class PostStatus(StrEnum):
    """Where a post stands between writer and reader."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    PUBLISHED = "published"


class Publication:
    """The part of a post that is about its being public."""

    status: Mapped[PostStatus] = mapped_column(String(10), default=PostStatus.DRAFT)
    publish_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    updated_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def is_published(self) -> bool:
        """Whether readers can see it."""
        return self.status == PostStatus.PUBLISHED

    @property
    def has_fixed_slug(self) -> bool:
        """Whether the slug is settled: from the first publication on, others may have written it down."""
        return self.published_at is not None

    def publish(self) -> None:
        """Show it to readers. Its first publication dates it; harmless when repeated."""
        if not self.is_published:
            self.status, self.publish_at, self.updated_at = PostStatus.PUBLISHED, None, now()
            self.published_at = self.published_at or self.updated_at

    def unpublish(self) -> None:
        """Make it a draft again; harmless when repeated."""
        if self.status != PostStatus.DRAFT:
            self.status, self.publish_at, self.updated_at = PostStatus.DRAFT, None, now()

    def schedule(self, at: datetime) -> None:
        """Have it published at a time."""
        self.status, self.publish_at, self.updated_at = PostStatus.SCHEDULED, at, now()

    @classmethod
    def due(cls) -> Select[tuple[Self]]:
        """Select what is scheduled for now or earlier, in the order of its time."""
        due = select(cls).where(cls.status == PostStatus.SCHEDULED, cls.publish_at <= now())
        return due.order_by(cls.publish_at, "id")

    @classmethod
    def publish_due(cls) -> list[Self]:
        """Publish what is due, and return it."""
        posts = list(db.session.scalars(cls.due().with_for_update()))
        for post in posts:
            post.publish()
        return posts

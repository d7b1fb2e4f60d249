"""Publication: what brings a post before its readers and takes it back, now or at a time."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from models.database import now

if TYPE_CHECKING:
    from models.user import User


class MayNotPublish(Exception):
    """Who asks may not bring this before readers; an editor may."""


PostStatus = StrEnum("PostStatus", "DRAFT SCHEDULED PUBLISHED")
PostStatus.__doc__ = "Where a post stands between writer and reader."


class Publication:
    """The part of a post that is about its being public."""

    status: Mapped[PostStatus] = mapped_column(String(10), default=PostStatus.DRAFT)
    publish_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    cleared: Mapped[bool] = mapped_column(default=True)
    updated_at: Mapped[datetime] = mapped_column(default=now)

    @property
    def is_published(self) -> bool:
        """Whether readers can see it."""
        return self.status == PostStatus.PUBLISHED

    @property
    def has_fixed_slug(self) -> bool:
        """Whether the slug is settled: from the first publication on, others may have written it down."""
        return self.published_at is not None

    def publish(self, by: "User | None" = None) -> None:
        """Show it to readers. Its first publication dates it; harmless when repeated."""
        self._become(PostStatus.PUBLISHED, by)
        self.published_at = self.published_at or self.updated_at

    def unpublish(self, by: "User | None" = None) -> None:
        """Make it a draft again; harmless when repeated."""
        self._become(PostStatus.DRAFT, by)

    def schedule(self, at: datetime, by: "User | None" = None) -> None:
        """Have it published at a time. What an editor has not cleared is asked about again then."""
        self._become(PostStatus.SCHEDULED, by, at)
        self.cleared = by is None or by.is_editor

    def _become(self, status: PostStatus, by: "User | None", at: datetime | None = None) -> None:
        """Change what readers see, now or at a time: there is no other way. Raises MayNotPublish.

        `by` is who does so; None stands for the publication itself, its seed and its clock.
        """
        if by and not by.may_publish:
            raise MayNotPublish
        if (status, at) != (self.status, self.publish_at):
            self.status, self.publish_at, self.updated_at = status, at, now()

"""Lists of posts: which ones, and one page of them in an order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import lazyload, undefer

from models.bounds import MANY, count_of
from models.database import db
from models.post import Post
from models.publication import PostStatus
from models.search import posts_with
from models.tag import Tag, post_tag
from models.user import User

PER_PAGE = 8


@dataclass(frozen=True)
class PostFilter:
    """Which posts a list shows: of a status (None: of any), under a tag, by an author's handle, with these words."""

    status: PostStatus | None = PostStatus.PUBLISHED
    tag: str | None = None
    author: str | None = None
    words: str | None = None

    def apply(self, query: Select[Any]) -> Select[Any]:
        """Return the query on posts with these conditions. With words, those that fit best come first."""
        if self.status:
            query = query.where(Post.status == self.status)
        if self.tag:
            query = query.where(Post.tags.any(Tag.name == self.tag))
        if self.author:
            query = query.where(Post.author_id == select(User.id).where(User.handle == self.author).scalar_subquery())
        if self.words:
            found = posts_with(self.words, db.engine.dialect.name).subquery("found")
            query = query.join(found, found.c.post_id == Post.id).order_by(found.c.rank)
        return query

    def count(self) -> int:
        """Count the posts, up to `MANY`."""
        return db.session.scalar(select(count_of(self.apply(select(Post.id))))) or 0

    def published(self, page: int = 1, *, per_page: int = PER_PAGE, whole: bool = False) -> Sequence[Post]:
        """Return one page, last published first; `whole` reads the texts in the same query."""
        query = self.apply(select(Post)).order_by(Post.published_at.desc(), Post.id.desc())
        return _page(query.options(undefer(Post.body_html)) if whole else query, page, per_page)

    def for_dashboard(self, page: int, *, per_page: int) -> Sequence[Post]:
        """Return one page, last begun first, so that a post keeps its place whatever becomes of it."""
        query = self.apply(select(Post)).order_by(Post.created_at.desc(), Post.id.desc())
        return _page(query.options(lazyload(Post.tags)), page, per_page)

    def counts(self) -> dict[PostStatus | None, int]:
        """Count the posts of each status, and under None those of all, up to `MANY`."""
        statuses = (None, *PostStatus)
        counts = [count_of(replace(self, status=status).apply(select(Post.id))) for status in statuses]
        return dict(zip(statuses, db.session.execute(select(*counts)).one(), strict=True))

    def tags(self) -> Sequence[Tag]:
        """Return the tags that the posts stand under, by name."""
        return db.session.scalars(select(Tag).where(self.under_tag().exists()).order_by(Tag.name).limit(MANY)).all()

    def under_tag(self) -> Select[tuple[int]]:
        """Return the ids of the posts under the `Tag` of the query around this one."""
        return self.apply(select(Post.id)).join(post_tag).where(post_tag.c.tag_id == Tag.id).correlate(Tag)

    def addresses(self, limit: int = 40_000) -> list[tuple[str, datetime]]:
        """Return path and last change, last published first; a sitemap holds 50,000 at most."""
        query = self.apply(select(Post.slug, Post.updated_at)).order_by(Post.published_at.desc(), Post.id.desc())
        return [(f"/blog/{slug}", updated_at) for slug, updated_at in db.session.execute(query.limit(limit))]


def _page(query: Select[tuple[Post]], page: int, per_page: int) -> Sequence[Post]:
    return db.session.scalars(query.limit(per_page).offset((page - 1) * per_page)).all()

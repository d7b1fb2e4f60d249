"""Lists of posts: which ones, and one page of them in an order."""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import Row, Select, func, select

from models.bounds import MANY, Page, count_of, page_of
from models.database import db
from models.post import Post
from models.publication import PostStatus
from models.search import newest_with, tiers
from models.tag import Tag, post_tag
from models.user import User

_AT = func.coalesce(Post.published_at, Post.created_at).label("at")
_RANKED = (Post.id, Post.status, Post.title, Post.excerpt, Post.author_id, _AT)  # what tells how well a post fits


@dataclass(frozen=True)
class PostFilter:
    """Which posts a list shows: of a status (None: of any), under a tag, by an author's handle, with these words."""

    status: PostStatus | None = PostStatus.PUBLISHED
    tag: str | None = None
    author: str | None = None
    words: str | None = None
    reader: int | None = None  # whose own posts may be searched besides the published ones; by default all may

    def apply(self, query: Select[Any]) -> Select[Any]:
        """Return the query on posts with these conditions; what the words ask for is in `matches`."""
        if self.status:
            query = query.where(Post.status == self.status)
        if self.tag:
            # Where few posts stand under it, they are looked up; else the newest of all are tried, and soon enough fit.
            under = select(post_tag.c.post_id).join(Tag).where(Tag.name == self.tag).limit(MANY + 1)
            ids = db.session.scalars(under).all()
            query = query.where(Post.id.in_(ids) if len(ids) <= MANY else Post.tags.any(Tag.name == self.tag))
        if self.author:
            query = query.where(Post.author_id == select(User.id).where(User.handle == self.author).scalar_subquery())
        return query

    @cached_property
    def matches(self) -> list[Row[Any]]:
        """The posts with the words, of any status: first those with all in the title, and of these the newest."""
        found, tier = newest_with(self.words or "", db.engine.dialect.name).subquery("found"), tiers(self.words or "")
        query = replace(self, status=None).apply(select(*_RANKED))
        rows = db.session.execute(query.join(found, found.c.post_id == Post.id)).all()
        readable = {row for row in rows if self.reader in (None, row.author_id) or row.status == PostStatus.PUBLISHED}
        rows = [row for row in rows if row in readable or not tier(row.title, "")]
        return sorted(rows, key=lambda row: (-tier(row.title, row.excerpt), row.at, row.id), reverse=True)

    def count(self) -> int:
        """Count the posts, up to `MANY`."""
        return self.counts()[self.status]

    def page(self, *options: Any, before: int | None = None, by: Any = Post.published_at, size: int = 8) -> Page[Post]:
        """Return the page behind a post, the greatest `by` first; with words, what fits best first."""
        query = select(Post).options(*options)
        if not self.words:
            return page_of(self.apply(query), (by, Post.id), before, size)
        rows = [row for row in self.matches if self.status in (None, row.status)]
        place = next((n for n, row in enumerate(rows, 1) if row.id == before), 0)
        page = Page[Post].cut(rows[place:][: size + 1], [row.id for row in rows[:place][::-1]], size)
        posts = {post.id: post for post in db.session.scalars(query.where(Post.id.in_(row.id for row in page.rows)))}
        return replace(page, rows=[posts[row.id] for row in page.rows])

    def counts(self) -> dict[PostStatus | None, int]:
        """Count the posts of each status, and under None those of all, up to `MANY`."""
        if self.words:
            return {each: sum(each in (None, row.status) for row in self.matches) for each in (None, *PostStatus)}
        statement = _counts_of.__wrapped__(self) if self.tag else _counts_of(self)  # ids of today are not for keeping
        return dict(zip((None, *PostStatus), db.session.execute(statement).one(), strict=True))

    def tags(self) -> list[Tag]:
        """Return the tags that the posts stand under, by name."""
        return list(db.session.scalars(select(Tag).where(self.under_tag().exists()).order_by(Tag.name).limit(MANY)))

    def under_tag(self) -> Select[tuple[int]]:
        """Return the ids of the posts under the `Tag` of the query around this one."""
        return self.apply(select(Post.id)).join(post_tag).where(post_tag.c.tag_id == Tag.id).correlate(Tag)


@lru_cache
def _counts_of(posts: PostFilter) -> Select[Any]:
    """Return the statement that counts posts of all statuses and of each. Making it takes longer than running it."""
    return select(*(count_of(replace(posts, status=each).apply(select(Post.id))) for each in (None, *PostStatus)))

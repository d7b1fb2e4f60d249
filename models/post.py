"""Posts: written, updated, scheduled, published, taken back. Lists of them are in `models/post_filter.py`."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import ColumnElement, ForeignKey, Select, String, Text, or_, select, true, tuple_
from sqlalchemy.orm import Mapped, mapped_column, relationship, undefer

from models.bounds import MANY
from models.database import Dated, Model, Numbered, db, first_free, found, indexes, now
from models.picture import Picture, post_picture
from models.publication import PostStatus, Publication
from models.search import other_words
from models.soft_delete import SoftDelete
from models.tag import Tag, post_tag
from models.text import first_words, to_html

if TYPE_CHECKING:
    from models.user import User


class Post(Publication, SoftDelete, Numbered, Dated, Model):
    """One text of the publication. `version` counts its edits, so that nobody saves over what they never saw."""

    # An id is never used twice: a late form may still name it.
    __table_args__ = (*indexes("post"), {"sqlite_autoincrement": True})

    slug: Mapped[str] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(120))
    excerpt: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text, deferred=True)
    body_html: Mapped[str] = mapped_column(Text, deferred=True)
    other_words: Mapped[str] = mapped_column(Text, default="", deferred=True)  # that it is found by
    version: Mapped[int] = mapped_column(default=1)
    like_count: Mapped[int] = mapped_column(default=0)
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    origin: Mapped[str | None] = mapped_column(String(80))  # what a webhook made it from
    lead: Mapped[str] = mapped_column(String(90), default="")  # the address of the first picture that is shown

    author: Mapped["User"] = relationship(back_populates="posts", lazy="joined", innerjoin=True)
    tags: Mapped[list[Tag]] = relationship(secondary=post_tag, lazy="selectin", order_by=Tag.name)
    pictures: Mapped[list[Picture]] = relationship(secondary=post_picture)

    @property
    def path(self) -> str:
        """The post's own page, and the tag of its cached copies."""
        return f"/blog/{self.slug}"

    @property
    def cache_tags(self) -> tuple[str, str]:
        """What goes stale when the post changes: its own page, and every list of posts."""
        return (self.path, "posts")

    @classmethod
    def find_published(cls, slug: str = "", *, id: int | None = None) -> Self:
        """Return what readers see under this slug, or with this id, or raise NotFound."""
        query = select(cls).where(cls.slug == slug if id is None else cls.id == id)
        return found(db.session.scalar(query.where(cls.status == PostStatus.PUBLISHED).options(undefer(cls.body_html))))

    @classmethod
    def due(cls, minutes_ago: int = 0) -> Select[tuple[Self]]:
        """Select what is scheduled for now or earlier, or was so many minutes ago, in the order of its time."""
        time = now() - timedelta(minutes=minutes_ago)
        return select(cls).where(cls.status == "scheduled", cls.publish_at <= time).order_by(cls.publish_at, "id")

    @classmethod
    def publish_due(cls) -> list[Self]:
        """Publish what is due, and return it. What its author may not publish any more becomes a draft."""
        posts = list(db.session.scalars(cls.due().with_for_update()))
        for post in posts:
            post.publish() if post.cleared or post.author.may_publish else post.unpublish()
        return posts

    def neighbours(self) -> tuple["Post | None", "Post | None"]:
        """Return the posts that were published before and after this one, as far as there are any."""
        when, live = tuple_(Post.published_at, Post.id), select(Post).where(Post.status == PostStatus.PUBLISHED)
        earlier = live.where(when < (self.published_at, self.id)).order_by(Post.published_at.desc(), Post.id.desc())
        later = live.where(when > (self.published_at, self.id)).order_by(Post.published_at, Post.id)
        return db.session.scalar(earlier.limit(1)), db.session.scalar(later.limit(1))

    @classmethod
    def visible_to(cls, user: "User | None") -> ColumnElement[bool]:
        """Return the condition under which someone sees a post: published, or theirs to work on."""
        if user and user.is_editor:
            return true()
        published = cls.status == PostStatus.PUBLISHED
        return or_(published, cls.author_id == user.id) if user and user.is_writer else published

    @classmethod
    def addresses(cls, part: int) -> list[tuple[str, datetime]]:
        """Return path and last change of the published posts whose ids are the `part`-th `MANY`."""
        query = select(cls.slug, cls.updated_at, cls.status).where(cls.id >= part * MANY, cls.id < (part + 1) * MANY)
        rows = db.session.execute(query.order_by(cls.id)).tuples()
        return [(f"/blog/{slug}", updated_at) for slug, updated_at, status in rows if status == PostStatus.PUBLISHED]

    def why_not_at(self, slug: str) -> str | None:
        """Return why the post cannot move to this address, or None where it can."""
        if self.has_fixed_slug and slug != self.slug:
            return "A post that has been published keeps its address."
        return None if slug in (self.slug, Post.free_slug(slug)) else "Another post has this address."

    @classmethod
    def free_slug(cls, wanted: str) -> str:
        """Return `wanted`, or with the first number that makes it free."""
        return first_free(cls.slug, wanted, longest=80)

    @classmethod
    def made_from(cls, origin: str | None) -> Self | None:
        """Return what a webhook has made of this already, if it has."""
        return db.session.scalar(select(cls).where(cls.origin == origin).options(undefer(cls.body)))

    def set_text(self, title: str, body: str, excerpt: str | None = None, *, html: str | None = None) -> None:
        """Give the post its words, rendered already (`html`) or now. Without an excerpt, the text's beginning is it."""
        html = html or (self.body_html if body == self.body else to_html(body))
        self.title, self.body, self.body_html = title, body, html
        self.excerpt = excerpt or first_words(html)
        self.other_words = other_words(f"{title} {self.excerpt} {body}")
        self.pictures = Picture.named_in(body)
        self.lead = html.partition("<img ")[2].partition('src="')[2].partition('"')[0]

    def update(
        self, by: "User | None" = None, *, slug: str | None = None, tags: list[str] | None = None, **words: Any
    ) -> None:
        """Change the words (see `set_text`), and count the version up where they differ.

        A written excerpt stays; others follow the text.

        Raises MayNotPublish where readers see them, now or at a time, and `by` may not show them any.
        """
        if tags is not None:
            self.tags = Tag.named(tags)  # first, for it asks the database
        self._become(self.status, None if self.status == PostStatus.DRAFT else by, self.publish_at)
        with db.session.no_autoflush:  # pictures are asked for: what is saved by that would be no change
            self.set_text(**{"excerpt": None if self.excerpt == first_words(self.body_html) else self.excerpt} | words)
        if slug and not self.has_fixed_slug:
            self.slug = slug
        if db.session.is_modified(self):  # saved as it was, nobody has to read it again
            self.version, self.updated_at = self.version + 1, now()

    @classmethod
    def render_again(cls) -> int:
        """Render every text anew, as after a change of the renderer, and return how many came out different."""
        query = select(cls).options(undefer(cls.body), undefer(cls.body_html))
        before = {post: post.body_html for post in db.session.scalars(query.execution_options(include_deleted=True))}
        for post in before:
            post.set_text(post.title, post.body, post.excerpt, html=to_html(post.body))
        return sum(post.body_html != html for post, html in before.items())

    def restore(self, by: "User | None" = None) -> None:
        """Bring a deleted post back as it was, but as a draft where `by` may not publish.

        An address that was taken meanwhile gets a number.
        """
        self.slug = Post.free_slug(self.slug)
        self.origin = None if Post.made_from(self.origin) else self.origin
        self.deleted_at = None
        if by and not by.may_publish:
            self.unpublish()

"""People with an account, what they may do, and the way to their own things."""

import threading
from datetime import datetime
from enum import StrEnum
from typing import Self
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, lazyload, mapped_column, relationship, undefer

from models.comment import Comment
from models.database import Dated, Model, NotFound, Numbered, added, db, first_free, found, now
from models.post import Post
from models.setting import Setting, Switch
from models.text import slugify

# Argon2id with the parameters of OWASP's password storage cheat sheet: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_NOBODY = _HASHER.hash("a password that nobody has")
_SLOTS = threading.BoundedSemaphore(4)  # each hash takes 19 MiB and some 25 ms of a core


Role = StrEnum("Role", "OWNER EDITOR AUTHOR READER")  # what someone is to the publication


class User(Numbered, Dated, Model):
    """Someone with an account."""

    __table_args__ = {"sqlite_autoincrement": True}

    name: Mapped[str] = mapped_column(String(80))
    handle: Mapped[str] = mapped_column(String(40), unique=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    bio: Mapped[str] = mapped_column(String(300), default="")
    role: Mapped[Role] = mapped_column(String(10))
    password_hash: Mapped[str] = mapped_column(String(200), deferred=True)
    disabled_at: Mapped[datetime | None]

    posts: Mapped[list[Post]] = relationship(back_populates="author")

    @property
    def is_writer(self) -> bool:
        """Owner, editor or author."""
        return self.role in (Role.OWNER, Role.EDITOR, Role.AUTHOR)

    @property
    def is_editor(self) -> bool:
        """Owner or editor: the whole desk is theirs."""
        return self.role in (Role.OWNER, Role.EDITOR)

    @property
    def is_owner(self) -> bool:
        """The owner."""
        return self.role == Role.OWNER

    @property
    def may_publish(self) -> bool:
        """Whether what is theirs may go live by their own hand."""
        return not self.disabled_at and (self.is_editor or (self.is_writer and Setting.is_on(Switch.AUTHORS_PUBLISH)))

    @classmethod
    def create(cls, *, name: str, email: str, role: Role, password: str, handle: str = "", bio: str = "") -> Self:
        """Add an account; the password is kept as an Argon2id hash only. Without a handle, the name is made one."""
        handle = handle or first_free(cls.handle, slugify(name, "someone")[:36], longest=40)
        user = cls(name=name, email=email.lower(), role=role, handle=handle, bio=bio)
        user.set_password(password)
        return added(user)

    @classmethod
    def by_email(cls, email: str, *, disabled: bool = False) -> Self | None:
        """Return the account of an address, unless it is disabled, or with `disabled` even then."""
        query = select(cls).where(cls.email == email.lower()).options(undefer(cls.password_hash))
        return db.session.scalar(query if disabled else query.where(cls.disabled_at.is_(None)))

    @classmethod
    def find_author(cls, handle: str) -> Self:
        """Return whose handle this is, or raise NotFound. A closed account still stands above its posts."""
        return found(db.session.scalar(select(cls).where(cls.handle == handle)))

    @classmethod
    def owner(cls) -> Self:
        """Return the owner, the first where there are several, or raise NotFound."""
        query = select(cls).where(cls.role == Role.OWNER, cls.disabled_at.is_(None)).order_by(cls.id).limit(1)
        return found(db.session.scalar(query))

    @staticmethod
    def check_password(user: "User | None", password: str) -> bool:
        """Say whether the password is the user's. The same work is done for nobody, so that time tells nothing.

        Raises TimeoutError when too many passwords are being checked already.
        """
        if not _SLOTS.acquire(timeout=1):
            raise TimeoutError("too many passwords to check at once")
        try:
            return _HASHER.verify(user.password_hash if user else _NOBODY, normalize("NFKC", password)) and bool(user)
        except (VerifyMismatchError, InvalidHashError):
            return False
        finally:
            _SLOTS.release()

    def set_password(self, password: str) -> None:
        """Give the account another password. Whoever is signed in stays so: `UserSession.end_all_of`.

        Keyboards differ in how they compose a letter, so it is hashed as NFKC (NIST SP 800-63B 3.1.1.2).
        """
        self.password_hash = _HASHER.hash(normalize("NFKC", password))

    def disable(self) -> None:
        """Close the account; its sessions end with the commit, everywhere."""
        self.disabled_at = now()

    def write(self, title: str, body: str = "", *, slug: str | None = None, **words: str | None) -> Post:
        """Begin a draft; `words` are others of `Post.set_text`."""
        post = Post(slug=slug or Post.free_slug(slugify(title)), author=self)
        post.set_text(title, body, **words)
        return added(post)

    def can_edit(self, post: Post) -> bool:
        """Editors work on everything, authors on their own."""
        return self.is_editor or (self.is_writer and post.author_id == self.id)

    def find_post(self, post_id: int | None = None, *, slug: str = "", deleted: bool = False) -> Post:
        """Return a post that is this user's to work on, or was. Another's and none at all are the same NotFound."""
        query = select(Post).where(Post.id == post_id if post_id else Post.slug == slug)
        query = query.options(*map(undefer, (Post.body, Post.body_html, Post.other_words)), lazyload(Post.tags))
        query = query.where(Post.deleted_at.is_not(None)) if deleted else query
        post = found(db.session.scalar(query.execution_options(include_deleted=deleted)))
        if not self.can_edit(post):
            raise NotFound
        return post

    def find_comment(self, comment_id: int) -> Comment:
        """Return a comment that this user may remove: their own, or any for an editor."""
        query = select(Comment).join(Comment.post).where(Comment.id == comment_id)
        return found(db.session.scalar(query if self.is_editor else query.where(Comment.user_id == self.id)))

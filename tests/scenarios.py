"""For each action, a form that it accepts; and a way to see that nothing was written."""

import hashlib
import re
from datetime import timedelta
from html import unescape
from io import BytesIO
from typing import Any

from flask import Flask
from PIL import Image
from sqlalchemy import select, text

from flask_revalidation import revalidate_tag, write
from models import ApiKey, Comment, Delivery, Message, Post, User, db, now

PUBLISHED = "the-letter-slot-and-the-front-desk"
DRAFT = "names-on-doorbells"
POST = "/blog/commit-is-the-only-moment"
SESSION = "cs_demo_0123456789abcdef01234567"
LETTER = {"name": "Ina", "email": "ina@letters.example", "message": "May we print it?"}


def good_fields(app: Flask, name: str) -> dict[str, Any]:
    """Return what the owner could send to the action, with success."""
    with app.app_context():
        post, draft = (db.session.scalar(select(Post).where(Post.slug == slug)) for slug in (PUBLISHED, DRAFT))
        comment, letters = Comment.latest(1)[0], Message.inbox().rows
        ada = User.find_author("ada")
        assert ada
        assert post
        assert draft
        unread = next(letter.id for letter in letters if not letter.read_at)
        read = next(letter.id for letter in letters if letter.read_at)
        failed = next((d.id for d in Delivery.latest(per_page=100).rows if d.last_error), 1)
        later = (now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
        return {
            "accounts.sign_in": {"email": "ada@hallway.example", "password": "open-the-door"},
            "accounts.sign_out": {},
            "api_keys.create_key": {"name": "A partner", "scope": "posts:read"},
            "api_keys.revoke_key": {"key_id": ApiKey.of(ada)[0].id},
            "comments.add_comment": {"post_id": post.id, "body": "I see."},
            "comments.delete_comment": {"comment_id": comment.id},
            "deliveries.replay_delivery": {"delivery_id": failed},
            "demo.cancel": {},
            "demo.pay": {"session": SESSION, "email": "cleo@hallway.example"},
            "demo.reset": {},
            "demo.switch_persona": {"persona": "bob"},
            "likes.toggle_like": {"post_id": post.id},
            "memberships.open_portal": {},
            "memberships.start_checkout": {},
            "messages.mark_read": {"message_id": unread},
            "messages.mark_unread": {"message_id": read},
            "pictures.add_picture": {"post_id": post.id, "version": post.version, "body": "B", "picture": png()},
            "messages.send_message": {"name": "Ina", "email": "ina@letters.example", "message": "Hello."},
            "posts.create_post": {"title": "A new one"},
            "posts.delete_post": {"post_id": post.id},
            "posts.preview_post": {"post_id": post.id, "version": post.version, "title": "T", "body": "*B*"},
            "posts.publish_post": {"post_id": draft.id},
            "posts.restore_post": {"post_id": _deleted_id()},
            "posts.schedule_post": {"post_id": draft.id, "publish_at": later},
            "posts.unpublish_post": {"post_id": post.id},
            "posts.update_post": {"post_id": post.id, "version": post.version, "title": "Changed", "body": "Other."},
            "settings.toggle_setting": {"key": "comments_open"},
        }[name]


def png(color: str = "teal", size: tuple[int, int] = (3, 2)) -> tuple[BytesIO, str]:
    """Return a small picture, as a form sends it."""
    Image.new("RGB", size, color).save(file := BytesIO(), "PNG")
    return BytesIO(file.getvalue()), "a.png"


def _deleted_id() -> int | None:
    query = select(Post.id).where(Post.deleted_at.is_not(None))
    return db.session.scalar(query.execution_options(include_deleted=True))


def fingerprint(app: Flask) -> str:
    """Return a digest of every row of every table."""
    digest = hashlib.sha256()
    with app.app_context():
        for name in sorted(db.metadata.tables):
            rows = db.session.execute(text(f'SELECT * FROM "{name}" ORDER BY 1, 2')).all()
            digest.update(repr([name, [tuple(row) for row in rows]]).encode())
    return digest.hexdigest()


def beside(page, rel):
    """Return the address of the page before (`prev`) or after (`next`) this one."""
    found = re.search(rf'<a href="([^"]*)" rel="{rel}">(?:Newer|Older)', page)
    return found and unescape(found[1])


def pages_of(client, path):
    """Return each page of a list, from this one on, by its links; the way back leads through the same pages."""

    def read(path):
        return re.sub(r"_key=[\w-]+", "", client.get(path).text)  # each form has its own

    pages = [read(path)]
    while path := beside(pages[-1], "next"):
        pages.append(read(path))
    back = [pages[-1]]
    while path := beside(back[-1], "prev"):
        back.append(read(path))
    assert back == pages[::-1]
    return pages


def rows(app, table):
    """Count the rows of a table."""
    with app.app_context():
        return db.session.execute(text(f'SELECT count(*) FROM "{table}"')).scalar()


def hidden(page, name):
    """Return the value of a hidden field of a page."""
    return re.search(rf'name="{name}" value="([^"]*)"', page)[1]


def form_key(page):
    """Return the one-time key of the first form of a page."""
    return re.search(r"_key=([\w-]+)", page)[1]


def retitle(slug: str, title: str) -> None:
    """Change a title as any writer does: in one write, with its tags."""
    with write(by="test"):
        post = Post.find_published(slug)
        post.title = title
        revalidate_tag("posts", post.path)


def store_of(app):
    """Return what this worker keeps."""
    return app.extensions["revalidation"].store._entries


def pages_in(app):
    """Return the keys of the whole pages that this worker keeps."""
    return [key for key in store_of(app) if key.startswith('["page"')]


def count_renders(monkeypatch):
    """Count from now on how often a post's page is made."""
    made = []
    monkeypatch.setattr("pages.blog.Post.find_published", _counting(Post.find_published, made))
    return made


def _counting(function, made):
    def counted(*args):
        made.append(args)
        return function(*args)

    return counted

"""Fills a new data directory with the demo, and with as many posts more as a measurement wants."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import insert

from app import create_app
from demo.seed import seed
from flask_revalidation import revalidate_everything, write
from models import Comment, Post, PostStatus, Tag, User, db, now
from models.tag import post_tag
from settings import Settings

MIGRATIONS = str(Path(__file__).parent.parent / "migrations")
BODY = "A parser says what it has read; every other part of the program can rely on it. " * 12
DEMO_POSTS = 24


def prepare(directory: str, posts: int = DEMO_POSTS, **environment: str) -> Flask:
    """Return an application on a new database with the demo's posts, and further ones up to `posts`.

    The database is in `directory`, where no variable of the environment names another.
    """
    app = create_app(Settings.from_environment({"DATA_DIR": directory, "XRAY": "0", "LABS": "0", **environment}))
    with app.app_context():
        upgrade(MIGRATIONS)
        with write(by="bench"):
            seed()
            _add(posts - DEMO_POSTS)
            revalidate_everything()
    return app


@contextmanager
def filled(posts: int = DEMO_POSTS) -> Iterator[tuple[str, Flask]]:
    """Yield a directory prepared for the time of the block, and its application."""
    with tempfile.TemporaryDirectory() as directory:
        yield directory, prepare(directory, posts)


def _add(count: int) -> None:
    """Add posts, a minute apart, each with two comments and one of the tags; one in ten is a draft."""
    authors, tags = list(db.session.scalars(db.select(User.id))), list(db.session.scalars(db.select(Tag.id)))
    first, start = 1_000_000, now() - timedelta(minutes=count + 10_000)
    posts, comments, links = [], [], []
    for number in range(max(0, count)):
        at, draft = start + timedelta(minutes=number), number % 10 == 0
        posts.append(
            {
                "id": first + number,
                "slug": f"post-number-{number}",
                "title": f"Post number {number} about parsers",
                "excerpt": BODY[:80],
                "body": BODY,
                "body_html": f"<p>{BODY}</p>",
                "status": PostStatus.DRAFT if draft else PostStatus.PUBLISHED,
                "created_at": at,
                "updated_at": at,
                "published_at": None if draft else at,
                "author_id": authors[number % len(authors)],
            }
        )
        links.append({"post_id": first + number, "tag_id": tags[number % len(tags)]})
        comments += [{"post_id": first + number, "user_id": authors[0], "body": "Thank you.", "created_at": at}] * 2
    for table, rows in ((Post, posts), (post_tag, links), (Comment, comments)):
        for begin in range(0, len(rows), 5_000):
            db.session.execute(insert(table), rows[begin : begin + 5_000])

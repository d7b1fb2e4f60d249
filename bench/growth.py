"""What a reader asks for, with more and more posts, and with more tags: milliseconds of one request in process.

It is the processor's time of this process alone: whatever else runs on the machine does not show in it.
Usage: python -m bench.growth [--sizes 24 1000 10000 100000]
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from bench import tags
from bench.fill import filled
from models import Post, PostStatus, db
from models.bounds import MANY

ROUNDS = 25
ORIGIN = {"Origin": "http://localhost"}
LIMIT = 1.5  # of the largest to 1,000 posts


def readers(app: Flask) -> dict[str, Callable[[], int]]:
    """Return what is measured by name; each call asks once and returns the status."""
    anyone, owner = app.test_client(), app.test_client()
    owner.post("/_actions/demo.switch_persona?persona=ada&_page=/", headers=ORIGIN)
    with app.app_context():
        oldest = select(Post.id).where(Post.status == PostStatus.PUBLISHED).order_by(Post.published_at, Post.id)
        deep, newest = db.session.scalar(oldest.offset(8)), db.session.scalar(select(func.max(Post.id))) or 0
    pages = {
        "/blog": "/blog",
        "/blog, last page": f"/blog?before={deep}",
        "/blog, of a tag": "/blog?tag=security",
        "/blog, of an author": "/blog?author=ada",
        "a post": "/blog/commit-is-the-only-moment",
        "API list": "/api/v1/posts?limit=20",
        "API tags": "/api/v1/tags",
        "API authors": "/api/v1/authors",
        "index of sitemaps": "/sitemap.xml",
        "a sitemap": f"/sitemaps/{newest // MANY}.xml",
        "a feed": "/feed.xml",
        "search, a word of every post": "/blog?q=parser",
    }
    found = {name: _read(anyone, path) for name, path in pages.items()}
    found |= {
        name: _read(owner, path)
        for name, path in {
            "posts desk": "/dashboard/posts",
            "posts desk, drafts": "/dashboard/posts?status=draft",
            "dashboard": "/dashboard",
            "inbox": "/dashboard/inbox",
            "members": "/dashboard/members",
        }.items()
    }
    found["action, htmx"] = lambda: _publish(owner)
    return found


def _read(client: FlaskClient, path: str) -> Callable[[], int]:
    return lambda: client.get(path).status_code


_calls = 0


def _publish(owner: FlaskClient) -> int:
    global _calls
    _calls += 1
    name = ("publish", "unpublish")[_calls % 2]
    path = f"/_actions/posts.{name}_post?post_id=1&_page=/dashboard/posts&_key={_calls}-{time.monotonic_ns()}"
    return owner.post(path, headers=ORIGIN | {"HX-Request": "true"}).status_code


def measure(size: int) -> dict[str, float]:
    """Return the median milliseconds of each at this number of posts."""
    found = {}
    with filled(size) as (_, app):
        for name, ask in readers(app).items():
            times = []
            for _ in range(ROUNDS):
                app.extensions["revalidation"].store._entries.clear()
                began = time.process_time()
                assert ask() == 200, name
                times.append(1000 * (time.process_time() - began))
                if sum(times) > 5_000:
                    break
            found[name] = statistics.median(times)
    return found


def main() -> None:
    """Print the table, and write it to bench/growth.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[24, 1_000, 10_000, 100_000])
    sizes = parser.parse_args().sizes
    table = {size: measure(size) for size in sizes}
    print(f"{'milliseconds, with posts:':32}" + "".join(f"{size:>10,}" for size in sizes) + f"{'growth':>10}")
    base = table.get(1_000, table[sizes[0]])
    for name, first in base.items():
        growth = table[sizes[-1]][name] / first
        times = "".join(f"{table[size][name]:10.1f}" for size in sizes)
        print(f"{name:32}{times}{growth:10.2f}{'' if growth <= LIMIT else '  more than ' + str(LIMIT)}")
    by_tags = tags.measure()
    tags.show(by_tags)
    Path("bench/growth.json").write_text(json.dumps({"posts": table, "tags": by_tags}, indent=1) + "\n")


if __name__ == "__main__":
    main()

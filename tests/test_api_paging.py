"""Lists are read page by page, and nothing is skipped or repeated, whatever is written between two pages."""

import base64
import json
import random
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from api_client import QUOTA, Caller, issue_key, refusal, slugs
from sqlalchemy import select

from flask_revalidation import revalidate_tag, write
from models import Post, PostFilter, PostStatus, User, db, now


@pytest.fixture
def busy(make_app):
    """A worker without the detector, for tests that ask often."""
    return make_app(testing=False, **QUOTA)


def in_order(app, **filters):
    """Return the slugs that a reader's list must hold, from the database."""
    with app.app_context():
        query = select(Post).where(Post.status == PostStatus.PUBLISHED).order_by(Post.published_at.desc())
        found = db.session.scalars(query.order_by(Post.id.desc())).all()
        tag, author = filters.get("tag"), filters.get("author")
        found = [post for post in found if tag is None or tag in [t.name for t in post.tags]]
        return [post.slug for post in found if author in (None, post.author.handle)]


def by_pages(caller, path, between=lambda: None):
    """Read a list by the Link header of each page; `between` runs before each further page."""
    found, place = [], path
    while place:
        answer = caller.get(place)
        assert answer.status_code == 200, answer.text
        found += answer.json["data"]
        link, cursor = answer.headers.get("Link"), answer.json["next_cursor"]
        assert (link is None) == (cursor is None)
        if link:
            target = re.fullmatch(r'<([^<>" ]+)>; rel="next"', link)[1]
            assert target.startswith("http://127.0.0.1:8000/api/v1/")
            assert parse_qs(urlsplit(target).query)["cursor"] == [cursor]
            between()
        place = link and target.partition("/api/v1")[2]
    return found


@pytest.mark.parametrize("filters", [{}, {"tag": "caching"}, {"author": "bob"}, {"tag": "caching", "author": "ada"}])
def test_every_post_comes_once_and_in_order_at_every_size_of_page(busy, filters):
    expected = in_order(busy, **filters)
    query = "".join(f"&{name}={value}" for name, value in filters.items())
    assert len(expected) > (0 if len(filters) > 1 else 2)

    for limit in range(1, 26):
        assert slugs(by_pages(Caller(busy), f"/posts?limit={limit}{query}")) == expected, limit


def test_with_a_key_every_post_comes_once_newest_begun_first(busy):
    with busy.app_context():
        expected = db.session.scalars(select(Post.slug).order_by(Post.id.desc())).all()
    ada = Caller(busy, issue_key(busy, "ada"))

    for limit in range(1, 26):
        assert slugs(by_pages(ada, f"/posts?limit={limit}")) == expected, limit


def test_tags_and_authors_come_once_and_in_order(busy):
    with busy.app_context():
        tags = [tag.name for tag in PostFilter().tags()]
        query = select(User.handle).join(Post).where(Post.status == PostStatus.PUBLISHED).distinct()
        authors = sorted(db.session.scalars(query))
    assert min(len(tags), len(authors)) > 1

    for limit in range(1, len(tags) + 2):
        assert [tag["name"] for tag in by_pages(Caller(busy), f"/tags?limit={limit}")] == tags
        assert [author["handle"] for author in by_pages(Caller(busy), f"/authors?limit={limit}")] == authors


def test_counts_of_tags_and_authors_are_those_of_published_posts(busy):
    stranger = Caller(busy)

    assert {tag["name"]: tag["posts"] for tag in stranger.every("/tags")} == {
        tag["name"]: len(in_order(busy, tag=tag["name"])) for tag in stranger.every("/tags")
    }
    assert {author["handle"]: author["posts"] for author in stranger.every("/authors")} == {
        author["handle"]: len(in_order(busy, author=author["handle"])) for author in stranger.every("/authors")
    }


class Churn:
    """Someone who writes, publishes, takes back and deletes posts, and edits the ones that are to stay."""

    def __init__(self, app, seed):
        self.app, self.chance, self.made = app, random.Random(seed), 0
        with app.app_context(), write("churn"):
            moments = [now() - timedelta(days=days) for days in (1, 2, 3)]
            for post in db.session.scalars(select(Post).where(Post.status == PostStatus.PUBLISHED)):
                post.published_at = self.chance.choice(moments)
            for _ in range(12):
                self._begin().published_at = self.chance.choice([*moments, None])
            revalidate_tag("posts")

    def _begin(self):
        self.made += 1
        return db.session.scalar(select(User).where(User.handle == "bob")).write(f"Churn {self.made}")

    def __call__(self):
        for _ in range(self.chance.randrange(1, 4)):
            with self.app.app_context(), write("churn"):
                restless = db.session.scalars(select(Post).where(Post.slug.startswith("churn-"))).all()
                post = self.chance.choice(restless)
                deed = self.chance.choice(["begin", "publish", "publish", "unpublish", "delete", "edit"])
                if deed == "begin" or len(restless) < 3:
                    self._begin().publish()
                elif deed == "edit":
                    steady = db.session.scalars(select(Post).where(~Post.slug.startswith("churn-"))).all()
                    self.chance.choice(steady).updated_at = now()
                else:
                    getattr(post, deed)()
                revalidate_tag("posts")


@pytest.mark.parametrize("keyed", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_writes_between_pages_make_no_post_come_twice_or_not_at_all(busy, keyed, seed):
    churn = Churn(busy, seed)
    caller = Caller(busy, issue_key(busy, "ada") if keyed else "")
    steady = {slug for slug in slugs(caller.every("/posts")) if not slug.startswith("churn-")}
    assert len(steady) > 15

    for limit in (1, 5):
        found = slugs(by_pages(caller, f"/posts?limit={limit}", between=churn))
        assert len(found) == len(set(found))
        assert steady <= set(found)


@pytest.mark.parametrize("path", ["/tags", "/authors"])
def test_writes_between_pages_spoil_no_other_list(busy, path):
    churn = Churn(busy, 9)
    before = by_pages(Caller(busy), path)
    name = "name" if path == "/tags" else "handle"

    found = [item[name] for item in by_pages(Caller(busy), f"{path}?limit=1", between=churn)]

    assert found == sorted(set(found))
    assert {item[name] for item in before} <= set(found)


def forged(*position):
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


POSTS = "/api/v1/posts"
MOMENT = "2026-01-02T03:04:05+00:00"
FORGED = [
    "x",
    "====",
    "\u00fc",
    "%00",
    "AAAA",
    "W10",
    forged(),
    forged(POSTS),
    forged(POSTS, 1, 2),
    forged(POSTS, MOMENT, "1"),
    forged(POSTS, MOMENT, True),
    forged(POSTS, MOMENT, 1.0),
    forged(POSTS, MOMENT, 2**63),
    forged(POSTS, MOMENT, -(10**80)),
    forged(POSTS, None, 1),
    forged(POSTS, "yesterday", 1),
    forged(POSTS, "2026-01-02", 1),
    forged(POSTS, "2026-01-02T03:04:05", 1),
    forged(POSTS, "0001-01-01T00:00:00+23:59", 1),
    forged(POSTS, "9999-12-31T23:59:59-23:59", 1),
    forged(POSTS, "\ud800", 1),
    forged(POSTS, MOMENT, [1]),
    forged("/api/v1/tags", MOMENT, 1),
    forged([POSTS], MOMENT, 1),
    base64.urlsafe_b64encode(b"[" * 200).decode(),
    base64.urlsafe_b64encode(b'["/api/v1/posts", NaN]').decode(),
]


@pytest.mark.parametrize("keyed", [False, True])
def test_forged_cursors_are_422(busy, keyed):
    caller = Caller(busy, issue_key(busy, "ada") if keyed else "")

    for cursor in [*FORGED, *(forged(f"/api/v1/{name}", "\ud800") for name in ("tags", "authors"))]:
        for path in ("/posts", "/tags", "/authors"):
            answer = caller.get(f"{path}?cursor={cursor}")
            assert refusal(answer) == (422, "invalid"), cursor
            assert answer.json["errors"][0]["parameter"] == "cursor"


def test_cut_or_changed_cursors_are_422(busy):
    caller = Caller(busy)
    good = caller.get("/posts?limit=1").json["next_cursor"]

    assert all(refusal(caller.get(f"/posts?cursor={good[:end]}")) == (422, "invalid") for end in range(1, len(good)))
    for extra in ("=", "!", ".", "%20", "%0a", "A"):
        assert refusal(caller.get(f"/posts?cursor={good}{extra}")) == (422, "invalid"), extra
    for place in range(len(good)):
        changed = good[:place] + ("A" if good[place] != "A" else "B") + good[place + 1 :]
        assert refusal(caller.get(f"/posts?cursor={changed}")) == (422, "invalid"), place


def test_cursor_of_another_list_is_422(busy):
    stranger, ada = Caller(busy), Caller(busy, issue_key(busy, "ada"))
    lists = {(caller, path) for caller in (stranger, ada) for path in ("/posts", "/tags", "/authors")}
    cursors = {(c, path): c.get(f"{path}?limit=1").json["next_cursor"] for c, path in lists}
    assert all(cursors.values())

    for (owner, path), cursor in cursors.items():
        for caller, other in lists:
            same = other == path and (caller == owner or path != "/posts")  # a key changes only the order of posts
            assert caller.get(f"{other}?cursor={cursor}").status_code == (200 if same else 422)


def test_spelling_of_one_reader_is_not_in_the_copy_of_the_next(app):
    odd, plain = (Caller(app).get(f"/tags?limit={limit}") for limit in ("0" * 2000 + "2", "2"))

    assert odd.json == plain.json
    assert odd.headers["Link"] == plain.headers["Link"]
    assert "limit=2&cursor=" in plain.headers["Link"]

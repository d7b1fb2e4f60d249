"""What a cached answer looks like from outside, and what may become one."""

import re
import threading

import pytest
from flask import Response, redirect, request
from scenarios import POST, count_renders, pages_in, retitle

import flask_revalidation
from flask_revalidation import PrivateRead, cached, private, revalidate_tag, write
from flask_revalidation.store import MAX_BYTES, Store, injective_key
from models import User
from models.user import Role


@pytest.mark.parametrize(
    "path", ["/nowhere", "/blog/no-such-post", "/blog?before=999", "/blog?tag=nothing", "/blog?before=x"]
)
def test_refusals_are_not_kept(app, visitor, path):
    assert visitor.get(path).status_code == 404

    assert pages_in(app) == []


@pytest.mark.parametrize(
    "answer",
    [
        lambda: ("no", 404),
        lambda: ("", 204),
        lambda: redirect("/", 303),
        lambda: Response(iter(["a", "stream"])),
        lambda: Response("x", headers={"Set-Cookie": "a=b"}),
    ],
)
def test_only_complete_answers_without_cookies_are_kept(app, visitor, answer):
    app.add_url_rule("/odd", view_func=flask_revalidation.cached_page()(answer), endpoint="odd")

    first, second = visitor.get("/odd"), app.test_client().get("/odd")

    assert first.status_code == second.status_code
    assert "ETag" not in first.headers
    assert pages_in(app) == []


def test_headers_that_name_the_caller_are_out_of_reach(app):
    app.add_url_rule(
        "/odd", view_func=flask_revalidation.cached_page()(lambda: str(request.headers.get("Cookie"))), endpoint="odd"
    )
    app.add_url_rule(
        "/who", view_func=flask_revalidation.cached_page()(lambda: str(request.remote_addr)), endpoint="who"
    )

    assert app.test_client().get("/odd", headers={"Cookie": "other=SECRET"}).text == "None"
    with pytest.raises(PrivateRead):
        app.test_client().get("/who")


def test_kept_answer_keeps_its_content_type(app):
    feed = flask_revalidation.cached_page()(lambda: Response("<feed/>", mimetype="application/atom+xml"))
    app.add_url_rule("/feed", view_func=feed, endpoint="feed")

    types = [app.test_client().get("/feed").content_type for _ in range(2)]

    assert types == ["application/atom+xml; charset=utf-8"] * 2
    assert len(pages_in(app)) == 1


def test_signed_in_page_is_private_and_not_kept(app, ada):
    answer = ada.get(POST)

    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Sign out Ada" in answer.text
    assert pages_in(app) == []
    assert "Ada" not in app.test_client().get("/contact").text.split("</aside>")[1]


@pytest.mark.parametrize("testing", [True, False])
def test_cached_read_of_anything_private_raises_in_every_mode(make_app, testing):
    from flask import request, session

    from web.auth import current_user

    app = make_app(testing=testing)
    reads = [
        lambda: request.cookies.get("session"),
        lambda: session.get("x"),
        lambda: "x" in session,
        lambda: str(current_user()),
        lambda: str(private("a diary")),
    ]

    with app.test_request_context("/"):
        for number, read in enumerate(reads):
            with pytest.raises(PrivateRead, match="is cached for everyone"):
                cached("private", number, tags=["x"], render=lambda read=read: str(read()))
        assert str(request.cookies.get("session")) == "None"


def test_answer_carries_etag_and_a_known_one_gets_304(visitor):
    first = visitor.get(POST)

    again = visitor.get(POST, headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.data) == (304, b"")
    assert first.headers["Cache-Control"] == "no-cache"
    assert first.headers["Vary"] == "Accept-Encoding, Cookie"


def test_etag_changes_with_a_write_and_with_a_release(app, make_app, visitor):
    first = visitor.get(POST).headers["ETag"]
    with app.app_context():
        retitle("commit-is-the-only-moment", "Other")
    second = visitor.get(POST).headers["ETag"]
    other = make_app()
    state = other.extensions["revalidation"]
    state.release = "next"
    third = other.test_client().get(POST).headers["ETag"]

    assert len({first, second, third}) == 3


def test_compressed_copy_has_an_etag_of_its_own(visitor):
    import gzip

    import brotli

    plain = visitor.get(POST)
    packed = visitor.get(POST, headers={"Accept-Encoding": "gzip"})
    refused = visitor.get(POST, headers={"Accept-Encoding": "gzip;q=0"})

    better = visitor.get(POST, headers={"Accept-Encoding": "gzip, deflate, br, zstd"})
    assert gzip.decompress(packed.data) == brotli.decompress(better.data) == plain.data == refused.data
    assert len(better.data) < len(packed.data) < len(plain.data)
    assert [one.headers.get("Content-Encoding") for one in (plain, packed, better)] == [None, "gzip", "br"]
    assert packed.headers["ETag"] != plain.headers["ETag"]


def test_query_tells_copies_apart_only_by_what_is_declared(app, visitor):
    visitor.get("/blog?before=9")
    visitor.get("/blog?before=9&utm_source=letter&x=%00")

    assert len(pages_in(app)) == 1


def test_keys_never_meet():
    lists = [("a", "bc"), ("ab", "c"), ("a,b", "c"), ("a", "b", "c"), ("1",), (1,), (None,), ("None",), ("",), ()]

    assert len({injective_key(*parts) for parts in lists}) == len(lists)


def test_store_is_bounded_in_bytes(app):
    store = app.extensions["revalidation"].store = Store(200_000)
    with app.app_context():
        for number in range(400):
            cached("many", number, tags=["x"], render=lambda: "y" * 1000)
        cached("large", tags=["x"], render=lambda: "x" * (MAX_BYTES // 64))

    kept = store.entries()
    assert 50 < len(kept) < 200
    assert sum(len(entry.body) for entry in kept) < 200_000
    assert not any('"large"' in entry.key for entry in kept)
    assert all(isinstance(entry.body, bytes) for entry in kept)


def test_list_at_the_desk_has_the_tools_of_who_looks_at_it_and_of_nobody_else(app, sign_in):
    with app.app_context(), write(by="a test"):
        User.find_author("edith").role = Role.AUTHOR
        for handle in ("bob", "edith"):
            User.find_author(handle).write(f"By {handle}")
        revalidate_tag("posts")
    people = {handle: sign_in(handle) for handle in ("ada", "bob", "edith")}

    def tools(handle):
        return set(re.findall(r'aria-label="Delete “By (\w+)”', people[handle].get("/dashboard/posts").text))

    for _ in range(2):
        assert {who: tools(who) for who in people} == {"ada": {"bob", "edith"}, "bob": {"bob"}, "edith": {"edith"}}


def test_stampede_makes_one_copy(make_app, monkeypatch):
    app = make_app(testing=False)
    made = count_renders(monkeypatch)
    gate = threading.Barrier(24)
    answers = []

    def read():
        client = app.test_client()
        gate.wait()
        answers.append(client.get(POST))

    readers = [threading.Thread(target=read) for _ in range(24)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    assert [answer.status_code for answer in answers] == [200] * 24
    assert len({answer.data for answer in answers}) == 1
    assert len(made) == 1

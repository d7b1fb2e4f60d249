"""The rules of freshness, each broken on purpose by what the test does."""

import threading

import pytest
from flask import Response, redirect
from sqlalchemy import text

import revalidation
from models import Post, db
from revalidation import PrivateRead, WriteOutsideTransaction, cached, private, revalidate_tag, write
from revalidation.store import MAX_ENTRIES, MAX_ENTRY_BYTES, injective_key

POST = "/blog/commit-is-the-only-moment"


def retitle(slug: str, title: str) -> None:
    """Change a title as any writer does: in one write, with its tags."""
    with write(by="test"):
        post = Post.find_published(slug)
        post.title = title
        revalidate_tag("posts", post.path)


def store_of(app):
    return app.extensions["revalidation"].store._cache


def pages_in(app):
    return [key for key in store_of(app) if key.startswith('["page"')]


def count_renders(app, monkeypatch):
    made = []
    view = app.view_functions["blog.show"].__wrapped__
    monkeypatch.setattr("pages.blog.Post.find_published", _counting(Post.find_published, made))
    assert view
    return made


def _counting(function, made):
    def counted(*args):
        made.append(args)
        return function(*args)

    return counted


def test_second_reader_is_served_the_copy(app, visitor, monkeypatch):
    made = count_renders(app, monkeypatch)

    first, second = visitor.get(POST), visitor.get(POST)

    assert first.data == second.data
    assert len(made) == 1


def test_write_is_seen_by_the_next_read_on_every_worker(make_app):
    workers = [make_app() for _ in range(3)]
    for worker in workers:
        assert "Commit is the only moment" in worker.test_client().get(POST).text

    with workers[0].app_context():
        retitle("commit-is-the-only-moment", "Changed by the first worker")

    for worker in workers:
        for path in (POST, "/blog?page=2", "/blog"):
            assert "Commit is the only moment" not in worker.test_client().get(path).text
        assert "Changed by the first worker" in worker.test_client().get(POST).text


def test_rolled_back_write_leaves_copies_alone(app, visitor):
    before = visitor.get(POST)

    with app.app_context(), pytest.raises(ZeroDivisionError), write(by="test"):
        Post.find_published("commit-is-the-only-moment").title = "Never"
        revalidate_tag(POST)
        _ = 1 / 0

    assert visitor.get(POST, headers={"If-None-Match": before.headers["ETag"]}).status_code == 304


def test_rolled_back_nonce_is_never_reached_again(app):
    with app.app_context():
        seen = []
        for _ in range(2):
            with pytest.raises(ZeroDivisionError), write(by="test") as session:
                revalidate_tag("posts")
                revalidation.tags.replace_nonces(session.connection(), ["posts"])
                seen.append(session.execute(text("SELECT nonce FROM revalidation_tag WHERE tag = 'posts'")).scalar())
                _ = 1 / 0

        assert seen[0] != seen[1]


def test_dirty_transaction_never_fills(app):
    with app.app_context():
        with pytest.raises(ZeroDivisionError), write(by="test"):
            Post.find_published("commit-is-the-only-moment").title = "A phantom"
            revalidate_tag("posts", POST)
            shown = cached("blog.list.test", tags=["posts"], render=lambda: Post.published(per_page=50)[-6].title)
            assert shown
            _ = 1 / 0

        assert not any("blog.list.test" in key for key in store_of(app))


def test_untouched_tag_is_cacheable_and_its_first_touch_is_a_miss(app):
    answers = iter(["old", "new"])

    with app.app_context():
        assert cached("untouched", tags=["never seen"], render=lambda: next(answers)) == "old"
        assert cached("untouched", tags=["never seen"], render=lambda: next(answers)) == "old"
        with write(by="test"):
            revalidate_tag("never seen")
        assert cached("untouched", tags=["never seen"], render=lambda: next(answers)) == "new"


def test_copy_from_before_a_sweep_never_comes_back(app):
    answers = iter(["first", "second", "third"])

    with app.app_context():
        assert cached("swept", tags=["swept"], render=lambda: next(answers)) == "first"
        with write(by="test"):
            revalidate_tag("swept")
        with write(by="test"):
            revalidation.revalidate_everything()
        assert cached("swept", tags=["swept"], render=lambda: next(answers)) == "second"


def test_without_an_epoch_nothing_is_cached(app):
    answers = iter(["first", "second"])

    with app.app_context():
        with write(by="test") as session:
            session.execute(text("DELETE FROM revalidation_tag"))

        assert cached("no epoch", tags=["x"], render=lambda: next(answers)) == "first"
        assert cached("no epoch", tags=["x"], render=lambda: next(answers)) == "second"


def test_inner_copy_passes_its_tags_to_the_outer_one(app):
    def outer(inner_text):
        return cached("outer", tags=["a"], render=lambda: f"<{cached('inner', tags=['b'], render=lambda: inner_text)}>")

    with app.app_context():
        assert outer("one") == "<one>"
        assert outer("ignored") == "<one>"
        with write(by="test"):
            revalidate_tag("b")
        assert outer("two") == "<two>"


def test_write_between_nonces_and_data_makes_a_miss(make_app):
    reader, writer = make_app(testing=False), make_app(testing=False)

    def render():
        def write_elsewhere():
            with writer.app_context():
                retitle("commit-is-the-only-moment", "Newer")

        other = threading.Thread(target=write_elsewhere)
        other.start()
        other.join()
        return Post.find_published("commit-is-the-only-moment").title

    with reader.app_context():
        cached("race", tags=["posts"], render=render)
    with reader.app_context():
        assert cached("race", tags=["posts"], render=lambda: "rendered again") == "rendered again"


@pytest.mark.parametrize(
    "path", ["/nowhere", "/blog/no-such-post", "/blog?page=999", "/blog?tag=nothing", "/blog?page=x"]
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
    app.add_url_rule("/odd", view_func=revalidation.cached_page()(answer), endpoint="odd")

    first, second = visitor.get("/odd"), app.test_client().get("/odd")

    assert first.status_code == second.status_code
    assert "ETag" not in first.headers
    assert pages_in(app) == []


def test_signed_in_page_is_private_and_not_kept(app, ada):
    answer = ada.get(POST)

    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "Sign out Ada" in answer.text
    assert pages_in(app) == []
    assert "Ada" not in app.test_client().get("/contact").text.split("</aside>")[1]


@pytest.mark.parametrize("testing", [True, False])
def test_cached_read_of_anything_private_raises_in_every_mode(make_app, testing):
    from flask import request, session

    from identity import current_user

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
    other.extensions["revalidation"] = type(state)(**{**vars(state), "release": "next"})
    third = other.test_client().get(POST).headers["ETag"]

    assert len({first, second, third}) == 3


def test_compressed_copy_has_an_etag_of_its_own(visitor):
    import gzip

    plain = visitor.get(POST)
    packed = visitor.get(POST, headers={"Accept-Encoding": "gzip"})
    refused = visitor.get(POST, headers={"Accept-Encoding": "gzip;q=0"})

    assert gzip.decompress(packed.data) == plain.data == refused.data
    assert packed.headers["ETag"] != plain.headers["ETag"]


def test_query_tells_copies_apart_only_by_what_is_declared(app, visitor):
    visitor.get("/blog?page=2")
    visitor.get("/blog?page=2&utm_source=letter&x=%00")

    assert len(pages_in(app)) == 1


def test_keys_never_meet():
    lists = [("a", "bc"), ("ab", "c"), ("a,b", "c"), ("a", "b", "c"), ("1",), (1,), (None,), ("None",), ("",), ()]

    assert len({injective_key(*parts) for parts in lists}) == len(lists)


def test_store_is_bounded_in_count_and_size(app):
    with app.app_context():
        for number in range(MAX_ENTRIES + 200):
            cached("many", number, tags=["x"], render=lambda: "small")
        cached("large", tags=["x"], render=lambda: "x" * (MAX_ENTRY_BYTES + 1))

    assert len(store_of(app)) <= MAX_ENTRIES + 1
    assert not any('"large"' in key for key in store_of(app))
    assert all(isinstance(value, bytes) for _, value in store_of(app).values())


def test_stampede_makes_one_copy(make_app, monkeypatch):
    app = make_app(testing=False)
    made = count_renders(app, monkeypatch)
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


def test_write_outside_a_transaction_raises(app):
    with app.app_context():
        Post.find_published("commit-is-the-only-moment").title = "Sneaked in"

        with pytest.raises(WriteOutsideTransaction, match="Post was changed"):
            db.session.flush()


def test_database_itself_refuses_a_write_by_a_reader(app):
    from sqlalchemy.exc import OperationalError

    with app.app_context(), pytest.raises(OperationalError, match="readonly"):
        db.session.execute(text("DELETE FROM post"))


def test_revalidation_outside_a_write_raises(app):
    with app.app_context(), pytest.raises(RuntimeError, match="belongs inside"):
        revalidate_tag("posts")


def test_write_inside_a_write_raises(app):
    with app.app_context(), write(by="outer"), pytest.raises(RuntimeError, match="one transaction"), write(by="inner"):
        pass

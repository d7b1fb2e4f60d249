"""The rules of freshness, each broken on purpose by what the test does."""

import threading
import time

import pytest
from scenarios import POST, count_renders, retitle, store_of
from sqlalchemy import text

import flask_revalidation
from flask_revalidation import Busy, Mistake, WriteOutsideTransaction, cached, revalidate_tag, write
from flask_revalidation.write_lock import acquire
from models import Post, PostFilter, db


def test_second_reader_is_served_the_copy(app, visitor, monkeypatch):
    made = count_renders(monkeypatch)

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
        for path in (POST, "/blog?before=9", "/blog"):
            assert "Commit is the only moment" not in worker.test_client().get(path).text
        assert "Changed by the first worker" in worker.test_client().get(POST).text


def test_rolled_back_write_leaves_copies_alone(app, visitor):
    before = visitor.get(POST)

    with app.app_context(), pytest.raises(ZeroDivisionError), write(by="test"):
        Post.find_published("commit-is-the-only-moment").title = "Never"
        revalidate_tag(POST)
        _ = 1 / 0

    assert visitor.get(POST, headers={"If-None-Match": before.headers["ETag"]}).status_code == 304


def test_rolled_back_version_is_never_reached_again(app):
    with app.app_context():
        seen = []
        for _ in range(2):
            with pytest.raises(ZeroDivisionError), write(by="test") as session:
                revalidate_tag("posts")
                flask_revalidation.tags.replace_versions(session.connection(), ["posts"])
                seen.append(session.execute(text("SELECT version FROM revalidation_tag WHERE tag = 'posts'")).scalar())
                _ = 1 / 0

        assert seen[0] != seen[1]


def test_dirty_transaction_never_fills(app):
    with app.app_context():
        with pytest.raises(ZeroDivisionError), write(by="test"):
            Post.find_published("commit-is-the-only-moment").title = "A phantom"
            revalidate_tag("posts", POST)
            shown = cached("blog.list.test", tags=["posts"], render=lambda: PostFilter().page(size=50).rows[-6].title)
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
            flask_revalidation.revalidate_everything()
        assert cached("swept", tags=["swept"], render=lambda: next(answers)) == "second"


def test_without_an_epoch_nothing_is_cached_and_it_is_said(app):
    with app.app_context():
        with write(by="test") as session:
            session.execute(text("DELETE FROM revalidation_tag"))

        with pytest.raises(Mistake, match="or nothing in it"):
            cached("no epoch", tags=["x"], render=lambda: "x")
    assert app.extensions["revalidation"].store.entries() == []


def test_inner_copy_passes_its_tags_to_the_outer_one(app):
    def outer(inner_text):
        return cached("outer", tags=["a"], render=lambda: f"<{cached('inner', tags=['b'], render=lambda: inner_text)}>")

    with app.app_context():
        assert outer("one") == "<one>"
        assert outer("ignored") == "<one>"
        with write(by="test"):
            revalidate_tag("b")
        assert outer("two") == "<two>"


def test_write_between_versions_and_data_makes_a_miss(make_app):
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


def test_write_outside_a_transaction_raises(app):
    with app.app_context():
        Post.find_published("commit-is-the-only-moment").title = "Sneaked in"

        with pytest.raises(WriteOutsideTransaction, match="writes to table post outside of a write"):
            db.session.flush()


def test_database_itself_refuses_a_write_by_a_reader(app):
    from sqlalchemy.exc import DBAPIError

    with app.app_context(), pytest.raises(DBAPIError, match=r"read-?only"):
        db.session.execute(text("/* not seen to be a write */ DELETE FROM post"))


def test_revalidation_outside_a_write_raises(app):
    with app.app_context(), pytest.raises(Mistake, match="outside of a write"):
        revalidate_tag("posts")


def test_write_inside_a_write_raises(app):
    with app.app_context(), write(by="outer"), pytest.raises(Mistake, match="a second write inside"), write(by="inner"):
        pass


def test_savepoint_inside_a_write_is_no_commit(app, visitor):
    visitor.get(POST)

    with app.app_context(), write(by="test"):
        with db.session.begin_nested():  # the detector would call this a forgotten revalidation
            Post.find_published("commit-is-the-only-moment").title = "Changed in a savepoint"
        revalidate_tag(POST, "posts")

    assert "Changed in a savepoint" in visitor.get(POST).text


@pytest.mark.sqlite("its write lock is a file")
def test_writer_without_patience_is_refused_at_once(app, data_dir):
    taken, waited = acquire(str(data_dir / "hallway.db"), 5), time.monotonic()

    with app.app_context(), pytest.raises(Busy), write(by="test", patience=0):
        pass

    assert time.monotonic() - waited < 1
    taken.close()

"""The edges of the mechanism: how a connection is set up, who counts as one caller, how often a write is tried."""

from datetime import date

import pytest
from notes_app import Note, close, make
from pydantic import BaseModel
from sqlalchemy import MetaData, text
from sqlalchemy.exc import OperationalError

from flask_revalidation import (
    Conflict,
    WriteOutsideTransaction,
    cached,
    cached_page,
    retried,
    revalidate_everything,
    revalidate_tag,
    write,
    write_lock,
)
from flask_revalidation.store import Entry, Store, injective_key
from flask_revalidation.tags import read_versions, tag_table


@pytest.fixture
def app(tmp_path):
    app = make(tmp_path)
    yield app
    close(app)


def test_connection_to_sqlite_is_durable_keeps_keys_and_waits(app):
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 800, "query_only": 0}
    with app.app_context():
        session = app.extensions["db"].session
        found = {name: session.execute(text(f"PRAGMA {name}")).scalar() for name in expected}

        assert found == expected
        assert session.connection().connection.driver_connection.isolation_level is None


@pytest.mark.parametrize(("strict", "only"), [(True, 1), (False, 0)])
def test_what_reads_cannot_write_where_the_application_is_strict(tmp_path, strict, only):
    app = make(tmp_path, strict=strict)
    with app.app_context():
        session = app.extensions["db"].session
        assert session.execute(text("PRAGMA query_only")).scalar() == only
        with write(by="a test") as writing:
            assert writing.execute(text("PRAGMA query_only")).scalar() == 0
            writing.add(Note(text="tea"))
    close(app)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///file:notes?mode=memory&cache=shared&uri=true"])
def test_database_in_memory_has_no_lock_files(tmp_path, monkeypatch, url):
    monkeypatch.chdir(tmp_path)
    app = make(tmp_path, url=url)
    with app.app_context(), write(by="a test") as session:
        session.add(Note(text="tea"))

    assert not list(tmp_path.glob("**/*.lock"))
    close(app)


def test_page_is_one_callers_by_its_own_credential_alone(app):
    made = []

    @app.get("/page")
    @cached_page(tags=["notes"])
    def page():
        made.append("page")
        return "page"

    @app.get("/api")
    @cached_page(tags=["notes"], credential="Authorization")
    def api():
        made.append("api")
        return "api"

    def ask(path, **headers):
        made.clear()
        answer = app.test_client(use_cookies=False).get(path, headers=headers)
        return len(made), answer.headers["Cache-Control"], answer.headers.get("ETag", "")[:2]

    key, session, other = {"Authorization": "Bearer x"}, {"Cookie": "session=x"}, {"Cookie": "other=x"}
    assert [ask(path)[0] for path in ("/page", "/page", "/api", "/api")] == [1, 0, 1, 0]
    for path, headers in (("/page", key), ("/page", other), ("/api", session), ("/api", other)):
        assert ask(path, **headers) == (0, "no-cache", ask(path)[2])
    assert ask("/page", **session) == (1, "private, no-store", "W/")
    assert ask("/api", **key) == (1, "private, no-store", "")
    tag = app.test_client(use_cookies=False).get("/page", headers=session).headers["ETag"]
    assert app.test_client(use_cookies=False).get("/page", headers={"Cookie": "session=y"}).headers["ETag"] != tag
    for sent, status in ((tag, 304), (f'"x", {tag}', 304), ('"x"', 200)):
        answer = app.test_client(use_cookies=False).get("/page", headers=session | {"If-None-Match": sent})
        assert (answer.status_code, answer.headers["ETag"]) == (status, tag)
    assert ask("/api", **key, **{"If-None-Match": '"what is it?"'})[0] == 1


def test_what_a_view_says_of_its_body_is_kept_with_the_copy_and_nothing_else(app):
    told = {"ETag": '"mine"', "Link": '</2>; rel="next"', "Content-Type": "text/csv", "X-Other": "of one answer"}
    app.add_url_rule("/named", "named", cached_page(tags=["notes"])(lambda: ("a,b", told)))

    for _ in range(2):
        answer = app.test_client().get("/named")
        assert {name: answer.headers.get(name) for name in told} == told | {"X-Other": None}
        assert (answer.headers["Cache-Control"], answer.headers["Vary"]) == ("no-cache", "Accept-Encoding, Cookie")


def test_no_connection_is_held_while_another_makes_the_copy(app, monkeypatch):
    session, store, held = app.extensions["db"].session, app.extensions["revalidation"].store, []
    app.before_request(lambda: session.execute(text("SELECT 1")) and None)
    one_fill = store.one_fill
    monkeypatch.setattr(store, "one_fill", lambda key: held.append(session().in_transaction()) or one_fill(key))

    assert app.test_client().get("/").status_code == 200
    assert held == [False]


@pytest.mark.parametrize(
    "statement",
    [
        "update note\n  set text = 'tea'",
        "with old as (select 1)\n  delete\n from note",
        'INSERT INTO "note" (text) VALUES (1)',
    ],
)
def test_write_is_known_as_one_however_its_statement_is_spelt(tmp_path, statement):
    app = make(tmp_path, strict=True)
    with app.app_context(), pytest.raises(WriteOutsideTransaction, match="writes to table note outside of a write"):
        app.extensions["db"].session.execute(text(statement))
    close(app)


def test_page_that_is_kept_says_nothing_and_one_that_is_too_large_is_in_the_log(tmp_path, caplog):
    app = make(tmp_path, max_bytes=64 * 4096)
    pages = {f"/{size}": size for size in (10, 5000)}
    for path, size in pages.items():
        app.add_url_rule(path, path, cached_page()(lambda size=size: "x" * size))

    assert app.test_client().get("/10").text == "x" * 10
    assert "too large" not in caplog.text
    assert app.test_client().get("/5000").text == "x" * 5000
    assert "too large to be kept" in caplog.text
    close(app)


@pytest.mark.parametrize(("url", "gone"), [(None, True), ("sqlite://", False)])
def test_connection_that_may_not_write_is_not_used_again_unless_it_is_the_database(tmp_path, url, gone):
    app = make(tmp_path, **({"url": url} if url else {}))
    with app.app_context():
        session = app.extensions["db"].session
        session.execute(text("PRAGMA query_only=ON"))
        with pytest.raises(OperationalError, match="readonly") as refusal:
            session.execute(text("INSERT INTO note (text) VALUES ('tea')"))
        session.rollback()
    assert refusal.value.connection_invalidated == gone
    close(app)


def test_versions_of_what_is_long_gone_go_with_a_new_epoch(app):
    with app.app_context():
        with write(by="a test"):
            revalidate_tag("gone")
        with write(by="a test"):
            revalidate_everything()
        tags = app.extensions["db"].session.scalars(text("SELECT tag FROM revalidation_tag"))
        assert [*tags] == [""]


def test_thread_that_waits_in_vain_takes_no_lock_and_gives_none_back(tmp_path):
    path = str(tmp_path / "notes.db")
    threads = write_lock._threads[path]
    with threads:
        with pytest.raises(TimeoutError):
            write_lock.acquire(path, 0)
        assert threads.locked()
    write_lock.acquire(path, 0).close()
    assert not threads.locked()


def test_table_of_versions_is_made_once_and_given_to_who_writes_a_migration():
    metadata = MetaData()
    table = tag_table(metadata)

    assert [column.name for column in table.primary_key] == ["tag", "writer"]
    assert tag_table(metadata) is table


def test_looking_at_versions_begins_no_transaction_and_uses_the_one_there_is(app):
    db = app.extensions["db"]
    with app.app_context():
        session = db.session()
        assert set(read_versions(db, ["notes"])) == {"", "notes"}
        assert not session.in_transaction()


@pytest.mark.parametrize("failures", [0, 1, 7, 8])
def test_write_that_meets_others_is_tried_eight_times_and_no_more(monkeypatch, failures):
    waits, tries = [], []
    monkeypatch.setattr("time.sleep", waits.append)

    @retried
    def act(word, *, other):
        tries.append(word)
        if len(tries) <= failures:
            raise Conflict
        return word + other

    if failures == 8:
        with pytest.raises(Conflict):
            act("a", other="b")
    else:
        assert act("a", other="b") == "ab"
    assert len(tries) == min(failures + 1, 8)
    assert len(waits) == min(failures, 7)
    assert all(0 <= wait <= 0.16 for wait in waits)


def test_parts_of_a_page_are_of_one_moment_also_where_the_first_is_a_copy(app):
    session = app.extensions["db"].session

    def part(name):
        return cached(name, tags=["notes"], render=lambda: str(session.query(Note).count()))

    with app.test_request_context("/"):
        part("first")
    with app.test_request_context("/"):
        assert part("first") == "0"
        with app.app_context(), write(by="another") as writing:
            writing.add(Note(text="tea"))
            revalidate_tag("notes")
        assert part("second") == "0"
    with app.test_request_context("/"):
        assert (part("first"), part("second")) == ("1", "1")


def test_reader_of_another_state_gets_a_412_and_no_page(app):
    with app.app_context(), write(by="a test") as session:
        session.add(Note(text="tea"))

    answer = app.test_client().get("/", headers={"If-Match": '"another"'})

    assert (answer.status_code, "ETag" in answer.headers) == (412, False)
    assert answer.text != "tea"


class Query(BaseModel):
    """What a page is asked."""

    since: date


def test_copy_is_called_after_all_that_it_depends_on_and_kept_where_it_fits():
    one, other = (injective_key("page", Query(since=date(2026, 11, day))) for day in (1, 2))
    assert (one, one != other) == ('["page",{"since":"2026-11-01"}]', True)

    for most, kept in ((64 * 1025, True), (64 * 1025 - 1, False)):
        store = Store(most)
        store.put(Entry("k", {}))
        assert (store.get("k") is not None) == kept

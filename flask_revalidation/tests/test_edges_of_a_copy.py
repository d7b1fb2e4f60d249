"""Where a copy ends: sessions asked in passing, objects not yet flushed, one connection for all, long texts."""

import errno
import sqlite3

import pytest
from flask import Flask, flash, get_flashed_messages, request, session
from flask_sqlalchemy import SQLAlchemy
from notes_app import Base, Note, close, make
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from flask_revalidation import Mistake, PrivateRead, Revalidation, cached, cached_page, is_busy, revalidate_tag, write
from flask_revalidation.tags import versions_on

HERE = r"test_edges_of_a_copy\.py:\d+"


@pytest.fixture
def app(tmp_path):
    made = make(tmp_path, detect=False)
    yield made
    close(made)


READS = [
    lambda: bool(session),
    lambda: "x" in session,
    lambda: session.pop("x", None),
    lambda: repr(dict(session)),
    lambda: get_flashed_messages(),
    lambda: flash("x"),
]


@pytest.mark.parametrize("read", READS)
def test_session_cannot_be_asked_in_any_way(app, read):
    with app.test_request_context("/"):
        session["x"] = "of one caller"
        with pytest.raises(PrivateRead, match=rf"yet .*{HERE} reads the session"):
            cached("part", tags=["x"], render=lambda: str(read()))
        assert session["x"] == "of one caller"


@pytest.mark.parametrize(
    ("read", "what"),
    [
        (lambda: request.cookies, "a cookie"),
        (lambda: request.authorization, "credentials"),
        (lambda: request.remote_addr, "the caller's address"),
    ],
)
def test_who_is_asking_cannot_be_read_from_the_request_either(app, read, what):
    with app.test_request_context("/"), pytest.raises(PrivateRead, match=rf"yet .*{HERE} reads {what}"):
        cached("part", tags=["x"], render=lambda: str(read()))


def test_messages_read_before_do_not_come_into_a_cached_part(app):
    with app.test_request_context("/"):
        flash("for one reader")
        assert get_flashed_messages() == ["for one reader"]
        with pytest.raises(PrivateRead):
            cached("part", tags=["x"], render=lambda: str(get_flashed_messages()))


@pytest.mark.parametrize("code", ["ENOSPC", "EROFS", "EIO", "EACCES", "EDQUOT", "EFBIG"])
def test_lock_file_that_the_disk_does_not_take_passes_by_itself(code):
    assert is_busy(OSError(getattr(errno, code), "no"))
    assert not is_busy(OSError(errno.ENOENT, "no"))


@pytest.mark.parametrize(
    ("said", "busy"),
    [
        ("database is locked", True),
        ("database table is locked: note", True),
        ("disk I/O error", True),
        ("database or disk is full", True),
        ("attempt to write a readonly database", True),
        ("unable to open database file", True),
        ("no such column: note.read_at", False),
        ("no such column: note.blocked_until", False),
        ("no such table: thread", False),
    ],
)
def test_fault_is_not_called_busy_for_the_name_of_a_column(said, busy):
    error = OperationalError("INSERT", None, sqlite3.OperationalError(said))

    assert is_busy(error) is busy


def test_database_that_fails_while_versions_are_read_is_no_mistake_of_ours(app):
    with app.app_context(), app.extensions["db"].engine.connect() as connection:
        driver = connection.connection.driver_connection
        driver.set_progress_handler(lambda: 1, 1)
        with pytest.raises(OperationalError, match="interrupted"):
            versions_on(connection.connection, ["notes"])
        driver.set_progress_handler(None, 0)
        assert versions_on(connection.connection, ["notes"]).keys() == {"", "notes"}


def test_line_of_a_mistake_is_the_line_that_calls_the_library(app):
    with app.app_context(), pytest.raises(Mistake, match=rf"{HERE} calls commit\(\)"), write("a test") as running:
        running.commit()
    with Flask("bare").app_context(), pytest.raises(Mistake, match=rf"{HERE} calls cached"):
        cached("part", tags=["x"], render=str)


def count(db):
    return str(db.session.scalar(select(func.count()).select_from(Note)))


def test_what_is_added_and_not_flushed_never_fills_and_is_never_served_from_before(app):
    db = app.extensions["db"]
    with app.app_context():
        assert cached("before", tags=["notes"], render=lambda: count(db)) == "0"
        db.session.add(Note(text="not committed"))
        assert cached("before", tags=["notes"], render=lambda: count(db)) == "1"
        db.session.rollback()

        assert cached("before", tags=["notes"], render=lambda: count(db)) == "0"


def test_copy_whose_making_writes_is_not_kept(app):
    db = app.extensions["db"]

    def write_and_count():
        db.session.add(Note(text="not committed"))
        return count(db)

    with app.app_context():
        assert cached("odd", tags=["notes"], render=write_and_count) == "1"
        assert app.extensions["revalidation"].store.entries() == []


def test_headers_of_the_caller_are_there_again_after_a_copy_was_made(app):
    with app.test_request_context("/", headers={"Cookie": "a=b", "Authorization": "Bearer x"}):
        assert cached("part", tags=["x"], render=lambda: str("Cookie" in request.headers)) == "False"

        assert (request.headers["Cookie"], request.headers["Authorization"]) == ("a=b", "Bearer x")


def test_cached_page_does_not_throw_away_what_its_caller_has_added(app):
    db = app.extensions["db"]
    view = cached_page()(lambda: count(db))
    with app.test_request_context("/"):
        db.session.add(Note(text="tea"))
        assert view().get_data() == b"1"
        db.session.commit()
        assert count(db) == "1"
        assert app.extensions["revalidation"].store.entries() == []


def test_sessions_on_a_database_in_memory_may_overlap():
    app, db = Flask("memory"), SQLAlchemy(model_class=Base)
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db.init_app(app)
    Revalidation(app, db)
    app.add_url_rule("/", "index", cached_page(tags=["notes"])(lambda: count(db)))

    with app.app_context():
        db.create_all()
        assert count(db) == "0"  # this session's transaction stays open while another reads
        with app.app_context():
            assert count(db) == "0"
        db.session.rollback()
        with write("a test"):
            db.session.add(Note(text="tea"))
            revalidate_tag("notes")
        assert app.test_client().get("/").text == "1"
        db.session.rollback()
        db.engine.dispose()


def test_long_page_is_kept(app):
    with app.app_context():
        for _ in range(2):
            cached("feed", tags=["notes"], render=lambda: "x" * 300_000)

        assert len(app.extensions["revalidation"].store.entries()) == 1


@pytest.mark.parametrize("name", ["HTTP_COOKIE", "HTTP_AUTHORIZATION"])
def test_copy_finds_no_credential_in_the_environ_either(app, name):
    with app.test_request_context("/", environ_overrides={name: "of one caller"}):
        found = cached("part", tags=["x"], render=lambda: str(request.environ.get(name)))

        assert found == "None"
        assert request.environ[name] == "of one caller"

"""The mechanism on a real PostgreSQL: snapshots, conflicts that are tried again, writers of one tag side by side."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from notes_app import Note, close, make, read
from psycopg import errors
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from flask_revalidation import Busy, Conflict, cached, is_busy, retried, revalidate_everything, revalidate_tag, write
from flask_revalidation.store import Fill
from flask_revalidation.tags import read_versions
from tests.postgres import create_database, drop_database


@pytest.fixture
def machine(tmp_path):
    """Make applications on one database, each with a pool and a store of its own, as two machines have."""
    url, made = create_database(tmp_path), []

    def another(**options):
        made.append(make(tmp_path, url=url, create=not made, **options))
        return made[-1]

    yield another
    close(*made)
    drop_database(tmp_path)


def add(app, words, *tags):
    with app.app_context(), write("a test"):
        app.extensions["db"].session.add(Note(text=words))
        revalidate_tag(*tags)


def notes(app):
    return " ".join(app.extensions["db"].session.scalars(select(Note.text).order_by(Note.id)))


def test_committed_write_is_seen_by_the_next_reader_of_every_machine(machine):
    machines = [machine() for _ in range(3)]
    assert [read(one) for one in machines] == ["", "", ""]

    add(machines[0], "tea", "notes")

    assert [read(one) for one in machines] == ["tea"] * 3


def test_page_is_read_in_one_snapshot(machine):
    one, other = machine(), machine()

    with one.app_context():
        assert notes(one) == ""
        add(other, "tea", "notes")
        assert notes(one) == ""
    assert read(one) == "tea"


def take_later_versions(fill, part):
    fill.versions.update(part.versions)


@pytest.mark.parametrize(
    ("snapshots", "guard", "stale"),
    [(True, True, False), (True, False, False), (False, True, False), (False, False, True)],
    ids=["both", "snapshot alone", "guard alone", "neither"],
)
def test_later_version_never_lies_over_an_older_page(machine, monkeypatch, snapshots, guard, stale):
    one, other = machine(), machine()
    if not snapshots:
        with one.app_context():
            one.extensions["db"].engine.update_execution_options(isolation_level="READ COMMITTED")
    if not guard:
        monkeypatch.setattr(Fill, "add", take_later_versions)

    def page(between):
        def render():
            before = notes(one)
            between()
            return f"{before}|{cached('inner', tags=['notes'], render=lambda: notes(one))}"

        with one.app_context():
            return str(cached("outer", tags=["notes"], render=render))

    page(lambda: add(other, "tea", "notes"))

    assert page(lambda: None) == ("|tea" if stale else "tea|tea")


def test_writer_who_comes_second_to_a_row_is_told_and_writes_nothing(machine):
    one, other = machine(), machine()
    add(one, "tea", "notes")

    with one.app_context(), pytest.raises(Conflict), write("late"):
        note = one.extensions["db"].session.scalars(select(Note)).one()
        with other.app_context(), write("early"):
            other.extensions["db"].session.scalars(select(Note)).one().text = "jam"
            revalidate_tag("notes")
        note.text = "milk"

    assert read(one) == read(other) == "jam"


def test_no_count_is_lost_among_writers_of_one_row(machine):
    app = machine()
    add(app, "0", "notes")

    @retried
    def count(_number):
        with app.app_context(), write("count"):
            note = app.extensions["db"].session.scalars(select(Note)).one()
            note.text = str(int(note.text) + 1)
            revalidate_tag("notes")

    def count_in_the_end(number):
        try:
            count(number)
        except Busy:  # refused after eight tries, as on a slow machine: whoever asked asks again
            count_in_the_end(number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count_in_the_end, range(40)))

    assert read(app) == "40"


def test_row_that_another_write_has_added_is_found_when_it_is_tried_again(machine):
    one, other = machine(), machine()
    with one.app_context(), write("a test") as session:
        session.execute(text("ALTER TABLE note ADD UNIQUE (text)"))
    tried = []

    @retried
    def add_once():
        with one.app_context(), write("late") as session:
            tried.append(notes(one))
            if len(tried) == 1:
                add(other, "tea", "notes")
            if not tried[-1]:
                session.add(Note(text="tea"))

    add_once()

    assert tried == ["", "tea"]


def test_constraint_that_never_fits_is_raised_in_the_end(machine):
    app = machine()
    tried = []

    @retried
    def break_it():
        tried.append(1)
        with app.app_context(), write("a test") as session:
            session.add(Note(text=None))

    with pytest.raises(IntegrityError):
        break_it()
    assert len(tried) == 8


def test_writers_of_one_tag_do_not_wait_for_each_other(machine):
    one, other = machine(), machine()

    with one.app_context(), write("slow") as session:
        session.add(Note(text="slow"))
        revalidate_tag("notes")
        add(other, "quick", "notes")
        assert read(other) == "quick"

    assert sorted(read(other).split()) == ["quick", "slow"]


def test_everything_is_a_miss_even_what_was_copied_beside_it(machine):
    one, other = machine(), machine()
    add(other, "tea", "notes")

    with one.app_context(), write("all") as session:
        session.add(Note(text="jam"))
        revalidate_everything()
        assert read(other) == "tea"

    assert read(other) == "tea jam"


def test_wait_for_a_row_is_bounded(machine):
    one, other = machine(), machine(patience=0.05)
    add(one, "tea", "notes")

    with one.app_context(), write("slow") as session:
        session.scalars(select(Note).with_for_update()).one()
        with other.app_context(), pytest.raises(Busy), write("late") as late:
            late.scalars(select(Note).with_for_update()).one()


def test_connection_that_was_lost_is_busy_and_no_fault(machine):
    one, other = machine(), machine()
    assert read(one) == ""
    with other.app_context():
        here = "datname = current_database() AND pid <> pg_backend_pid()"
        end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {here}"
        other.extensions["db"].session.execute(text(end))

    with one.app_context(), pytest.raises(OperationalError) as lost:
        read_versions(one.extensions["db"], ["notes"])

    assert is_busy(lost.value)


@pytest.mark.parametrize(
    ("fault", "busy"),
    [
        (errors.ConnectionFailure, True),
        (errors.SerializationFailure, True),
        (errors.DeadlockDetected, True),
        (errors.LockNotAvailable, True),
        (errors.AdminShutdown, True),
        (errors.TooManyConnections, True),
        (errors.DiskFull, True),
        (errors.OutOfMemory, True),
        (errors.ReadOnlySqlTransaction, True),
        (errors.IoError, True),
        (errors.UndefinedTable, False),
        (errors.ActiveSqlTransaction, False),
    ],
)
def test_what_passes_is_busy_and_a_fault_is_not(fault, busy):
    assert is_busy(OperationalError("INSERT", None, fault("as the server says it"))) == busy


def test_number_of_rows_of_a_tag_follows_the_writers_at_once_and_not_the_writes(machine):
    app = machine()

    def write_often(_number):
        for _ in range(10):
            retried(add)(app, "x", "notes")

    threads = [threading.Thread(target=write_often, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with app.app_context():
        rows = app.extensions["db"].session.execute(text("SELECT count(*) FROM revalidation_tag WHERE tag = 'notes'"))
        assert rows.scalar() <= 4

"""Time, kept by the server itself: nobody calls, and what is due is done, once, by whichever worker is there."""

import os
import signal
import sqlite3
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
from conftest import ON_POSTGRES
from scenarios import fingerprint
from serving import serving
from sqlalchemy import func, insert, select, text, update
from test_cron import leave_behind, make_due
from webhooks import inbox, member

from api.cron import run_tick
from flask_revalidation import revalidate_tag, write
from flask_server_actions.sentences import state
from models import ApiKey, IdempotencyKey, Like, Post, User, UserSession, db, now

LATE = 10  # seconds after its time, at most


def schedule(app, count=1, *, seconds=2):
    """Have some posts go live soon, and return their titles and their time."""
    at = now() + timedelta(seconds=seconds)
    with app.app_context(), write(by="test"):
        ada = User.find_author("ada")
        for number in range(count):
            ada.write(f"On time {at.timestamp():.0f}, number {number}").schedule(at)
        revalidate_tag("posts")
    return [f"On time {at.timestamp():.0f}, number {number}" for number in range(count)], at


def read(server, path="/blog"):
    with urlopen(f"{server.url}{path}", timeout=10) as answer:
        return answer.read().decode()


def wait_until(holds, *, after=None):
    """Wait until something holds: no longer than `LATE` after a time, or as long as a busy machine may need."""
    deadline = after.timestamp() + LATE if after else time.time() + 60
    while time.time() < deadline and not holds():
        time.sleep(0.1)
    assert holds()


def leader_of(server, data_dir):
    """Return the process that holds the lock of the schedule."""
    inode = (data_dir / "schedule.lock").stat().st_ino
    locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    pids = [int(lock[4]) for lock in locks if "->" not in lock and lock[5].endswith(f":{inode}")]
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return next((pid for pid in pids if str(pid) in children), None)


def test_scheduled_post_goes_live_by_itself_and_not_before(app, data_dir):
    with serving(data_dir) as server:
        (title,), at = schedule(app, seconds=3)
        assert title not in read(server)
        assert now() < at

        wait_until(lambda: title in read(server), after=at)


def test_two_machines_publish_each_post_once_and_apply_each_event_once(app, data_dir, tmp_path):
    url = app.config["SQLALCHEMY_DATABASE_URI"].render_as_string(hide_password=False)
    leave_behind(app, minutes=2)
    titles, _ = schedule(app, 8)
    with ExitStack() as machines:
        (tmp_path / "other").mkdir()
        for folder in (data_dir, tmp_path / "other"):
            server = machines.enter_context(serving(folder, DATABASE_URL=url, DEMO="1"))
        wait_until(lambda: all(title in read(server) for title in titles))
        dated = publications(app, titles)
        wait_until(lambda: inbox(app) == [("stripe", "evt_1", "applied", 0)])
        time.sleep(5)

        assert [published == updated for published, updated in dated] == [True] * 8
        assert publications(app, titles) == dated
        assert member(app)[2:] == ("active", 1)
        assert "not done" not in server.log.read_text()


def publications(app, titles):
    with app.app_context():
        found = db.session.execute(select(Post.published_at, Post.updated_at).where(Post.title.in_(titles)))
        return [tuple(row) for row in found]


def test_what_came_due_while_nothing_ran_is_caught_up_at_the_start(app, data_dir, find_post):
    make_due(app)
    title = find_post("names-on-doorbells").title

    with serving(data_dir) as server:
        wait_until(lambda: title in read(server))


def test_worker_that_keeps_the_schedule_is_killed_and_another_goes_on(app, data_dir):
    with serving(data_dir) as server:
        wait_until(lambda: leader_of(server, data_dir))
        first = leader_of(server, data_dir)

        os.kill(first, signal.SIGKILL)
        (title,), _ = schedule(app)

        wait_until(lambda: title in read(server))
        assert leader_of(server, data_dir) not in (None, first)
        assert server.stop() == 0


@pytest.mark.sqlite("it holds the file")
def test_database_that_takes_no_write_for_a_while_ends_nothing(app, data_dir):
    (title,), _ = schedule(app)
    with serving(data_dir) as server:
        other = sqlite3.connect(data_dir / "hallway.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        wait_until(lambda: "not done on time" in server.log.read_text())
        other.execute("ROLLBACK")
        other.close()

        wait_until(lambda: title in read(server))
        assert "Traceback" not in server.log.read_text()


def test_tables_are_swept_without_anyone_calling(app, data_dir):
    old = now() - timedelta(days=60)
    with app.app_context(), write(by="test") as session:
        ada, key = User.find_author("ada"), session.scalar(select(ApiKey))
        UserSession.start(ada)
        ada.write("Thrown away").delete()
        row = IdempotencyKey(digest="d", api_key_id=key.id, request="r", status=200, headers={}, body=b"")
        session.add(row)
        session.execute(insert(state.form_keys).values(digest="d", fields="f", answer={}, used_at=old))
        session.flush()
        session.execute(update(IdempotencyKey).values(created_at=old))
        session.execute(update(UserSession).values(expires_at=old))
        thrown_away = update(Post).where(Post.title == "Thrown away")
        session.execute(thrown_away.values(deleted_at=old), execution_options={"synchronize_session": False})
    leave_behind(app, minutes=60 * 24 * 40)
    app.extensions["rate_limiter"].count("someone", limit=5, seconds=-1)

    def left():
        with app.app_context():
            trash = select(Post).where(Post.title == "Thrown away").execution_options(include_deleted=True)
            tables = [select(UserSession), select(IdempotencyKey), select(state.form_keys), trash]
            rows = [db.session.execute(query).first() is not None for query in tables]
        return [*rows, bool(inbox(app)), app.extensions["rate_limiter"].last_used("someone") is not None]

    assert left() == [True] * 6
    with serving(data_dir):
        wait_until(lambda: not any(left()))


@pytest.mark.parametrize("joins", ["on", "off"])
def test_sweep_deletes_a_bounded_number_in_one_write_whatever_the_plan(app, joins):
    def expired():
        with app.app_context():
            return len(db.session.scalars(select(UserSession.digest)).all())

    with app.app_context(), write(by="test") as session:
        rows = [{"digest": str(n), "user_id": 1, "expires_at": now() - timedelta(days=1)} for n in range(1201)]
        session.execute(insert(UserSession), rows)
    with app.app_context(), write(by="test") as session:
        for kind in ("hashjoin", "mergejoin", "hashagg", "sort", "material") if ON_POSTGRES else ():
            session.execute(text(f"SET LOCAL enable_{kind} = {joins}"))
        assert UserSession.sweep() == 500
    assert expired() == 701

    assert app.test_cli_runner().invoke(args=["sweep"], catch_exceptions=False).exit_code == 0
    assert expired() == 0


def test_sweep_of_a_post_does_not_wait_for_all_that_readers_left_on_it(app):
    with app.app_context(), write(by="test") as session:
        post = User.find_author("ada").write("Swept away")
        session.flush()
        post.deleted_at = now() - timedelta(days=8)
        session.execute(insert(Like), [{"post_id": post.id, "visitor": f"browser:{n}"} for n in range(1300)])
        post_id = post.id
    left = []
    for _ in range(4):
        with app.app_context(), write(by="test") as session:
            Post.sweep()
            session.flush()
            count = select(func.count()).select_from(Like).where(Like.post_id == post_id)
            left.append(
                (session.scalar(count), session.scalar(text(f"SELECT count(*) FROM post WHERE id = {post_id}")))
            )

    assert left == [(800, 1), (300, 1), (0, 1), (0, 0)]


def test_tick_with_nothing_due_only_reads(app, monkeypatch):
    swept, before = [], fingerprint(app)
    monkeypatch.setattr("api.cron.write", None)
    with app.app_context():
        for seconds in range(0, 7202, 2):
            run_tick(seconds, lambda: swept.append(seconds))  # noqa: B023

    assert swept == [0, 3600, 7200]
    assert fingerprint(app) == before


def test_failure_is_logged_and_ends_nothing(app, caplog):
    def fail():
        raise ZeroDivisionError

    with app.app_context():
        run_tick(0, fail)

    assert "not done on time" in caplog.text
    assert "ZeroDivisionError" in caplog.text

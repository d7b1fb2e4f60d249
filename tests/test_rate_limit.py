"""The rate limiter: windows that begin with the first hit, one count for all workers, and nothing kept for long."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import time_machine
from conftest import settings_for
from serving import ROOT
from sqlalchemy import NullPool, create_engine, text

from actions.rate_limit import enforce
from flask_server_actions import Result
from web.rate_limiter import DAY, HOUR, MINUTE, RateLimiter, Reading

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def limiter_of(data_dir):
    return RateLimiter(data_dir / "rate-limits.db", settings_for(data_dir).database)


@pytest.fixture
def limiter(data_dir):
    made = limiter_of(data_dir)
    yield made
    made.close()


def count_at(limiter, moment, seconds=MINUTE, bucket="x"):
    """Count one hit of ten, so many seconds after noon."""
    with time_machine.travel(NOON + timedelta(seconds=moment), tick=False):
        return limiter.count(bucket, 10, seconds)


@pytest.mark.parametrize("seconds", [MINUTE, HOUR, DAY])
def test_window_begins_with_the_first_hit_and_has_its_full_length(limiter, seconds):
    readings = [count_at(limiter, at, seconds) for at in (47, 48, 46 + seconds, 47 + seconds)]

    assert readings == [
        Reading(10, 9, seconds),
        Reading(10, 8, seconds - 1),
        Reading(10, 7, 1),
        Reading(10, 9, seconds),
    ]


def test_window_is_not_made_longer_by_hits_that_are_refused(limiter):
    lefts = [count_at(limiter, at).left for at in range(60)]

    assert lefts == list(range(9, -51, -1))
    assert count_at(limiter, 60).left == 9


def test_hit_overtaken_while_the_window_ends_brings_no_old_count_back(limiter):
    moments = (0, 59, 60, 59, 61, 58, 60)

    assert [count_at(limiter, at).left for at in moments] == [9, 8, 9, 8, 7, 6, 5]


@pytest.mark.parametrize("ahead", [1, 59, 60, 61, 120, HOUR, 400 * DAY])
def test_clock_that_once_stood_in_the_future_locks_nobody_out_for_longer_than_a_window(limiter, ahead):
    for _ in range(20):
        count_at(limiter, ahead)

    assert 0 < count_at(limiter, 0).reset <= MINUTE
    assert count_at(limiter, MINUTE).left >= 8


def test_clock_that_is_set_back_by_more_than_a_window_locks_nobody_out_at_all(limiter):
    for _ in range(20):
        count_at(limiter, DAY)

    assert count_at(limiter, 0).left == 9


def test_buckets_are_counted_apart_and_forgotten_apart(limiter):
    for bucket in "aabb":
        count_at(limiter, 0, bucket=bucket)

    limiter.forget("a")

    assert [count_at(limiter, 1, bucket=bucket).left for bucket in "ab"] == [9, 7]


def test_counts_outlive_a_restart(limiter, data_dir):
    count_at(limiter, 0)

    again = limiter_of(data_dir)
    assert count_at(again, 1).left == 8
    again.close()


@pytest.mark.postgresql
def test_machines_with_one_database_count_together(limiter, data_dir, tmp_path):
    database = settings_for(data_dir).database
    machines = [RateLimiter(tmp_path / f"{number}.db", database) for number in range(4)]

    with ThreadPoolExecutor(4) as pool:
        counts = pool.map(lambda machine: [machine.count("x", 1000).left for _ in range(50)], machines)
        assert sorted(left for counted in counts for left in counted) == list(range(800, 1000))

    for machine in machines:
        machine.close()
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.postgresql
def test_rate_limiter_finds_its_database_again_after_a_connection_was_lost(limiter, data_dir):
    count_at(limiter, 0)
    engine = create_engine(settings_for(data_dir).database, poolclass=NullPool)
    with engine.connect() as connection:
        here = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {here}"))

    assert count_at(limiter, 0) is None
    assert count_at(limiter, 0).left == 8


def test_sweep_remembers_for_ninety_days_when_a_key_was_used(limiter):
    count_at(limiter, 0, bucket="key:one")

    for days, remembered in ((89, NOON.timestamp()), (91, None)):
        with time_machine.travel(NOON + timedelta(days=days)):
            limiter.sweep()
        assert limiter.last_used("key:one") == remembered


def test_sweep_leaves_no_list_of_addresses_and_no_hole_in_a_window(limiter):
    count_at(limiter, 0, HOUR, bucket="address:192.0.2.7")

    for minutes, remembered in ((59, True), (60, False)):
        with time_machine.travel(NOON + timedelta(minutes=minutes)):
            limiter.sweep()
        assert (limiter.last_used("address:192.0.2.7") is not None) == remembered


@pytest.mark.sqlite("the counts are in a file")
def test_file_names_nobody_who_has_tried_an_action(visitor, data_dir):
    visitor.act("accounts.sign_in", email="canary@x.example", password="guess")
    visitor.act("messages.send_message", name="I", email="canary@x.example", message="Hello")

    files = {path.name: path.read_bytes() for path in data_dir.glob("rate-limits.db*")}
    assert b"accounts.sign_in" in b"".join(files.values())
    assert not [name for name, content in files.items() if b"canary" in content or b"127.0.0.1" in content]


@pytest.mark.sqlite("the counts are in a file")
def test_people_sign_in_while_nobody_counts(visitor, data_dir, caplog):
    (data_dir / "rate-limits.db").write_bytes(b"no database" * 1000)

    answer = visitor.act("accounts.sign_in", email="ada@hallway.example", password="open-the-door")

    assert answer.status_code == 303
    assert "requests and tries are not being counted" in caplog.text


OPEN_AND_COUNT = """
import sys
from pathlib import Path
from web.rate_limiter import RateLimiter
for line in sys.stdin:
    limiter = RateLimiter(Path(line.strip()))
    print(*(limiter.count("x", 1000).left for _ in range(5)), flush=True)
"""


@pytest.mark.sqlite("the counts are in a file")
def test_workers_that_open_the_file_at_once_lose_no_count(tmp_path):
    command, pipe = [sys.executable, "-c", OPEN_AND_COUNT], subprocess.PIPE
    workers = [subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(4)]

    for turn in range(15):
        for worker in workers:
            print(tmp_path / f"{turn}.db", file=worker.stdin, flush=True)
        counted = [int(left) for worker in workers for left in worker.stdout.readline().split()]
        assert sorted(counted, reverse=True) == list(range(999, 979, -1))
    for worker in workers:
        worker.communicate()
        assert worker.returncode == 0


@pytest.mark.parametrize(
    ("seconds", "told"), [(1, "1 seconds"), (119, "119 seconds"), (120, "2 minutes"), (3600, "60 minutes")]
)
def test_who_has_to_wait_is_told_how_long_in_words_and_in_a_header(app, monkeypatch, seconds, told):
    counting = SimpleNamespace(count=lambda *_: Reading(10, -1, seconds))
    monkeypatch.setattr("actions.rate_limit.limiter", lambda: counting)
    with app.test_request_context(), pytest.raises(Result, match=rf"Please wait {told}\.") as refusal:
        enforce(app.extensions["server_actions"].actions["messages.send_message"], None)

    assert (refusal.value.status, refusal.value.headers) == (429, {"Retry-After": str(seconds)})

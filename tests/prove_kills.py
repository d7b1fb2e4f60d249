"""Workers killed at system calls by chance, for bin/prove: nothing acknowledged is lost, torn, stale or done twice.

strace attaches to a worker under load and sends SIGKILL when one of its threads enters the n-th call of a kind: between
two writes of a commit, before a lock is let go, in the middle of an answer.
"""

import os
import random
import shutil
import sqlite3
import subprocess
import threading
from collections import Counter
from pathlib import Path

import freshness
import pytest
from conftest import ON_POSTGRES
from flask import Flask
from serving import serving
from test_webhook_stripe_crash import FORKED, counted, crowd, each_acted_once
from webhooks import Sender

READS = int(os.environ.get("KILL_READS", "50000"))
EVENTS = int(os.environ.get("KILL_EVENTS", "6000"))
CALLS = ("pwrite64", "fdatasync", "ftruncate", "fcntl", "flock", "openat", "close", "pread64", "read", "write")
CALLS += ("newfstatat", "unlink", "lseek", "futex", "recvfrom", "sendto", "epoll_wait", "poll", "mmap")


def workers_of(server: freshness.Server) -> list[int]:
    """Return the processes that answer."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(child) for child in children.read_text().split()]


class Killer:
    """Kills one worker after another, each at a system call of its own, and counts at which."""

    def __init__(self, seed: int = 1) -> None:
        self.chance, self.died_at = random.Random(seed), Counter[str]()

    def kill_one(self, servers: list[freshness.Server]) -> None:
        """Attach to a worker, and wait until it has died; or let it live, if it makes no such call."""
        workers = [pid for server in servers for pid in workers_of(server)]
        if not workers:
            return
        call, nth = self.chance.choice(CALLS), self.chance.randint(1, 40)
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={nth}"]
        pid = self.chance.choice(workers)
        strace = subprocess.Popen(["strace", "-f", "-qq", "-o", os.devnull, *inject, "-p", str(pid)])
        try:
            strace.wait(1)
        except subprocess.TimeoutExpired:
            strace.kill()  # which lets go of whom it is attached to
            strace.wait()
        if not Path(f"/proc/{pid}").exists() or pid not in [pid for each in servers for pid in workers_of(each)]:
            self.died_at[call] += 1


@pytest.fixture
def killer() -> Killer:
    """Someone who may attach to our workers."""
    if not shutil.which("strace"):
        pytest.skip("strace is not here: apt-get install strace")
    with subprocess.Popen(["sleep", "10"]) as child:
        attached = ["timeout", "1", "strace", "-o", os.devnull, "-p", str(child.pid)]
        refused = subprocess.run(attached, capture_output=True, text=True).stderr
        child.kill()
    if "attach" in refused and "not permitted" in refused:
        pytest.skip(f"strace may not attach: {refused.strip()}")
    return Killer()


def require_whole(data_dir: Path) -> None:
    """Assert that SQLite finds nothing torn in its file."""
    if not ON_POSTGRES:
        database = sqlite3.connect(data_dir / "hallway.db")
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        database.close()


def test_workers_killed_at_system_calls_lose_and_tear_nothing_and_no_page_is_stale(
    data_dir: Path, killer: Killer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freshness, "EACH", 1)

    board = freshness.check(data_dir, reads=READS, kill_share=0, seconds=1800, disturb=killer.kill_one)

    print(f"\n{sum(killer.died_at.values())} died: {dict(killer.died_at)}", dict(board.counts))  # noqa: T201
    assert board.violations == []
    assert board.counts["writes"] > 5
    assert sum(killer.died_at.values()) > READS / 10_000
    require_whole(data_dir)


def test_webhooks_whose_workers_are_killed_at_system_calls_act_exactly_once(
    app: Flask, data_dir: Path, killer: Killer
) -> None:
    with serving(data_dir, **FORKED, threads=2) as server:  # type: ignore[arg-type]
        done = threading.Event()

        def kill_on() -> None:
            while not done.wait(0.2):
                killer.kill_one([server])

        thread = threading.Thread(target=kill_on)
        thread.start()
        tries = crowd(server, 6, Sender.deliver, [counted(f"kill.{number}") for number in range(EVENTS)])
        done.set()
        thread.join()

    print(f"\n{sum(killer.died_at.values())} died: {dict(killer.died_at)}; {sum(tries)} tries for {EVENTS} events")  # noqa: T201
    assert each_acted_once(app, "kill", EVENTS)
    assert sum(killer.died_at.values()) > EVENTS / 1000
    require_whole(data_dir)

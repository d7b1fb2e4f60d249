"""Four ways to keep a cached copy fresh, each in a few lines, on a throwaway SQLite file with one title in it.

Two workers keep copies of their own, as processes do. A write changes the title; what differs is how the copies learn
of it. `crash` leaves out what a worker that dies at that moment would not have done any more.
"""

import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PLACES = ("front page", "list", "feed")
Version = str | None


@dataclass
class Worker:
    """A process: its copies, by place, each with the version that it was made under."""

    name: str
    copies: dict[str, tuple[Version, int]] = field(default_factory=dict)


class Store:
    """A connection to the file. Each thread has its own, as SQLite wants it."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, isolation_level=None, timeout=5)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=OFF")
        self.db.execute("CREATE TABLE IF NOT EXISTS title (number INTEGER)")
        self.db.execute("CREATE TABLE IF NOT EXISTS tag (version TEXT)")

    def begin_at_one(self) -> None:
        """Put the first title there."""
        self.db.executescript("DELETE FROM title; DELETE FROM tag; INSERT INTO title VALUES (1)")
        self.db.execute("INSERT INTO tag VALUES (?)", [secrets.token_hex(8)])

    def value(self, query: str) -> str:
        """Return the one value that a query finds."""
        return str(self.db.execute(query).fetchone()[0])

    def title(self) -> int:
        """Return the number of the title as it is."""
        return int(self.value("SELECT number FROM title"))

    def retitle(self) -> None:
        """Count the title up."""
        self.db.execute("UPDATE title SET number = number + 1")

    def replace_version(self) -> None:
        """Make every copy a miss that looks at the version."""
        self.db.execute("UPDATE tag SET version = ?", [secrets.token_hex(8)])


def read_by_version(store: Store, worker: Worker, place: str) -> int:
    """Serve the copy while its version is the current one; else make another, both read in one snapshot."""
    version, number = worker.copies.get(place, (None, 0))
    if version == store.value("SELECT version FROM tag"):
        return number
    store.db.execute("BEGIN")
    worker.copies[place] = (store.value("SELECT version FROM tag"), store.title())
    store.db.execute("COMMIT")
    return worker.copies[place][1]


def read_by_memory(store: Store, worker: Worker, place: str) -> int:
    """Serve the copy as long as there is one."""
    if place not in worker.copies:
        worker.copies[place] = (None, store.title())
    return worker.copies.get(place, (None, 0))[1] or store.title()


def in_the_transaction(store: Store, _worker: Worker, crash: bool) -> None:
    """Title and version are committed together. A crash before the commit takes back both."""
    store.db.execute("BEGIN IMMEDIATE")
    store.retitle()
    store.replace_version()
    store.db.execute("ROLLBACK" if crash else "COMMIT")


def after_the_commit(store: Store, _worker: Worker, crash: bool) -> None:
    """The title is committed, and then the version is replaced, unless the worker dies in between."""
    store.retitle()
    if not crash:
        store.replace_version()


def in_each_process(store: Store, worker: Worker, crash: bool) -> None:
    """The title is committed, and then the worker that wrote clears its own copies. The other hears nothing."""
    store.retitle()
    if not crash:
        worker.copies.clear()


def forgotten(store: Store, _worker: Worker, _crash: bool) -> None:
    """The title is committed. That is all."""
    store.retitle()


@dataclass(frozen=True)
class Strategy:
    """When copies are invalidated: its name, what it promises, how it writes, and how it reads."""

    slug: str
    name: str
    promise: str
    write: Callable[[Store, Worker, bool], None]
    read: Callable[[Store, Worker, str], int]


STRATEGIES = [
    Strategy(
        "transaction",
        "In the transaction",
        "Ours: commit is the one moment for both.",
        in_the_transaction,
        read_by_version,
    ),
    Strategy("commit", "After the commit", "A second step, usually a moment later.", after_the_commit, read_by_version),
    Strategy("process", "In each process", "Whoever wrote clears its own memory.", in_each_process, read_by_memory),
    Strategy("forgotten", "Forgotten", "One place of many that nobody thought of.", forgotten, read_by_memory),
]

"""Where traces are kept: a small SQLite file that all workers share, bounded, and worth nothing when it is gone.

Nothing here waits for long or fails a request: a trace that cannot be kept is lost.
"""

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from xray.trace import Facts

MAX_TRACES, MAX_COPIES = 500, 400
FOLLOWS = 10  # seconds since an open window has asked last
_PREPARE = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=OFF",
    "CREATE TABLE IF NOT EXISTS trace (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT UNIQUE, facts TEXT)",
    "CREATE TABLE IF NOT EXISTS copy (key TEXT PRIMARY KEY, at REAL, facts TEXT)",
    "CREATE TABLE IF NOT EXISTS follower (id INTEGER PRIMARY KEY, at REAL)",
)


class Store:
    """Traces, newest first; and of each cached copy, when it was made and of which parts. Found in `app.extensions`."""

    def __init__(self, path: Path, redact: Callable[[Any], Any]) -> None:
        self._path, self._redact = path, redact
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened_in = 0

    def put(self, facts: Facts) -> None:
        """Keep a trace, redacted."""
        text = json.dumps(self._redact(facts), ensure_ascii=False)
        rows = self._run("INSERT INTO trace (id, facts) VALUES (?, ?) RETURNING number", facts["id"], text)
        if rows and rows[0][0] % 20 == 0:
            self._run("DELETE FROM trace WHERE number <= ?", rows[0][0] - MAX_TRACES)
            self._run("DELETE FROM copy WHERE key NOT IN (SELECT key FROM copy ORDER BY at DESC LIMIT ?)", MAX_COPIES)

    def find(self, id: str) -> Facts | None:
        """Return a trace by its id."""
        rows = self._run("SELECT number, facts FROM trace WHERE id = ?", id)
        return _loaded(*rows[0]) if rows else None

    def latest(self, *, after: int = 0, most: int = 120) -> list[Facts]:
        """Return the newest traces, those with a higher number than `after`."""
        query = "SELECT number, facts FROM trace WHERE number > ? ORDER BY number DESC LIMIT ?"
        return [_loaded(*row) for row in self._run(query, after, most)]

    def clear(self) -> None:
        """Forget all traces. Their numbers go on."""
        self._run("DELETE FROM trace")

    def follow(self, at: float | None = None) -> None:
        """Note that somebody follows, in an open window."""
        self._run(
            "INSERT INTO follower VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET at = excluded.at",
            time.time() if at is None else at,
        )

    @property
    def is_followed(self) -> bool:
        """Say whether somebody follows."""
        return bool(self._run("SELECT 1 FROM follower WHERE at > ?", time.time() - FOLLOWS))

    def put_copy(self, facts: Facts) -> None:
        """Remember of which parts a copy was made, redacted."""
        facts = self._redact(facts)
        query = (
            "INSERT INTO copy VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET at = excluded.at, facts = excluded.facts"
        )
        self._run(query, facts["key"], time.time(), json.dumps(facts))

    def copies(self, keys: list[str]) -> dict[str, Facts]:
        """Return what is known of copies."""
        marks = ", ".join("?" * len(keys))
        rows = self._run(f"SELECT key, at, facts FROM copy WHERE key IN ({marks})", *keys)  # noqa: S608
        return {key: {"at": at, **json.loads(facts)} for key, at, facts in rows}

    def _run(self, query: str, *values: Any) -> list[Any]:
        with self._guard, suppress(sqlite3.Error, OSError):
            return self._open().execute(query, values).fetchall()
        return []

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._opened_in != os.getpid():  # a connection must not cross a fork
            connection = sqlite3.connect(self._path, timeout=0.5, isolation_level=None, check_same_thread=False)
            for (
                statement
            ) in _PREPARE:  # where two workers do it at once, one fails, and tries again with its next trace
                connection.execute(statement)
            self._connection, self._opened_in = connection, os.getpid()
        return self._connection

    def close(self) -> None:
        """Let go of the connection. The next look opens another."""
        with self._guard:
            if self._connection is not None:
                self._connection.close()
            self._connection = None


def _loaded(number: int, text: str) -> Facts:
    return {**json.loads(text), "number": number}

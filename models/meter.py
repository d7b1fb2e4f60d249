"""Counting requests: exact over the workers of one machine, and apart from the publication's own database.

Reading must not write to the database, yet each read counts. So the counts have a small SQLite file of their own that
every worker shares. It holds nothing that matters: delete it, and everyone starts again at zero.
"""

import fcntl
import os
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path

WINDOW = 60  # seconds
_KEEP = 90 * 24 * 3600  # seconds; how long a key's "last used" is remembered
_KEEP_ADDRESSES = 24 * 3600  # seconds; they are people's, and nobody asks about them

_PREPARE = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=OFF",
    "CREATE TABLE IF NOT EXISTS meter"
    " (bucket TEXT PRIMARY KEY, began INTEGER, hits INTEGER, last INTEGER) WITHOUT ROWID",
)
_COUNT = """
INSERT INTO meter (bucket, began, hits, last) VALUES (?1, ?2, 1, ?3)
ON CONFLICT (bucket) DO UPDATE SET
  hits = CASE WHEN began IN (?2, ?2 + ?4) THEN hits + 1 ELSE 1 END,
  began = CASE WHEN began = ?2 + ?4 THEN began ELSE ?2 END, last = ?3
RETURNING hits
"""  # A request that is overtaken while the window turns counts in the new one, and does not bring back the old one.


@dataclass(frozen=True)
class Reading:
    """Where a bucket stands after a request: `left` may be negative, `reset` is in seconds."""

    limit: int
    left: int
    reset: int


class Meter:
    """Requests by bucket, in fixed windows of `WINDOW` seconds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened_in = 0

    def count(self, bucket: str, limit: int) -> Reading:
        """Count one request. Two workers never get the same number: the statement counts and answers at once."""
        moment = int(time.time())
        began = moment - moment % WINDOW
        with self._guard:
            ((hits,),) = self._open().execute(_COUNT, (bucket, began, moment, WINDOW)).fetchall()
        return Reading(limit, limit - hits, began + WINDOW - moment)

    def last_used(self, bucket: str) -> int | None:
        """Return when the bucket last counted, in seconds of Unix time."""
        with self._guard:
            row = self._open().execute("SELECT last FROM meter WHERE bucket = ?", (bucket,)).fetchone()
        return row[0] if row else None

    def sweep(self) -> None:
        """Forget buckets that have long been empty."""
        with self._guard:
            moment = int(time.time())
            query = "DELETE FROM meter WHERE last < ? OR (last < ? AND bucket LIKE 'address:%')"
            self._open().execute(query, (moment - _KEEP, moment - _KEEP_ADDRESSES))

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._opened_in != os.getpid():  # a connection must not cross a fork
            self._connection = sqlite3.connect(
                self._path, timeout=2, isolation_level=None, check_same_thread=False, cached_statements=8
            )
            with Path(f"{self._path}.lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # SQLite does not wait, but fails, where two turn WAL on at once
                for statement in _PREPARE:
                    self._connection.execute(statement)
            self._opened_in = os.getpid()
        return self._connection

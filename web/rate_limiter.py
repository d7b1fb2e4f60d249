"""Counting for rate limits: hits by bucket, exact over all workers, and on PostgreSQL over all machines.

Reading must not write to the database, yet each read of the API counts; so the counts have a small SQLite file of their
own that every worker shares, or on PostgreSQL a table that is not logged. They hold nothing that matters: delete them,
and everyone starts again at zero.
"""

import fcntl
import logging
import os
import re
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blinker import Signal
from sqlalchemy import URL

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600  # seconds
KEYS = "key:"  # how the buckets of API keys begin; of these it is remembered when they last counted, for `KEY_MEMORY`
KEY_MEMORY = 90 * DAY
counted = Signal()  # sent with the bucket and the `reading`, for whoever wants to watch
_NAMED = re.compile(r":(\w+)")

_PREPARE = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;
CREATE TABLE IF NOT EXISTS rate_limit
  (bucket TEXT PRIMARY KEY, ends INTEGER, hits INTEGER, last INTEGER) WITHOUT ROWID;
"""
# A window runs where it ends in the future, but not further off than a worker whose request was overtaken can see.
# Each hit moves the end to one window from now at the latest: a clock that once stood in the future locks nobody out.
_COUNT = """
INSERT INTO rate_limit (bucket, ends, hits, last) VALUES (:bucket, :now + :seconds, 1, :now)
ON CONFLICT (bucket) DO UPDATE SET
  hits = CASE WHEN rate_limit.ends - :now BETWEEN 1 AND 2 * :seconds THEN rate_limit.hits + 1 ELSE 1 END,
  ends = CASE WHEN rate_limit.ends BETWEEN :now + 1 AND :now + :seconds THEN rate_limit.ends ELSE :now + :seconds END,
  last = :now
RETURNING hits, ends - :now
"""


@dataclass(frozen=True)
class Reading:
    """Where a bucket stands after a hit: `left` may be negative, `reset` is in seconds."""

    limit: int
    left: int
    reset: int

    def headers(self) -> dict[str, str]:
        """Return the headers that tell it (draft-ietf-httpapi-ratelimit-headers-11)."""
        told = f'"requests";r={max(0, self.left)};t={self.reset}'
        return {"RateLimit-Policy": f'"requests";q={self.limit};w={MINUTE}', "RateLimit": told}


class RateLimiter:
    """Hits by bucket, in windows that begin with a bucket's first hit. Found at `app.extensions["rate_limiter"]`.

    The counts are in the file at `path`, or in the PostgreSQL database at `url`. Where they cannot be
    read or written, that is logged, and nobody is locked out: what protects a thing is not worth more than it.
    """

    def __init__(self, path: Path, url: URL | None = None) -> None:
        self._path = path
        self._url = url if url and url.get_backend_name() == "postgresql" else None
        self._guard = threading.Lock()
        self._connection: Any = None
        self._opened_in = 0

    def count(self, bucket: str, limit: int, seconds: int = MINUTE) -> Reading | None:
        """Count one hit. Two workers never get the same number: the statement counts and answers at once."""
        rows = self._run(_COUNT, bucket=bucket, now=int(time.time()), seconds=seconds)
        reading = Reading(limit, limit - rows[0][0], rows[0][1]) if rows else None
        if reading:
            counted.send(bucket, reading=reading)
        return reading

    def forget(self, bucket: str) -> None:
        """Let a bucket start again at zero."""
        self._run("DELETE FROM rate_limit WHERE bucket = :bucket", bucket=bucket)

    def last_used(self, bucket: str) -> int | None:
        """Return when the bucket last counted, in seconds of Unix time."""
        rows = self._run("SELECT last FROM rate_limit WHERE bucket = :bucket", bucket=bucket)
        return rows[0][0] if rows else None

    def sweep(self) -> None:
        """Forget buckets whose window is over, and of keys that nobody has used for `KEY_MEMORY` when that was."""
        query = "DELETE FROM rate_limit WHERE ends <= :now AND (last < :long_ago OR bucket NOT LIKE :keys)"
        now = int(time.time())
        self._run(query, now=now, long_ago=now - KEY_MEMORY, keys=f"{KEYS}%")

    def _run(self, query: str, **values: Any) -> list[Any]:
        with self._guard:
            try:
                cursor = self._open().execute(_NAMED.sub(r"%(\1)s", query) if self._url else query, values)
                return cursor.fetchall() if cursor.description else []
            except Exception:
                self.close()
                logging.getLogger(__name__).exception("requests and tries are not being counted")
                return []

    def _open(self) -> Any:
        if self._connection is None or self._opened_in != os.getpid():  # a connection must not cross a fork
            self._connection = _connect_to(self._url) if self._url else self._open_file()
            self._opened_in = os.getpid()
        return self._connection

    def _open_file(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=2, isolation_level=None, check_same_thread=False)
        with Path(f"{self._path}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # SQLite does not wait, but fails, where two turn WAL on at once
            connection.executescript(_PREPARE)
        return connection

    def close(self) -> None:
        """Let go of the connection. The next count opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None


def _connect_to(url: URL) -> Any:
    import psycopg  # 6 MB, which a site on SQLite does without

    return psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True)

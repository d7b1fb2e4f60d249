"""Rate limits: counted exactly over the workers of one machine, and apart from the publication's own database.

Reading must not write to the database, yet each read counts. So the counts have a small SQLite file of their own that
every worker shares. It holds nothing that matters: delete it, and everyone starts again at zero. Actions declare their
limits beside their policies: `@action(allow=…, rate_limit=[RateLimit(…)])`.
"""

import fcntl
import ipaddress
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import current_app, request

from flask_server_actions import Action, too_many

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600  # seconds
_KEEP = 90 * DAY  # how long a key's "last used" is remembered
_KEEP_OTHERS = DAY  # addresses are people's, and nobody asks about them

_PREPARE = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=OFF",
    "CREATE TABLE IF NOT EXISTS rate_limit (bucket TEXT PRIMARY KEY, ends INTEGER, hits INTEGER, last INTEGER)"
    " WITHOUT ROWID",
)
# A window begins with its first hit. One that ends later than any window could was made by a clock in the future.
_COUNT = """
INSERT INTO rate_limit (bucket, ends, hits, last) VALUES (:bucket, :now + :seconds, 1, :now)
ON CONFLICT (bucket) DO UPDATE SET
  hits = CASE WHEN ends > :now AND ends <= :now + :seconds THEN hits + 1 ELSE 1 END,
  ends = CASE WHEN ends > :now AND ends <= :now + :seconds THEN ends ELSE :now + :seconds END,
  last = :now
RETURNING hits, ends - :now
"""


@dataclass(frozen=True)
class Reading:
    """Where a bucket stands after a hit: `left` may be negative, `reset` is in seconds."""

    limit: int
    left: int
    reset: int


class RateLimiter:
    """Hits by bucket, in windows of any length."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened_in = 0

    def count(self, bucket: str, limit: int, seconds: int = MINUTE) -> Reading:
        """Count one hit. Two workers never get the same number: the statement counts and answers at once."""
        values = {"bucket": bucket, "now": int(time.time()), "seconds": seconds}
        ((hits, reset),) = self._execute(_COUNT, values)
        return Reading(limit, limit - hits, reset)

    def forget(self, bucket: str) -> None:
        """Begin again at zero."""
        self._execute("DELETE FROM rate_limit WHERE bucket = ?", (bucket,))

    def last_used(self, bucket: str) -> int | None:
        """Return when the bucket last counted, in seconds of Unix time."""
        found = self._execute("SELECT last FROM rate_limit WHERE bucket = ?", (bucket,))
        return int(found[0][0]) if found else None

    def sweep(self) -> None:
        """Forget buckets that have long been empty."""
        now = int(time.time())
        query = "DELETE FROM rate_limit WHERE ends < ? AND (last < ? OR (last < ? AND bucket NOT LIKE 'key:%'))"
        self._execute(query, (now, now - _KEEP, now - _KEEP_OTHERS))

    def _execute(self, query: str, values: Any) -> list[Any]:
        with self._guard:
            return self._open().execute(query, values).fetchall()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._opened_in != os.getpid():  # a connection must not cross a fork
            self._connection = sqlite3.connect(self._path, timeout=2, isolation_level=None, check_same_thread=False)
            with Path(f"{self._path}.lock").open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # SQLite does not wait, but fails, where two turn WAL on at once
                for statement in _PREPARE:
                    self._connection.execute(statement)
            self._opened_in = os.getpid()
        return self._connection


@dataclass(frozen=True)
class RateLimit:
    """At most `times` tries in `seconds`, counted together where `by(form)` is the same; None is not counted."""

    times: int
    seconds: int
    by: Callable[[Any], str | None]

    def bucket(self, action: str, form: Any) -> str | None:
        """Return what this try is counted under."""
        party = self.by(form)
        return None if party is None else f"{action} {self.by.__name__} {party}"


def enforce(action: Action, form: Any) -> None:
    """Count a try against each limit of its action. Raises Result (429) when one is passed; the rate limiter's hook."""
    for limit in action.rate_limit:
        bucket = limit.bucket(action.name, form)
        if bucket is None:
            continue
        reading = current_app.extensions["rate_limiter"].count(bucket, limit.times, limit.seconds)
        if reading.left < 0:
            wait = f"{reading.reset} seconds" if reading.reset < 2 * MINUTE else f"{reading.reset // MINUTE} minutes"
            raise too_many(f"That was tried too often. Please wait {wait}.", retry_after=reading.reset)


def forget_tries(action: Action, form: Any) -> None:
    """Forget the tries of whoever has proved to be the right one."""
    for limit in action.rate_limit:
        if bucket := limit.bucket(action.name, form):
            current_app.extensions["rate_limiter"].forget(bucket)


def network(_form: Any = None) -> str:
    """Return the caller's network: the IPv4 address, or the first 64 bits of IPv6, for a household has the others."""
    try:
        address = ipaddress.ip_address(request.remote_addr or "")
    except ValueError:  # a Unix socket, or a proxy with a notation of its own: all of these are counted together
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))

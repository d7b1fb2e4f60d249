"""Rate limits: how often one party may try something, counted exactly over the workers of one machine.

Reading must not write to the database, yet each read of the API counts; so the counts have a small SQLite file of their
own that every worker shares. It holds nothing that matters: delete it, and everyone starts again at zero. Actions
declare their limits beside their policies: `@action(allow=…, rate_limit=[RateLimit(…)])`. The API has a quota for each
key, and for each address without one.
"""

import fcntl
import hashlib
import ipaddress
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Response, current_app, g, request

from flask_server_actions import Action, too_many
from web.problems import Problem

log = logging.getLogger(__name__)
MINUTE, HOUR, DAY = 60, 3600, 24 * 3600  # seconds
KEYS = "key:"  # how the buckets of API keys begin; of these it is remembered when they last counted, for `KEY_MEMORY`
KEY_MEMORY = 90 * DAY

_PREPARE = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=OFF",
    "CREATE TABLE IF NOT EXISTS rate_limit"
    " (bucket TEXT PRIMARY KEY, ends INTEGER, hits INTEGER, last INTEGER) WITHOUT ROWID",
)
# A window runs where it ends in the future, but not further off than a worker whose request was overtaken can see.
# Each hit moves the end to one window from now at the latest: a clock that once stood in the future locks nobody out.
_COUNT = """
INSERT INTO rate_limit (bucket, ends, hits, last) VALUES (:bucket, :now + :seconds, 1, :now)
ON CONFLICT (bucket) DO UPDATE SET
  hits = CASE WHEN ends - :now BETWEEN 1 AND 2 * :seconds THEN hits + 1 ELSE 1 END,
  ends = CASE WHEN ends > :now THEN min(ends, :now + :seconds) ELSE :now + :seconds END, last = :now
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

    Every method raises sqlite3.Error or OSError where the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._opened_in = 0

    def count(self, bucket: str, limit: int, seconds: int = MINUTE) -> Reading:
        """Count one hit. Two workers never get the same number: the statement counts and answers at once."""
        ((hits, reset),) = self._run(_COUNT, bucket=bucket, now=int(time.time()), seconds=seconds)
        return Reading(limit, limit - hits, reset)

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
        """Return what this try is counted under. It names nobody: the file is no list of addresses."""
        party = self.by(form)
        return party and f"{action} {self.by.__name__} {hashlib.sha256(party.encode()).hexdigest()}"


def enforce(action: Action, form: Any) -> None:
    """Count a try against each limit of its action. Raises Result (429) when one is passed; the hook of actions."""
    for limit in action.rate_limit:
        if bucket := limit.bucket(action.name, form):
            with _faults_logged("tries"):
                _require(_limiter().count(bucket, limit.times, limit.seconds))


def forget_tries(action: Action, form: Any, *parties: Callable[[Any], str | None]) -> None:
    """Forget the tries by these parties, for someone has proved to be the right one. Other limits count on."""
    for limit in action.rate_limit:
        if limit.by in parties and (bucket := limit.bucket(action.name, form)):
            with _faults_logged("tries"):
                _limiter().forget(bucket)


def _require(reading: Reading) -> None:
    if reading.left < 0:
        wait = f"{reading.reset} seconds" if reading.reset < 2 * MINUTE else f"{reading.reset // MINUTE} minutes"
        raise too_many(f"That was tried too often. Please wait {wait}.", retry_after=reading.reset)


def count_request(bucket: str) -> None:
    """Count a request to the API against its quota of each minute. Raises Problem (429) where that is used up."""
    with _faults_logged("requests"):
        quota = g.quota = _limiter().count(bucket, current_app.config["API_REQUESTS_PER_MINUTE"])
        if quota.left < 0:
            retry_after = {"Retry-After": str(quota.reset)}
            raise Problem("too-many-requests", f"{quota.limit} a minute are yours.", headers=retry_after)


def add_quota(response: Response) -> Response:
    """Tell the quota, if the request was counted."""
    response.headers.update(g.quota.headers() if "quota" in g else {})
    return response


@contextmanager
def _faults_logged(counted: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError):  # a full disk locks nobody out: what protects a thing is not worth more than it
        log.exception("%s are not being counted", counted)


def _limiter() -> RateLimiter:
    limiter: RateLimiter = current_app.extensions["rate_limiter"]
    return limiter


def network(_form: Any = None) -> str:
    """Return the caller's network."""
    return network_of(request.remote_addr or "")


def network_of(remote_address: str) -> str:
    """Return an IPv4 address, or the first 64 bits of an IPv6 address, for a household has the others."""
    try:
        address = ipaddress.ip_address(remote_address)
    except ValueError:  # a Unix socket, or a proxy with a notation of its own: all of these are counted together
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(address.ipv4_mapped or ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))

"""Rate limits: how often one party may try something.

Actions declare theirs beside their policies: `@action(allow=…, rate_limit=[RateLimit(…)])`. The API has a quota for
each key, and for each address without one. The counts are kept by `web/rate_limiter.py`.
"""

import hashlib
import ipaddress
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from flask import Response, current_app, g, request

from flask_server_actions import Action, too_many
from web.problems import Problem
from web.rate_limiter import MINUTE, NotCounted, RateLimiter, Reading

log = logging.getLogger(__name__)


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
    except NotCounted:  # a full disk locks nobody out: what protects a thing is not worth more than it
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

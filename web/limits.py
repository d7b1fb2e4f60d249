"""Rate limits of actions, declared beside their policies: `@action(allow=…, rate_limit=[RateLimit(…)])`."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import current_app, request

from flask_server_actions import Action, too_many

MINUTE, HOUR, DAY = 60, 3600, 24 * 3600  # seconds


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


def require_patience(action: Action, form: Any) -> None:
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

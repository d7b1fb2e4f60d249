"""Rate limits of actions: how often one party may try something, declared beside the policy.

`@action(allow=…, rate_limit=[RateLimit(…)])`. They are counted in `web/rate_limiter.py`, before anything else is done.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask_server_actions import Action, too_many
from web.auth import current_user, visitor_name
from web.rate_limit import limiter
from web.rate_limiter import MINUTE


@dataclass(frozen=True)
class RateLimit:
    """At most `times` tries in `seconds`, counted together where `by(form)` is the same.

    Nothing is counted where that is None, or where `unless(form)` names someone.
    """

    times: int
    seconds: int
    by: Callable[[Any], str | None]
    unless: Callable[[Any], str | None] = lambda _form: None

    def bucket(self, action: str, form: Any) -> str | None:
        """Return what this try is counted under. It names nobody: the file is no list of addresses."""
        party = None if self.unless(form) else self.by(form)
        kind = f"{action} {self.by.__name__} {self.times}/{self.seconds}"
        return party and f"{kind} {hashlib.sha256(party.encode()).hexdigest()}"


def account(_form: object) -> str | None:
    """Return who is signed in and answers for it, for `by` and `unless`."""
    return visitor_name(current_user(), "") or None


def enforce(action: Action, form: Any) -> None:
    """Count a try against each limit of its action. Raises Result (429) when one is passed; the hook of actions."""
    for limit in action.rate_limit:
        bucket = limit.bucket(action.name, form)
        if bucket and (reading := limiter().count(bucket, limit.times, limit.seconds)) and reading.left < 0:
            minutes = reading.reset // MINUTE
            wait = f"{minutes} minutes" if minutes > 1 else f"{reading.reset} seconds"
            raise too_many(f"That was tried too often. Please wait {wait}.", retry_after=reading.reset)


def forget_tries(action: Action, form: Any, *parties: Callable[[Any], str | None]) -> None:
    """Forget the tries by these parties, for someone has proved to be the right one. Other limits count on."""
    for limit in action.rate_limit:
        if limit.by in parties and (bucket := limit.bucket(action.name, form)):
            limiter().forget(bucket)

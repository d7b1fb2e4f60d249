"""Rate limits of the API: a quota for each key, and for each network without one; `rate_limiter.py` counts."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Response, current_app, g

from web.problems import Problem
from web.rate_limiter import NotCounted, RateLimiter


def count_request(bucket: str) -> None:
    """Count a request to the API against its quota of each minute. Raises Problem (429) where that is used up."""
    with faults_logged("requests"):
        quota = g.quota = limiter().count(bucket, current_app.config["API_REQUESTS_PER_MINUTE"])
        if quota.left < 0:
            retry_after = {"Retry-After": str(quota.reset)}
            raise Problem("too-many-requests", f"{quota.limit} a minute are yours.", headers=retry_after)


def add_quota(response: Response) -> Response:
    """Tell the quota, if the request was counted."""
    response.headers.update(g.quota.headers() if "quota" in g else {})
    return response


@contextmanager
def faults_logged(counted: str) -> Iterator[None]:
    """Go on uncounted where counting fails, and say so in the log."""
    try:
        yield
    except NotCounted:  # a full disk locks nobody out: what protects a thing is not worth more than it
        current_app.logger.exception("%s are not being counted", counted)


def limiter() -> RateLimiter:
    """Return the application's."""
    return current_app.extensions["rate_limiter"]  # type: ignore[no-any-return]

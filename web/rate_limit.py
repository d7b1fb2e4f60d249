"""Rate limits of the API: a quota for each key, and for each network without one; `rate_limiter.py` counts."""

from flask import Response, current_app, g

from web.problems import Problem
from web.rate_limiter import RateLimiter


def count_request(bucket: str) -> None:
    """Count a request to the API against its quota of each minute. Raises Problem (429) where that is used up."""
    quota = g.quota = limiter().count(bucket, current_app.config["API_REQUESTS_PER_MINUTE"])
    if quota and quota.left < 0:
        retry_after = {"Retry-After": str(quota.reset)}
        raise Problem("too-many-requests", f"{quota.limit} a minute are yours.", headers=retry_after)


def add_quota(response: Response) -> Response:
    """Tell the quota, if the request was counted."""
    response.headers.update(g.quota.headers() if g.get("quota") else {})
    return response


def limiter() -> RateLimiter:
    """Return the application's."""
    return current_app.extensions["rate_limiter"]  # type: ignore[no-any-return]

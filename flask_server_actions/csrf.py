"""Was this form sent by a page of ours? Decided by headers that no page can forge, without a token in any page.

A browser says where a request comes from in `Sec-Fetch-Site` and `Origin` (Fetch Metadata; Fetch standard, section
3.2). A program can write into them what it likes, and may: it carries nobody's cookie. The check protects the user's
browser; the policy protects the server. Compared whole, with configuration: a parser would be one more thing to attack.
"""

import logging

from flask import abort, current_app, request

log = logging.getLogger(__name__)


def from_our_pages(site: str | None, origin: str | None, own: frozenset[str]) -> bool:
    """Decide for an unsafe request; `own` are this site's origins. "null" and "" are values, not absence."""
    if site == "same-origin":
        return origin is None or origin in own
    if site is None:
        return origin is not None and origin in own
    return False


def request_is_from_our_pages() -> bool:
    """Decide for the running request."""
    own: frozenset[str] = current_app.extensions["server_actions"].own_origins()
    return from_our_pages(request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin"), own)


def require_our_pages() -> None:
    """403 unless the request comes from a page of ours. Runs before anything else: a denied request costs no query."""
    if not request_is_from_our_pages():
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        log.warning("refused a form from elsewhere: path=%r site=%r origin=%r", request.path, site, origin)
        abort(403, description="foreign origin")

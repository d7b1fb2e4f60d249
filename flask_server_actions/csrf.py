"""CSRF protection without tokens: was this form sent by a page of ours?

Decided by headers that no page can forge. A browser says where a request comes from in `Sec-Fetch-Site` and `Origin`
(Fetch Metadata; Fetch standard, section 3.2). A program can write into them what it likes, and may: it carries nobody's
cookie. The check protects the user's browser; the policy protects the server. Origins are compared whole, with
configuration: a parser would be one more thing to attack.
"""

import logging

from flask import abort, request

from flask_server_actions.sentences import state

__all__ = ["request_is_same_origin"]
log = logging.getLogger(__name__)


def is_same_origin(site: str | None, origin: str | None, own: frozenset[str]) -> bool:
    """Decide for an unsafe request; `own` are this site's origins. "null" and "" are values, not absence."""
    if site == "same-origin":
        return origin is None or origin in own
    if site is None:
        return origin is not None and origin in own
    return False


def request_is_same_origin() -> bool:
    """Decide for the running request."""
    return is_same_origin(request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin"), state.origins())


def require_same_origin() -> None:
    """403 unless the request comes from a page of ours. Runs before anything else: a denied request costs no query."""
    if not request_is_same_origin():
        site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
        own = ", ".join(sorted(state.origins()))
        log.warning("csrf: refused %r: Sec-Fetch-Site %r, Origin %r; own: %s", request.path, site, origin, own)
        abort(403, description="foreign origin")

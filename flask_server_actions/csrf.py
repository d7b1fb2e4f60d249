"""CSRF protection without tokens: was this form sent by a page of ours?

Decided by headers that no page can forge. A browser says where a request comes from in `Sec-Fetch-Site` and `Origin`
(Fetch Metadata; Fetch standard, section 3.2). A program can write into them what it likes, and may: it carries nobody's
cookie. The check protects the user's browser; the policy protects the server. Origins are compared whole, with
configuration: a parser would be one more thing to attack.
"""

from flask import abort, current_app, request

from flask_server_actions.sentences import state


def require_same_origin() -> None:
    """403 unless the request comes from a page of ours, or only reads. Runs first: a denied request costs no query."""
    site, origin, own = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin"), state.origins()
    if request.method not in ("GET", "HEAD") and not is_same_origin(site, origin, own):
        current_app.logger.warning("csrf: refused %r of %r, %r; own: %s", request.path, site, origin, sorted(own))
        abort(403, description="foreign origin")


def is_same_origin(site: str | None, origin: str | None, own: frozenset[str]) -> bool:
    """Decide for an unsafe request; `own` are this site's origins. "null" and "" are values, not absence."""
    if site == "same-origin":
        return origin is None or origin in own
    return site is None and origin in own

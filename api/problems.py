"""What the `type` of a problem leads to: an explanation, for whoever meets one (RFC 9457, section 4)."""

from flask import Blueprint, abort

from web.problems import KINDS, type_url

bp = Blueprint("problems", __name__)


@bp.get("/api/problems/<kind>")
def explain(kind: str) -> dict[str, object]:
    """Say what a kind of problem means, and what to do about it."""
    status, title, remedy = KINDS.get(kind) or abort(404)
    return {"type": type_url(kind), "title": title, "status": status, "remedy": remedy}

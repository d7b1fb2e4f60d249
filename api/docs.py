"""The documentation, for people: of the operations, by Swagger UI from our own files, and of each kind of problem."""

from flask import Blueprint, abort, render_template

from web.problems import KINDS, type_url

bp = Blueprint("docs", __name__, url_prefix="/api")


@bp.get("/docs")
def index() -> tuple[str, dict[str, str]]:
    """Show every operation, to read and to try."""
    return render_template("api/docs.html"), {"Cache-Control": "no-cache"}


@bp.get("/problems/<kind>")
def explain(kind: str) -> dict[str, object]:
    """Say what a kind of problem means, and what to do about it: its `type` leads here (RFC 9457, section 4)."""
    status, title, remedy = KINDS.get(kind) or abort(404)
    return {"type": type_url(kind), "title": title, "status": status, "remedy": remedy}

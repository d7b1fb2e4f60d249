"""The documentation page: Swagger UI, from our own files, for the document that the code makes."""

from flask import Blueprint, render_template

bp = Blueprint("docs", __name__)


@bp.get("/api/docs")
def index() -> tuple[str, dict[str, str]]:
    """Show every operation, to read and to try."""
    return render_template("api/docs.html"), {"Cache-Control": "no-cache"}

"""The documentation page: Swagger UI, from our own files, for the document that the code makes."""

from flask import Blueprint, Response, make_response, render_template

bp = Blueprint("docs", __name__)


@bp.get("/api/docs")
def index() -> Response:
    """Show every operation, to read and to try."""
    response = make_response(render_template("api/docs.html"))
    response.headers["Cache-Control"] = "no-cache"
    return response

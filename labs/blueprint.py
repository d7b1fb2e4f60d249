"""The pages of the labs. GET only, but for what scripts of theirs ask: the other way to publish, and a signature."""

from flask import Blueprint, Response

bp = Blueprint("labs", __name__, static_folder="static", static_url_path="/lab/static", template_folder="templates")


@bp.after_request
def mark(response: Response) -> Response:
    """Mark a page as one caller's, kept by nobody. Static files have said themselves how long they last."""
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response

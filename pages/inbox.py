"""Letters from readers."""

from flask import Blueprint, render_template, request

from flask_revalidation import cached
from models import Message
from pages.access import only
from web.auth import current_user, editors

bp = Blueprint("inbox", __name__)


@bp.get("/dashboard/inbox")
@only(editors)
def index() -> str:
    """Show the letters; `?show=unread` leaves out what was read."""
    unread_only = request.args.get("show") == "unread"
    letters = cached("inbox.letters", int(unread_only), tags=["messages"], render=lambda: _letters(unread_only))
    return render_template("inbox/index.html", letters=letters, unread_only=unread_only, user=current_user())


def _letters(unread_only: bool) -> str:
    return render_template("inbox/_letters.html", messages=Message.inbox(unread_only=unread_only))

"""Messages from readers."""

from flask import Blueprint, render_template, request

from flask_revalidation import cached
from models import Message
from pages.access import only
from web.auth import current_user, editors

bp = Blueprint("inbox", __name__)


@bp.get("/dashboard/inbox")
@only(editors)
def index() -> str:
    """Show the messages; `?show=unread` leaves out what was read."""
    unread_only = request.args.get("show") == "unread"
    messages = cached("inbox.messages", int(unread_only), tags=["messages"], render=lambda: _messages(unread_only))
    return render_template("inbox/index.html", messages=messages, unread_only=unread_only, user=current_user())


def _messages(unread_only: bool) -> str:
    return render_template("inbox/_messages.html", messages=Message.inbox(unread_only=unread_only))

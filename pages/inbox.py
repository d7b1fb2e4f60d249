"""Messages from readers."""

from flask import Blueprint, render_template
from pydantic import BaseModel

from flask_revalidation import cached
from models import Message
from pages.access import only
from pages.paging import Before, Paging, asked
from web.auth import editors

bp = Blueprint("inbox", __name__)


class InboxQuery(BaseModel):
    """`?show=unread`, which leaves out what was read, and `?before=`."""

    show: str | None = None
    before: Before = None


@bp.get("/dashboard/inbox")
@only(editors)
def index() -> str:
    """Show the messages."""
    query = asked(InboxQuery)
    unread_only = query.show == "unread"
    messages = cached(
        "inbox.messages", query.show, query.before, tags=["messages"], render=lambda: _messages(query, unread_only)
    )
    return render_template("inbox/index.html", messages=messages, unread_only=unread_only)


def _messages(query: InboxQuery, unread_only: bool) -> str:
    page = Message.inbox(query.before, unread_only=unread_only)
    paging = Paging("/dashboard/inbox", query.model_dump(), page)
    return render_template("inbox/_messages.html", messages=page.rows, paging=paging)

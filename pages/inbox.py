"""Messages from readers."""

from typing import Literal

from flask import Blueprint, render_template
from pydantic import BaseModel

from flask_revalidation import cached
from models import Message
from pages.access import only
from pages.paging import Before, Paging, asked
from web.auth import editors

bp = Blueprint("inbox", __name__)


class InboxQuery(BaseModel):
    """`?show=unread`, which leaves out what was read, or `?show=suspected`, and `?before=`."""

    show: Literal["unread", "suspected"] | None = None
    before: Before = None


@bp.get("/dashboard/inbox")
@only(editors, "messages")
def index() -> str:
    """Show the messages."""
    query = asked(InboxQuery)
    messages = cached("inbox.messages", query.show, query.before, tags=["messages"], render=lambda: _messages(query))
    return render_template("inbox/index.html", messages=messages, show=query.show)


def _messages(query: InboxQuery) -> str:
    page = Message.inbox(query.before, show=query.show)
    paging = Paging("/dashboard/inbox", query.model_dump(), page)
    return render_template("inbox/_messages.html", messages=page.rows, paging=paging)

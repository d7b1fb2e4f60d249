"""Server actions: functions that our own pages call to change something. The private hallway.

What it promises. An action is a function with a schema and a policy; a form names it, the server runs it, and the page
it was sent from comes back, rendered again after the commit. The order never changes: same origin, known action, size,
schema, one write transaction, policy on what that transaction reads, the function, versions, commit, answer. With htmx
the fresh page is the answer; without script it is a 303 to it. Both are one code path.

What it must never do. Trust that a form of ours is calling: the address is an endpoint like any other, and everything
that arrives is unknown data from a hostile caller. It knows Flask, SQLAlchemy, pydantic and `revalidation`, and nothing
of the application around it: copy the two folders and they work there.

    @action(allow=writers)
    def create_post(form: NewPost, user: User): ...

    <form {{ action("posts.create_post") }}> … </form>
"""

from flask_server_actions.csrf import request_is_from_our_pages
from flask_server_actions.declare import action, anyone
from flask_server_actions.extension import init_app
from flask_server_actions.form import Form
from flask_server_actions.idempotency import form_key, sweep_form_keys
from flask_server_actions.page import local_page, outcome, page_state
from flask_server_actions.result import (
    Refused,
    Success,
    Undo,
    conflict,
    invalid,
    look,
    redirect,
    set_cookie,
    success,
    too_many,
)

__all__ = [
    "Form",
    "Refused",
    "Success",
    "Undo",
    "action",
    "anyone",
    "conflict",
    "form_key",
    "init_app",
    "invalid",
    "local_page",
    "look",
    "outcome",
    "page_state",
    "redirect",
    "request_is_from_our_pages",
    "set_cookie",
    "success",
    "sweep_form_keys",
    "too_many",
]

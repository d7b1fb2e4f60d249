"""The answer to an action is a page, rendered by the page's own view after the commit: one reader to keep fresh."""

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from flask import Response, current_app, flash, g, get_flashed_messages, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from flask_revalidation import PERSONAL, is_shared
from flask_server_actions.form import Held
from flask_server_actions.result import Success, Undo, outgoing_cookies

STATE = "server_actions.state"
CARRIED = ("message", "undo", "focus")  # over a redirect, in the session


@dataclass(frozen=True)
class PageState:
    """What an answered page shows besides its own content: a message, and the form as it was sent."""

    message: str = ""
    failed: bool = False
    undo: Undo | None = None
    focus: str = ""
    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    errors: dict[str, list[str]] = field(default_factory=dict)
    theirs: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict, repr=False)
    held: Held | None = None


def page_state() -> PageState:
    """Return the state of the page being rendered; an empty one for an ordinary GET."""
    state: PageState = request.environ.get(STATE, PageState())
    return state


def outcome() -> PageState:
    """Return what the page says of the last action: the one it answers, or the one that a redirect came from."""
    if STATE in request.environ or is_shared():
        return page_state()
    texts = {name: " ".join(map(str, get_flashed_messages(category_filter=[name]))) for name in CARRIED}
    return PageState(texts["message"], undo=Undo.from_json(texts["undo"]), focus=texts["focus"])


def carry(answer: Success) -> None:
    """Have the next page say what this answer says: after a plain form, the page comes by a redirect."""
    for category in CARRIED:
        if said := getattr(answer, category):
            flash(said.to_json() if isinstance(said, Undo) else said, category)


def local_page(path: str | None, default: str = "/") -> str:
    """Return `path` if it is a page of this site, else `default`: whoever sends it may have chosen it for a victim."""
    if (
        not path
        or not path.isascii()
        or not path.startswith("/")
        or path.startswith("//")
        or not path.isprintable()
        or "\\" in path
    ):
        return default
    try:
        endpoint, _ = current_app.url_map.bind("local").match(urlsplit(path).path, method="GET")
    except (HTTPException, RequestRedirect, ValueError):
        return default
    return path if current_app.extensions["server_actions"].is_page(endpoint) else default


def sent_from(declared: str) -> str:
    """Return the page a form was on: as the form says, else as the browser says (`Referer`), else the front page."""
    return local_page(declared) if declared else local_page(_local_part(request.headers.get("Referer", "")))


def _local_part(url: str) -> str:
    for origin in current_app.extensions["server_actions"].own_origins():
        if url.startswith(f"{origin}/"):
            return url.removeprefix(origin).partition("#")[0]
    return ""


def render(path: str, state: PageState) -> Response:
    """Return the page at `path` as its own GET view makes it now, for this caller, with `state` on it."""
    target = urlsplit(path)
    environ = {
        name: value
        for name, value in request.environ.items()
        if name not in {"CONTENT_TYPE", "CONTENT_LENGTH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE"}
        and not name.startswith(("werkzeug.", "flask."))
    }
    environ |= {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": unquote_to_bytes(target.path).decode("latin-1"),
        "QUERY_STRING": target.query,
        "HTTP_COOKIE": _cookies_after_the_action(),
        "wsgi.input": BytesIO(),
        PERSONAL: True,
        STATE: state,
    }
    # A context of its own: the page reads in a new transaction, after the commit, and remembers nothing of the action.
    # The action's connection goes back first, or a crowd of requests would hold one each and wait for a second.
    current_app.extensions["server_actions"].db.session.rollback()
    with current_app.app_context(), current_app.request_context(environ):
        g.kept_fields = state.fields  # a page that refuses shows what was typed
        return current_app.full_dispatch_request()


def _cookies_after_the_action() -> str:
    """Return the caller's cookies with those that the action sets in front: the first of a name counts."""
    new = [f"{name}={value or ''}" for name, (value, _) in outgoing_cookies().items()]
    return "; ".join([*new, request.environ.get("HTTP_COOKIE", "")])

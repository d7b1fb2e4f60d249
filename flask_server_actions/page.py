"""The answer to an action is a page, rendered by the page's own view after the commit: one reader to keep fresh."""

from typing import Any, cast
from urllib.parse import urlsplit

from flask import Response, current_app, flash, g, get_flashed_messages, request, session
from werkzeug.exceptions import HTTPException
from werkzeug.test import create_environ

from flask_server_actions.result import Result
from flask_server_actions.sentences import state

RESULT = "flask_server_actions.result"
_OF_THE_FORM = ("PATH_INFO", "QUERY_STRING", "REQUEST_", "RAW_URI", "CONTENT_", "HTTP_IF_", "wsgi.input", "werkzeug.")


def last_result() -> Result:
    """Return what the page says of the last action: the one it answers, or the one that a redirect came from.

    A copy for everyone says nothing, and a poll takes no message from the window that it is for.
    """
    if answered := Result() if state.is_shared() or "Poll" in request.headers else request.environ.get(RESULT):
        return cast(Result, answered)
    flashed: list[Any] = get_flashed_messages(category_filter=[RESULT]) or [("", None, "")]
    _, undo, focus = flashed[-1]
    return Result(" ".join(text for text, _, _ in flashed), undo=undo, focus=focus)


def flash_result(result: Result) -> None:
    """Have the next page say what this result says: after a plain form, the page comes by a redirect."""
    if result.message or result.undo or result.focus:
        flash([result.message, result.undo, result.focus], RESULT)  # type: ignore[arg-type]  # it is stored as JSON
        session["_flashes"] = session["_flashes"][-3:]  # redirects that nobody follows must not fill the cookie's 4 kB


def local_page(path: str | None, default: str = "/") -> str:
    """Return `path` if it is a page of this site, else `default`: whoever sends it may have chosen it for a victim.

    Paths are the application's own, without the prefix that it may be mounted under; one with it is taken too.
    """
    path = inside(path or "")
    if not path.startswith("/") or path.startswith("//") or not (path.isascii() and path.isprintable()) or "\\" in path:
        return default
    try:
        endpoint, _ = current_app.url_map.bind("local").match(urlsplit(path).path, method="GET")
    except (HTTPException, ValueError):
        return default
    blueprint, _, view = endpoint.rpartition(".")
    is_page = view != "static" and blueprint != "server_actions" and (not state.pages or blueprint in state.pages)
    return path if is_page else default


def page_of(declared: str) -> str:
    """Return the page a form was on: as the form says, else as the browser says (`Referer`), else the front page."""
    # That the Referer is of this site follows from the request's origin; here it is a path like any other.
    return local_page(declared or "/" + request.headers.get("Referer", "").partition("://")[2].partition("/")[2])


def inside(path: str) -> str:
    """Return a page's path as the application knows it, without the prefix that it may be mounted under."""
    return path.removeprefix(request.script_root) if path.startswith(f"{request.script_root}/") else path


def render(page: str, result: Result) -> Response:
    """Return the page as its own GET view makes it now, for this caller, with `result` on it."""
    environ = {name: value for name, value in request.environ.items() if not name.startswith(_OF_THE_FORM)}
    # The first of a name counts. Cookies of a refusal do not: they belong to an effect that did not happen.
    cookies = [f"{name}={value}" for name, (value, _) in result.cookies.items() if result.ok]
    cookies.append(request.headers.get("Cookie", ""))
    environ |= state.personal_environ | {"HTTP_COOKIE": "; ".join(cookies), RESULT: result}
    # A context of its own: the page reads in a new transaction, after the commit, and remembers nothing of the action.
    # The action's connection goes back first, or a crowd of requests would hold one each and wait for a second.
    state.end_reading()
    with current_app.app_context(), current_app.request_context(create_environ(page, environ_overrides=environ)):
        g.submitted = result.fields  # a page that refuses shows what was typed
        return current_app.full_dispatch_request()

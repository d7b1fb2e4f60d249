"""The answer to an action is a page, rendered by the page's own view after the commit: one reader to keep fresh."""

from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from flask import Response, current_app, flash, g, get_flashed_messages, request, session
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from flask_server_actions.result import Result
from flask_server_actions.sentences import state

RESULT = "flask_server_actions.result"
__all__ = ["last_result", "local_page"]
MOST_FLASHES = 3  # a cookie holds 4 kB, and redirects that nobody follows must not fill it
_DROPPED = ("werkzeug.", "flask.", "CONTENT_", "HTTP_IF_")  # of the form's environ: they are not the page's


def answered() -> Result:
    """Return the result that the page being rendered is the answer to; an empty one for an ordinary GET."""
    result: Result | None = request.environ.get(RESULT)
    return result or Result()


def last_result() -> Result:
    """Return what the page says of the last action: the one it answers, or the one that a redirect came from."""
    if RESULT in request.environ or state.is_shared():
        return answered()
    flashed: list[Any] = get_flashed_messages(category_filter=[RESULT])
    if not flashed:
        return Result()
    _, undo, focus = flashed[-1]
    return Result(" ".join(text for text, _, _ in flashed), undo=undo, focus=focus)


def flash_result(result: Result) -> None:
    """Have the next page say what this result says: after a plain form, the page comes by a redirect."""
    if result.message or result.undo or result.focus:
        carried: Any = [result.message, result.undo, result.focus]  # stored as JSON, although `flash` asks for a string
        flash(carried, RESULT)
        session["_flashes"] = session["_flashes"][-MOST_FLASHES:]


def local_page(path: str | None, default: str = "/") -> str:
    """Return `path` if it is a page of this site, else `default`: whoever sends it may have chosen it for a victim.

    Paths are the application's own, without the prefix that it may be mounted under; one with it is taken too.
    """
    path = _inside(path or "")
    if not path.startswith("/") or path.startswith("//") or not (path.isascii() and path.isprintable()) or "\\" in path:
        return default
    try:
        endpoint, _ = current_app.url_map.bind("local").match(urlsplit(path).path, method="GET")
    except (HTTPException, RequestRedirect, ValueError):
        return default
    return path if state.is_page(endpoint) else default


def page_of(declared: str) -> str:
    """Return the page a form was on: as the form says, else as the browser says (`Referer`), else the front page."""
    return local_page(declared) if declared else local_page(_local_part(request.headers.get("Referer", "")))


def _inside(path: str) -> str:
    root = request.script_root
    return path.removeprefix(root) if root and path.startswith(f"{root}/") else path


def outside(path: str) -> str:
    """Return a page's path as the browser knows it, with the prefix that the application is mounted under."""
    root = request.script_root
    return path if path.startswith(f"{root}/") else root + path


def _local_part(url: str) -> str:
    for origin in state.origins():
        if url.startswith(f"{origin}/"):
            return url.removeprefix(origin).partition("#")[0]
    return ""


def render(path: str, result: Result) -> Response:
    """Return the page at `path` as its own GET view makes it now, for this caller, with `result` on it."""
    target = urlsplit(_inside(path))
    environ = {name: value for name, value in request.environ.items() if not name.startswith(_DROPPED)}
    environ |= state.personal_environ | {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": unquote_to_bytes(target.path).decode("latin-1"),
        "QUERY_STRING": target.query,
        "HTTP_COOKIE": _cookies_with(result),
        "wsgi.input": BytesIO(),
        RESULT: result,
    }
    # A context of its own: the page reads in a new transaction, after the commit, and remembers nothing of the action.
    # The action's connection goes back first, or a crowd of requests would hold one each and wait for a second.
    state.end_reading()
    with current_app.app_context(), current_app.request_context(environ):
        g.submitted = result.fields  # a page that refuses shows what was typed
        return current_app.full_dispatch_request()


def _cookies_with(result: Result) -> str:
    """Return the caller's cookies with those that the result sets in front: the first of a name counts."""
    new = [f"{name}={value or ''}" for name, (value, _) in result.cookies.items()]
    return "; ".join([*new, request.environ.get("HTTP_COOKIE", "")])


def send_cookies(response: Response, result: Result) -> None:
    """Set or delete the cookies of a result."""
    for name, (value, options) in result.cookies.items():
        if value is None:
            response.delete_cookie(name, **{k: v for k, v in options.items() if k != "max_age"})
        else:
            response.set_cookie(name, value, **options)

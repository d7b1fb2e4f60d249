"""Refusals as pages that a person can read. They know nobody, show no code, and give back what was typed."""

import logging

from flask import Flask, Response, current_app, g, make_response, render_template, request
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from models import NotFound
from revalidation import Busy, is_busy

log = logging.getLogger(__name__)

SENTENCES = {
    400: ("That request made no sense", "Something on the way changed it. Please go back and try again."),
    403: ("This is not yours to do", "The account you are signed in with may not do this. Nothing was changed."),
    404: (
        "There is nothing here",
        "It was never here, it is gone, or it is not yours. From outside these look the same.",
    ),
    405: ("Not this way", "This address takes another kind of request; a form on one of our pages uses it properly."),
    409: ("Someone was faster", "What you were changing has changed meanwhile. Nothing was saved."),
    413: ("That is too much at once", "We take up to one megabyte. Go back: what you typed is still in the form."),
    415: ("That is not a form", "This address takes plain forms only."),
    429: ("That was tried too often", "Please wait a moment, then try again."),
    500: (
        "That went wrong, and it is our fault",
        "Nothing was saved. It has been written down, and someone will look.",
    ),
    503: ("The house is busy", "Nothing was saved. Please try again in a moment."),
}
FOREIGN = (
    "This form came from somewhere else",
    "We only take forms that our own pages have sent. Nothing was changed.",
)
NOT_TYPED = {"version", "key", "next"}
_DRAIN = 64 * 1024 * 1024  # bytes read and thrown away, so that a browser gets to see the 413


def register(app: Flask) -> None:
    """Answer every refusal and failure of `app` with a page."""
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(NotFound, lambda _error: page(404))
    app.register_error_handler(Busy, busy)
    app.register_error_handler(OperationalError, database_failed)
    app.register_error_handler(PoolTimeout, busy)
    app.register_error_handler(Exception, failure)


def http_error(error: HTTPException) -> Response:
    """Answer an HTTP error; the headers it carries (`Allow`, `Retry-After`) stay."""
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    if status == 413:
        _drain()
    foreign = error.description == "foreign origin"
    response = page(status, *(FOREIGN if foreign else SENTENCES.get(status, SENTENCES[400])))
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after", "www-authenticate"):
            response.headers[name] = value
    if foreign:
        response.headers["Vary"] = "Sec-Fetch-Site, Origin"
    return response


def busy(_error: Exception) -> Response:
    """Answer for a database that does not answer."""
    response = page(503)
    response.headers["Retry-After"] = "2"
    return response


def database_failed(error: OperationalError) -> Response:
    """Answer for a database that is busy, or broken: the latter is a fault like any other."""
    return busy(error) if is_busy(error) else failure(error)


def failure(error: Exception) -> Response:
    """Answer for a fault of ours. The trace goes to the log, never to the page; tests and debugger get the fault."""
    if current_app.testing or current_app.debug:
        raise error
    log.exception("unhandled: %s %r", request.method, request.path, exc_info=error)
    return page(500)


def page(status: int, title: str = "", text: str = "") -> Response:
    """Return the refusal page, with what was typed, if a form was refused."""
    title, text = (title, text) if title else SENTENCES[status]
    typed = g.get("kept_fields", {}).items()
    kept = {name: value for name, value in typed if value and not name.endswith("_id") and name not in NOT_TYPED}
    response = make_response(
        render_template("errors/page.html", status=status, title=title, text=text, kept=kept), status
    )
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _drain() -> None:
    left, stream = _DRAIN, request.environ["wsgi.input"]
    while left > 0 and (chunk := stream.read(min(left, 65536))):
        left -= len(chunk)

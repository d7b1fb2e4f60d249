"""Refusals and failures, told in the language of who asks: a page for people, JSON for programs."""

import logging
from contextlib import suppress

from flask import Flask, Response, abort, current_app, make_response, request
from gunicorn.http.errors import ParseException
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable

from flask_revalidation import Busy, Mistake, is_busy
from flask_server_actions import BadTemplate
from models import NotFound, db
from web import error_pages as pages, problems

log = logging.getLogger(__name__)
KEPT_HEADERS = ("allow", "retry-after", "www-authenticate")
MISTAKES = (BadTemplate, Mistake)  # an author's, and they explain
_DRAIN = 64 * 1024 * 1024  # bytes read and thrown away, so that the client gets to see the 413


def register(app: Flask) -> None:
    """Answer every refusal and failure of `app`."""
    app.register_error_handler(problems.Problem, problems.answer)
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(NotFound, lambda _error: answer(404))
    app.register_error_handler(Busy, busy)
    app.register_error_handler(SQLAlchemyError, database_failed)
    app.before_request(lambda: abort(404) if "\0" in request.path else None)  # PostgreSQL has no such text
    app.register_error_handler(ParseException, lambda _error: answer(400))  # chunks that are none
    app.register_error_handler(Exception, failure)

    @app.teardown_appcontext
    def end_reading(_error: BaseException | None) -> None:
        with suppress(OperationalError):  # a connection lost after the answer was made is nobody's loss
            db.session.close()


def answer(status: int, description: str = "") -> Response:
    """Return the refusal, as a page or as a problem."""
    answers = problems if f"{request.path}/".startswith("/api/") else pages
    response: Response = answers.refuse(status, description)
    return response


def http_error(error: HTTPException) -> Response:
    """Answer an HTTP error; the headers it carries (`Allow`, `Retry-After`) stay."""
    if error.response is not None or (error.code or 500) < 400:
        return make_response(error.get_response())
    if error.code == 413:
        error = _drain() or error
    response = answer(error.code or 500, error.description or "")
    for name, value in error.get_headers():
        if name.lower() in KEPT_HEADERS:
            response.headers[name] = value
    return response


def busy(_error: Exception) -> Response:
    """Answer for a database that does not answer."""
    return http_error(ServiceUnavailable(retry_after=2))


def database_failed(error: SQLAlchemyError) -> Response:
    """Answer for a database that is busy, or broken: the latter is a fault like any other."""
    return busy(error) if is_busy(error) else failure(error)


def failure(error: Exception) -> Response:
    """Answer for a fault of ours. The trace goes to the log, never to the caller; tests and debugger get the fault."""
    if current_app.debug and isinstance(error, MISTAKES) and not current_app.testing:
        return pages.explain(error)
    if current_app.testing or current_app.debug:
        raise error
    log.exception("unhandled: %s %r", request.method, request.path, exc_info=error)
    return answer(500)


def _drain() -> HTTPException | None:
    left, stream = _DRAIN, request.environ["wsgi.input"]
    with suppress(ParseException):
        while left > 0 and (chunk := stream.read(min(left, 65536))):
            left -= len(chunk)
        return None
    return BadRequest()

"""Refusals and failures, told in the language of who asks: a page for people, JSON for programs."""

from contextlib import suppress
from types import ModuleType

from flask import Flask, Response, abort, current_app, make_response, request
from gunicorn.http.errors import ParseException
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable

from flask_revalidation import Mistake, is_busy
from flask_server_actions import BadTemplate
from models import MayNotPublish, NotFound, db
from web import problems

KEPT_HEADERS = ("allow", "retry-after", "www-authenticate")


def register(app: Flask, pages: ModuleType) -> None:
    """Answer every refusal and failure of `app`; `pages` has those for people: `refuse` and `explain`."""
    app.extensions["refusals"] = pages
    app.register_error_handler(problems.Problem, problems.answer)
    app.register_error_handler(HTTPException, http_error)
    for kind, status in ((NotFound, 404), (MayNotPublish, 403), (ParseException, 400)):  # the last: of chunks
        app.register_error_handler(kind, lambda _error, status=status: answer(status))
    # Our addresses are ASCII. PostgreSQL has no text with a NUL, and werkzeug's numbers have digits of every script.
    app.before_request(lambda: None if request.path.isascii() and "\0" not in request.path else abort(404))
    app.register_error_handler(Exception, failure)

    @app.teardown_appcontext
    def end_reading(_error: BaseException | None) -> None:
        with suppress(OperationalError):  # a connection lost after the answer was made is nobody's loss
            db.session.close()


def answer(status: int, description: str = "") -> Response:
    """Return the refusal, as a page or as a problem."""
    is_api = f"{request.path}/".startswith("/api/")
    return (problems if is_api else current_app.extensions["refusals"]).refuse(status, description)  # type: ignore[no-any-return]


def http_error(error: HTTPException) -> Response:
    """Answer an HTTP error; the headers it carries (`Allow`, `Retry-After`) stay."""
    if error.response is not None or (error.code or 500) < 400:
        return make_response(error.get_response())
    if error.code == 413:
        error = _drain() or error
    response = answer(error.code or 500, error.description or "")
    response.headers.update({name: value for name, value in error.get_headers() if name.lower() in KEPT_HEADERS})
    return response


def failure(error: Exception) -> Response:
    """Answer for a fault of ours. The trace goes to the log, never to the caller; tests and debugger get the fault.

    What passes, such as a database that is busy or a disk that is full, is a 503.
    """
    if is_busy(error):
        current_app.logger.warning("unavailable: %s %r: %s", request.method, request.path, error.__cause__ or error)
        return http_error(ServiceUnavailable(retry_after=2))
    if current_app.debug and isinstance(error, BadTemplate | Mistake) and not current_app.testing:
        return make_response(current_app.extensions["refusals"].explain(error))  # an author's, and it explains itself
    if current_app.testing or current_app.debug:
        raise error
    current_app.logger.exception("unhandled: %s %r", request.method, request.path, exc_info=error)
    return answer(500)


def _drain() -> HTTPException | None:
    left, stream = 64 * 1024 * 1024, request.environ["wsgi.input"]  # bytes to throw away, so that the 413 is seen
    with suppress(ParseException):
        while left > 0 and (chunk := stream.read(min(left, 65536))):
            left -= len(chunk)
        return None
    return BadRequest()

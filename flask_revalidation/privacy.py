"""Keeping the shared store shared: whatever fills it may not look at who is asking.

While a copy is made for everyone, touching the session, a cookie or the caller raises, in production as well: a page
that answers 500 is a bug report, a page that shows one reader's name to the next is a breach (CVE-2023-30861).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from flask import Flask, Request, has_request_context, request
from flask.globals import request_ctx

from flask_revalidation.mistakes import Mistake, source_line

__all__ = ["PERSONAL", "PrivateRead", "is_shared", "private"]

# Set in the WSGI environ of a request whose page is for one caller only, although it carries no cookie yet.
PERSONAL = "revalidation.personal"
CALLER = {"cookies": "a cookie", "authorization": "credentials", "remote_addr": "the caller's address"}
CREDENTIALS = ("HTTP_COOKIE", "HTTP_AUTHORIZATION")

_sharing: ContextVar[str | None] = ContextVar("revalidation_sharing", default=None)


class PrivateRead(Mistake):
    """A copy for everyone was about to look at one caller."""


def private(what: str) -> None:
    """Declare that what follows belongs to one caller. Raises `PrivateRead` while a shared copy is being made."""
    name = _sharing.get()
    if name is not None:
        raise PrivateRead(
            f"{name} is cached for everyone, yet {source_line()} reads {what}."
            " Read it outside the cached part, or do not cache."
        )


def is_shared() -> bool:
    """Say whether the running code makes a copy for everyone; templates leave out what is personal then."""
    return _sharing.get() is not None


def shared(name: str, make: Callable[[], Any]) -> Any:
    """Run `make` with everything private out of reach, and return what it returns."""
    token = _sharing.set(name)
    try:
        with _hidden_caller():
            return make()
    finally:
        _sharing.reset(token)


class _NoSession:
    """Stands where the session was. Flask sets `accessed` on the session whenever it hands it out; here that raises."""

    def __setattr__(self, name: str, value: Any) -> None:
        private("the session")


@contextmanager
def _hidden_caller() -> Iterator[None]:
    """Take session, messages and the headers that name the caller out of the request, for whoever reads by hand."""
    if not has_request_context():
        yield
        return
    context: Any = request_ctx._get_current_object()  # type: ignore[attr-defined]
    headers = {name: request.environ.pop(name) for name in CREDENTIALS if name in request.environ}
    session, flashes = context._session, context.flashes
    context._session, context.flashes = _NoSession(), None
    try:
        yield
    finally:
        context._session, context.flashes = session, flashes
        request.environ.update(headers)


def guard(app: Flask) -> None:
    """Put what the request of `app` says of its caller behind `private`."""
    base = app.request_class
    guarded = {name: _guarded(name, what, getattr(base, name, None)) for name, what in CALLER.items()}
    app.request_class = type("GuardedRequest", (base,), guarded)


def _guarded(name: str, what: str, inherited: Any) -> property:
    def read(request: Request) -> Any:
        private(what)
        return inherited.__get__(request) if inherited else vars(request)[name]

    def store(request: Request, value: Any) -> None:
        vars(request)[name] = value

    return property(read, store)

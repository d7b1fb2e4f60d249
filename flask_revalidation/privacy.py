"""Keeping the shared store shared: whatever fills it may not look at who is asking.

While a copy is made for everyone, touching the session, a cookie or the caller raises, in production as well: a page
that answers 500 is a bug report, a page that shows one reader's name to the next is a breach (CVE-2023-30861).
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from flask import Flask, Request, has_request_context, request
from flask.globals import request_ctx

from flask_revalidation.mistakes import Mistake, source_line
from flask_revalidation.store import Fill, current_fill

__all__ = ["PERSONAL", "PrivateRead", "is_shared", "private"]

# Set in the WSGI environ of a request whose page is for one caller only, although it carries no cookie yet.
PERSONAL = "revalidation.personal"
CALLER = {"cookies": "a cookie", "authorization": "credentials", "remote_addr": "the caller's address"}
CREDENTIALS = ("HTTP_COOKIE", "HTTP_AUTHORIZATION")


class PrivateRead(Mistake):
    """A copy for everyone was about to look at one caller."""


def private(what: str) -> None:
    """Declare that what follows belongs to one caller. Raises `PrivateRead` while a shared copy is being made."""
    if fill := current_fill.get():
        raise PrivateRead(f"{fill.key} is cached for everyone, yet {source_line()} reads {what}. Read it outside.")


def is_shared() -> bool:
    """Say whether the running code makes a copy for everyone; templates leave out what is personal then."""
    return current_fill.get() is not None


@contextmanager
def shared(fill: Fill) -> Iterator[Fill]:
    """Make a copy in the block, with everything private out of reach.

    Session, messages and the headers that name the caller are taken out of the request, for whoever reads by hand.
    """
    with ExitStack() as undo:
        undo.callback(current_fill.reset, current_fill.set(fill))
        if has_request_context():
            context: Any = request_ctx._get_current_object()  # type: ignore[attr-defined]
            headers = {name: request.environ.pop(name) for name in CREDENTIALS if name in request.environ}
            undo.callback(request.environ.update, headers)
            undo.callback(vars(context).update, _session=context._session, flashes=context.flashes)
            context._session, context.flashes = _NoSession(), None
        yield fill


class _NoSession:
    """Stands where the session was. Flask sets `accessed` on the session whenever it hands it out; here that raises."""

    def __setattr__(self, name: str, value: Any) -> None:
        private("the session")


def guard(app: Flask) -> None:
    """Put what the request of `app` says of its caller behind `private`."""
    guarded = {name: _guarded(name, what, getattr(app.request_class, name, None)) for name, what in CALLER.items()}
    app.request_class = type("GuardedRequest", (app.request_class,), guarded)


def _guarded(name: str, what: str, inherited: Any) -> property:
    def read(request: Request) -> Any:
        private(what)
        return inherited.__get__(request) if inherited else vars(request)[name]

    return property(read, lambda request, value: vars(request).update({name: value}))

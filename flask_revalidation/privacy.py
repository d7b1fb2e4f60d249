"""Keeping the shared store shared: whatever fills it may not look at who is asking.

While a copy is made for everyone, touching the session, a cookie or the caller raises, in production as well: a page
that answers 500 is a bug report, a page that shows one reader's name to the next is a breach (CVE-2023-30861).
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from flask import Flask, has_request_context, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface

# Set in the WSGI environ of a request whose page is for one caller only, although it carries no cookie yet.
PERSONAL = "revalidation.personal"

_sharing: ContextVar[str | None] = ContextVar("revalidation_sharing", default=None)


class PrivateRead(RuntimeError):
    """A copy for everyone was about to look at one caller."""


def private(what: str) -> None:
    """Declare that what follows belongs to one caller. Raises `PrivateRead` while a shared copy is being made."""
    name = _sharing.get()
    if name is not None:
        raise PrivateRead(
            f"{name} is cached for everyone, yet it reads {what}. Read it outside the cached part, or do not cache."
        )


def is_shared() -> bool:
    """Say whether the running code makes a copy for everyone; templates leave out what is personal then."""
    return _sharing.get() is not None


def shared(name: str, make: Callable[[], Any]) -> Any:
    """Run `make` with everything private out of reach, and return what it returns."""
    token, hidden = _sharing.set(name), _hide_credentials()
    try:
        return make()
    finally:
        _sharing.reset(token)
        if hidden:
            request.environ.update(hidden)


def _hide_credentials() -> dict[str, str]:
    """Take the headers that name the caller out of the request, for whoever reads headers by hand."""
    if not has_request_context():
        return {}
    return {
        name: request.environ.pop(name) for name in ("HTTP_COOKIE", "HTTP_AUTHORIZATION") if name in request.environ
    }


def _guarded(name: str) -> Callable[..., Any]:
    def read(self: Any, *args: Any, **kwargs: Any) -> Any:
        private("the session")
        return getattr(super(GuardedSession, self), name)(*args, **kwargs)

    return read


class GuardedSession(SecureCookieSession):
    """Flask's session, out of reach while a shared copy is made."""


for _name in (
    "__getitem__",
    "__contains__",
    "__iter__",
    "__len__",
    "get",
    "keys",
    "values",
    "items",
    "pop",
    "copy",
    "__or__",
    "__ror__",
    "__eq__",
    "__repr__",
):
    setattr(GuardedSession, _name, _guarded(_name))


class GuardedSessions(SecureCookieSessionInterface):
    """Flask's session cookie, opened as a `GuardedSession`."""

    session_class = GuardedSession


def guard(app: Flask) -> None:
    """Put cookies and the session of `app` behind `private`."""

    class GuardedRequest(app.request_class):  # type: ignore[misc, name-defined]
        @property
        def cookies(self) -> Any:
            private("a cookie")
            return super().cookies

        @property
        def authorization(self) -> Any:
            private("credentials")
            return super().authorization

        @property
        def remote_addr(self) -> Any:
            private("the caller's address")
            return self._remote_addr

        @remote_addr.setter
        def remote_addr(self, address: str | None) -> None:
            self._remote_addr = address

    app.request_class = GuardedRequest
    app.session_interface = GuardedSessions()

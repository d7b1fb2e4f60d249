"""Fast hits: a request for a cached page that was answered before gets the same answer again, in front of Flask.

Nothing is decided here. Flask makes the first answer, and this keeps it whole, headers included, under everything in
the request that it may depend on. It is given again while the copy that it was made of may be served: while the tag
versions of that copy are the current ones. Requests with a credential go to Flask. Without this every answer is the
same, and slower.
"""

from collections.abc import Callable, Iterable
from contextlib import closing
from threading import Lock
from typing import Any, NamedTuple

from cachetools import LRUCache
from flask import Flask

from flask_revalidation import ENTRY, PERSONAL
from flask_revalidation.signals import copy_used
from flask_revalidation.store import Entry
from flask_revalidation.tags import versions_on
from web.gate import network_of

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
MAX_ANSWERS, MAX_NAME = 4096, 600  # answers of a process; characters of what tells one from another
_SAME: tuple[str, ...] = ("REQUEST_METHOD", "HTTP_HOST", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "wsgi.url_scheme")
_SAME += ("HTTP_ACCEPT_ENCODING", "HTTP_IF_NONE_MATCH", "HTTP_IF_MATCH")
_ONLY_FLASK = (PERSONAL, "HTTP_AUTHORIZATION", "HTTP_TRANSFER_ENCODING", "CONTENT_LENGTH")
_VARY = {"accept-encoding", "authorization", "cookie"}  # those that are looked at here


class Answer(NamedTuple):
    """What Flask made of a copy."""

    entry: Entry
    status: str
    headers: Headers
    body: bytes


class FastHits:
    """WSGI middleware around Flask, inside of what corrects the request's address (ProxyFix)."""

    def __init__(self, app: Flask, engine: Any) -> None:
        self.flask, self._engine = app.wsgi_app, engine
        self._revalidation, self._limiter = app.extensions["revalidation"], app.extensions["rate_limiter"]
        self._quota = app.config["API_REQUESTS_PER_MINUTE"]
        self._answers: LRUCache[tuple[str, ...], Answer] = LRUCache(MAX_ANSWERS)
        self._lock = Lock()
        self._connection: Any = None

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as before, or have Flask answer."""
        name = self._name(environ)
        if name is None:
            return self.flask(environ, start_response)
        answer = self._current(name)
        own = self._count(environ) if answer else None
        if answer is None or own is None:
            return self._ask_flask(name, environ, start_response)
        copy_used.send(answer.entry, hit=True)
        headers = [header for header in answer.headers if header[0] not in own]
        start_response(answer.status, [*headers, *own.items()])
        return [answer.body]

    def _name(self, environ: Environ) -> tuple[str, ...] | None:
        """Return what tells this answer from others, or None where only Flask can answer."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or any(map(environ.get, _ONLY_FLASK)):
            return None
        if any(name in environ.get("HTTP_COOKIE", "") for name in self._revalidation.private_cookies):
            return None
        name = tuple([environ.get(part, "") for part in _SAME])
        return name if len("".join(name)) <= MAX_NAME else None

    def _current(self, name: tuple[str, ...]) -> Answer | None:
        """Return the answer to this name while its copy may be served."""
        with self._lock:  # one connection for all threads: asking takes less time than getting one from the pool
            answer: Answer | None = self._answers.get(name)
            if answer is None or self._revalidation.store.get(answer.entry.key) is not answer.entry:
                return None
            try:
                if self._connection is None:  # each statement is a snapshot of its own
                    self._connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
                now = versions_on(self._connection.connection, answer.entry.versions)
                return answer if now == answer.entry.versions else None
            except Exception:  # what is wrong with the database is for Flask to say
                self.close()
                return None

    def close(self) -> None:
        """Let go of the connection. The next look opens another."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _count(self, environ: Environ) -> dict[str, str] | None:
        """Count a request to the API, and return the headers that tell its quota; None where Flask has to say no."""
        if not environ["PATH_INFO"].startswith("/api/"):
            return {}
        quota = self._limiter.count(f"address:{network_of(environ.get('REMOTE_ADDR', ''))}", self._quota)
        return quota.headers() if quota and quota.left >= 0 else None

    def _ask_flask(self, name: tuple[str, ...], environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
        said: list[Any] = []

        def listen(status: str, headers: Headers, *error: Any) -> Any:
            said[:] = status, list(headers)
            return start(status, headers, *error)

        response: Any = self.flask(environ, listen)
        entry = environ.get(ENTRY)
        if entry is None or said[0] not in ("200 OK", "304 NOT MODIFIED"):
            return response  # type: ignore[no-any-return]
        with closing(response):
            body = b"".join(response)
        fields = {field.lower(): value for field, value in said[1]}
        if "set-cookie" not in fields and _VARY.issuperset(fields["vary"].lower().split(", ")):
            with self._lock:
                self._answers[name] = Answer(entry, said[0], said[1], body)
        return [body]

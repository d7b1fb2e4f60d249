"""WSGI middleware in front of everything else: it begins a trace, names it in the answer, and keeps it afterwards."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from werkzeug.wsgi import ClosingIterator

from xray.store import Store
from xray.story import line, told
from xray.trace import Trace, current

# Not traced: the X-ray itself, files, and what an operator's machine asks all day.
QUIET = (
    "/xray",
    "/static/",
    "/_actions/static/",
    "/_actions/replay.",
    "/lab/static/",
    "/healthz",
    "/readyz",
    "/favicon.ico",
)


POLL = 30  # seconds


class Recorder:
    """Keeps a trace of each request, and while one develops says it in a line."""

    def __init__(self, app: Callable[..., Iterable[bytes]], store: Store, say: Callable[[str], None] | None) -> None:
        self.app, self._store, self._say = app, store, say
        self._polls: dict[str, float] = {}

    def __getattr__(self, name: str) -> Any:
        """Stand for the middleware inside."""
        return getattr(self.app, name)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as the application does. What was seen is kept when the answer is out."""
        if environ["PATH_INFO"].startswith(QUIET):
            return self.app(environ, start_response)
        trace = Trace.of(environ)

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            trace.answered(status, headers)
            trace.unseen |= "HTTP_POLL" in environ and trace.facts["status"] == 304  # open pages ask all day
            named = [("X-Trace-Id", trace.id), ("Server-Timing", f'trace;desc="{trace.id}"')]
            return start_response(status, [*headers, *named], *error)

        token = current.set(trace)
        try:
            body = self.app(environ, start)
        except BaseException as error:
            trace.step("error", type(error).__name__, good=False)
            self._keep(trace)
            raise
        finally:
            trace.facts |= trace.lines.stop() if trace.lines else {}
            current.reset(token)
        trace.facts["ms"] = trace.elapsed()
        return ClosingIterator(self._followed(body, trace), [getattr(body, "close", lambda: None)])

    def _followed(self, body: Iterable[bytes], trace: Trace) -> Iterator[bytes]:
        try:
            yield from body
        finally:  # a server asks for more when the last piece is out
            self._keep(trace)

    def _keep(self, trace: Trace) -> None:
        if trace.unseen or self._is_poll(trace):
            return
        trace.facts.setdefault("ms", trace.elapsed())
        trace.facts.update(told(trace.facts))
        self._store.put(trace.facts)
        for copy in trace.facts["copies"]:
            self._store.put_copy(copy)
        if self._say:
            self._say(line(trace.facts))

    def _is_poll(self, trace: Trace) -> bool:
        """Say whether an open page has asked again in vain: of such requests, one in half a minute is kept."""
        if trace.facts["status"] != 304:
            return False
        now, path = time.monotonic(), trace.facts["path"]
        known = now - self._polls.get(path, -POLL) < POLL
        self._polls = self._polls if len(self._polls) < 500 else {}
        self._polls[path] = self._polls[path] if known else now
        return known

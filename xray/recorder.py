"""WSGI middleware in front of everything else: it begins a trace, names it in the answer, and keeps it afterwards."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from werkzeug.wsgi import ClosingIterator

from xray.store import Store
from xray.story import told
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


class Recorder:
    """Keeps a trace of each request."""

    def __init__(self, app: Callable[..., Iterable[bytes]], store: Store) -> None:
        self.app, self._store = app, store

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
            current.reset(token)
        trace.facts["ms"] = trace.elapsed()
        return ClosingIterator(self._followed(body, trace), [getattr(body, "close", lambda: None)])

    def _followed(self, body: Iterable[bytes], trace: Trace) -> Iterator[bytes]:
        try:
            yield from body
        finally:  # a server asks for more when the last piece is out
            self._keep(trace)

    def _keep(self, trace: Trace) -> None:
        if trace.unseen:
            return
        trace.facts.setdefault("ms", trace.elapsed())
        trace.facts.update(told(trace.facts))
        self._store.put(trace.facts)
        for copy in trace.facts["copies"]:
            self._store.put_copy(copy)

"""Which lines of an action ran: noted while somebody follows the X-ray, and never where another tracer is at work.

By `sys.monitoring` where Python has it (3.12 and later), which costs next to nothing. Before, by `sys.settrace`: all
that runs under a tracer is slow; so it is there from the policy's verdict to the end of the action's function, and
rests while the session works. Either goes into the files of actions and models alone.
"""

import inspect
import sys
import threading
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from sqlalchemy.orm import Session

ROOT = Path(__file__).parent.parent
_FOLDERS = ("actions/", "models/")


class _Files(dict[str, str]):
    """Files by the names that code has for them; empty for what is not ours."""

    def __missing__(self, file: str) -> str:
        path = Path(file)
        name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
        self[file] = name if name.startswith(_FOLDERS) else ""
        return self[file]


files = _Files()
here = threading.local()  # `lines`: what the thread notes at the moment


class Lines:
    """The lines of one action: which ran in which file, and the place of the exception that ended it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._code = inspect.unwrap(function).__code__
        self._ran: dict[str, set[int]] = {}
        self._raised: list[Any] = []
        self._active = self._inside = False

    def start(self) -> None:
        """Note what runs from here on."""
        self._active = sys.gettrace() is None
        self.resume()

    def pause(self) -> None:
        """Note nothing in this thread."""
        here.lines = None

    def resume(self) -> None:
        """Note the lines of this thread, if it has not ended."""
        if self._active:
            here.lines = self

    def stop(self) -> dict[str, Any]:
        """End it, and return what was seen."""
        self.pause()
        self._active = False
        return {"lines": {file: sorted(numbers) for file, numbers in self._ran.items()}, "raised": self._raised}

    def ran(self, code: CodeType, line: int) -> None:
        """Note a line of a file of ours, if it is the action's, or of what that calls."""
        self._inside |= code is self._code
        if self._inside:
            self._ran.setdefault(files[code.co_filename], set()).add(line)

    def returned(self, code: CodeType, value: Any) -> None:
        """End it with the action's function; an exception that it has dealt with is none."""
        if code is self._code:
            self.stop()
            self._raised = self._raised if value is None else []

    def raised(self, code: CodeType, traceback: Any) -> None:
        """Note the last place in a file of ours that an exception of the action has passed, and where that begins."""
        while traceback is not None and code is self._code:
            passed = traceback.tb_frame.f_code
            if file := files[passed.co_filename]:
                self._raised = [file, traceback.tb_lineno, passed.co_firstlineno, passed.co_qualname]
            traceback = traceback.tb_next


class TracedLines(Lines):
    """Lines by `sys.settrace`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._tracer = self._called  # one object, to be told from a tracer of others

    def start(self) -> None:
        """Note what runs from here on, but for the session's work."""
        _let_the_session_rest()
        super().start()

    def pause(self) -> None:
        """Take the tracer away."""
        super().pause()
        if self._active and sys.gettrace() is self._tracer:
            sys.settrace(None)

    def resume(self) -> None:
        """Put the tracer back."""
        super().resume()
        if self._active and sys.gettrace() is None:
            sys.settrace(self._tracer)

    def _called(self, frame: FrameType, _event: str, _value: Any) -> Any:
        """Follow a function of ours. This is asked a thousand times."""
        return self._follow if files[frame.f_code.co_filename] else None

    def _follow(self, frame: FrameType, event: str, value: Any) -> Any:
        if event == "line":
            self.ran(frame.f_code, frame.f_lineno)
        elif event == "exception":
            self.raised(frame.f_code, value[2])
        elif event == "return":
            self.returned(frame.f_code, value)
        return self._follow


@cache
def _let_the_session_rest() -> None:
    for name in ("execute", "scalar", "scalars", "get", "flush"):
        setattr(Session, name, _resting(getattr(Session, name)))


def _resting(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method in which no line is noted."""

    @wraps(method)
    def call(*args: Any, **options: Any) -> Any:
        if not (lines := getattr(here, "lines", None)):
            return method(*args, **options)
        lines.pause()
        try:
            return method(*args, **options)
        finally:
            lines.resume()

    # A mistake is said at the line of who made it, not at ours: so this passes for a part of SQLAlchemy.
    passing: Any = call
    passing.__code__ = passing.__code__.replace(co_filename=inspect.unwrap(method).__code__.co_filename)
    return call

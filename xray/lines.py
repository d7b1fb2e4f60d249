"""Which lines of an action ran: noted while somebody follows the X-ray, and never where another tracer is at work.

By `sys.settrace`, on every Python that the site runs on. A tracer is asked for each function that is called, which is
dear: so it is there from the policy's verdict to the end of the action's function, rests while the ORM makes a
statement and sends it, and goes into the files of actions and models alone.
"""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parent.parent
_FOLDERS = ("actions/", "models/")
_files: dict[str, str] = {}  # files by the names that code has for them; empty for what is not ours


class Lines:
    """The lines of one action: which ran in which file, and the place of the exception that ended it."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._code = inspect.unwrap(function).__code__
        self._ran: dict[str, set[int]] = {}
        self._raised: list[Any] = []
        self._active = self._inside = False

    def start(self) -> None:
        """Note what runs from here on."""
        if sys.gettrace() is None:
            self._active = True
            sys.settrace(self)

    def pause(self) -> None:
        """Note nothing for a while."""
        if self._active and sys.gettrace() == self:
            sys.settrace(None)

    def resume(self) -> None:
        """Go on, if it has not ended."""
        if self._active and sys.gettrace() is None:
            sys.settrace(self)

    def stop(self) -> dict[str, Any]:
        """End it, and return what was seen."""
        self.pause()
        self._active = False
        return {"lines": {file: sorted(numbers) for file, numbers in self._ran.items()}, "raised": self._raised}

    def __call__(self, frame: FrameType, _event: str, _value: Any) -> Any:
        """Follow a function that begins, if it is the action's, or one of ours that it calls."""
        name = frame.f_code.co_filename
        if name not in _files:
            _files[name] = _short(name)
        if not _files[name]:
            return None
        self._inside |= frame.f_code is self._code
        return self._follow if self._inside else None

    def _follow(self, frame: FrameType, event: str, value: Any) -> Any:
        if event == "line":
            self._ran.setdefault(_files[frame.f_code.co_filename], set()).add(frame.f_lineno)
        elif frame.f_code is self._code and event == "exception":
            self._raised = _origin(value[2])
        elif frame.f_code is self._code and event == "return":
            self.stop()
            self._raised = self._raised if value is None else []  # otherwise the action has dealt with it
        return self._follow


def _short(file: str) -> str:
    path = Path(file)
    name = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    return name if name.startswith(_FOLDERS) else ""


def _origin(traceback: Any) -> list[Any]:
    """Return the last place in a file of ours that an exception has passed, and where its function begins."""
    found: list[Any] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if file := _files.get(code.co_filename):
            found = [file, traceback.tb_lineno, code.co_firstlineno, code.co_qualname]
        traceback = traceback.tb_next
    return found

"""Lines by `sys.monitoring`: once somebody has followed, code of ours announces its lines as long as the process runs.

Other code is asked once for each function, and then left alone; so this may stay where a tracer has to rest.
"""

import atexit
import sys
from collections.abc import Callable
from types import CodeType
from typing import Any

from xray.lines import Lines, TracedLines, files, here

_TOOL, _NAME = 4, "hallway-and-door-xray"

if sys.version_info >= (3, 12):
    _EVENTS = sys.monitoring.events

    def _listen() -> None:
        if sys.monitoring.get_tool(_TOOL) != _NAME:
            sys.monitoring.use_tool_id(_TOOL, _NAME)
            for event, callback in _CALLBACKS.items():
                sys.monitoring.register_callback(_TOOL, event, callback)
            sys.monitoring.set_events(_TOOL, _EVENTS.PY_START | _EVENTS.PY_UNWIND)
            atexit.register(sys.monitoring.set_events, _TOOL, 0)

    def _begins(code: CodeType, _offset: int) -> Any:
        if files[code.co_filename]:
            sys.monitoring.set_local_events(_TOOL, code, _EVENTS.LINE | _EVENTS.PY_RETURN)
        return sys.monitoring.DISABLE

    def _line(code: CodeType, number: int) -> None:
        if lines := getattr(here, "lines", None):
            lines.ran(code, number)

    def _returns(code: CodeType, _offset: int, value: Any) -> None:
        if lines := getattr(here, "lines", None):
            lines.returned(code, value)

    def _unwinds(code: CodeType, _offset: int, error: BaseException) -> None:
        if lines := getattr(here, "lines", None):
            lines.raised(code, error.__traceback__)

    _CALLBACKS: dict[int, Callable[..., Any]] = {
        _EVENTS.PY_START: _begins,
        _EVENTS.LINE: _line,
        _EVENTS.PY_RETURN: _returns,
        _EVENTS.PY_UNWIND: _unwinds,
    }

    class MonitoredLines(Lines):
        """Lines by `sys.monitoring`, in the thread that has started it."""

        def start(self) -> None:
            """Note what runs from here on."""
            _listen()
            super().start()

    lines_of: type[Lines] = MonitoredLines
else:
    lines_of = TracedLines

"""What an author got wrong, said in a sentence: where it stands, what was found, what to write instead."""

import sys
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from flask import current_app

if TYPE_CHECKING:
    from flask_revalidation.extension import Revalidation

__all__ = ["Mistake"]

_TESTS = str(Path(__file__).parent / "tests")
_LIBRARIES = (str(Path(__file__).parent), *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")), "<")


class Mistake(Exception):
    """The application uses this library wrongly. Its text is for the author: show it in development.

    No RuntimeError: Flask's proxies take that for a sign that there is no request, and call the session empty.
    """


def source_line() -> str:
    """Return `file:line` of the nearest running code that belongs to no library, in Python or in a template."""
    for frame, line in traceback.walk_stack(sys._getframe()):
        path = frame.f_code.co_filename
        if path.startswith(_TESTS) or not path.startswith(_LIBRARIES):
            return f"{_short(path)}:{_line_in_source(frame, line)}"
    return "a library"


def place_of(function: Callable[..., Any]) -> str:
    """Return `file:line` of a function of the application."""
    code = getattr(function, "__code__", None)
    return f"{_short(code.co_filename)}:{code.co_firstlineno}" if code else repr(function)


def extension_for(purpose: str) -> "Revalidation":
    """Return the running application's extension. Raises `Mistake` where it has none; `purpose` says who asks."""
    extension: Revalidation | None = current_app.extensions.get("revalidation")
    if extension is None:
        raise Mistake(
            f"{purpose}: the application {current_app.name!r} has no Revalidation."
            " Write `Revalidation(app, db)` where it is made, after `db.init_app(app)`."
        )
    return extension


def _short(path: str) -> str:
    return path.removeprefix(f"{Path.cwd()}/")


def _line_in_source(frame: FrameType, line: int) -> int:
    template = frame.f_globals.get("__jinja_template__")  # set by Jinja, whose code has other lines than the template
    found: int = template.get_corresponding_lineno(line) if template else line
    return found

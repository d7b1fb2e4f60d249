"""What an author got wrong, said in a sentence: where it stands, what was found, what to write instead."""

import inspect
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import current_app

_LIBRARIES = (*(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")), "<")


class Mistake(Exception):
    """The application uses this library wrongly. Its text is for the author: show it in development.

    No RuntimeError: Flask's proxies take that for a sign that there is no request, and call the session empty.
    """


def source_line() -> str:
    """Return `file:line` of the nearest running code that belongs to no library, in Python or in a template."""
    for frame, line in traceback.walk_stack(inspect.currentframe()):
        path = frame.f_code.co_filename
        if frame.f_globals.get("__package__") != __package__ and not path.startswith(_LIBRARIES):
            template = frame.f_globals.get("__jinja_template__")  # Jinja's code has other lines than the template
            return _place(path, template.get_corresponding_lineno(line) if template else line)
    return "a library"


def extension_for(caller: str | Callable[..., Any]) -> Any:
    """Return the running application's extension. Raises `Mistake` where it has none.

    `caller` is who asks, for the message: the name of a function of ours, or the view that stands under `cached_page`.
    """
    extension = current_app.extensions.get("revalidation")
    if extension is None:
        code = inspect.unwrap(caller).__code__ if callable(caller) else None
        place = f"@cached_page on {code.co_name} ({_place(code.co_filename, code.co_firstlineno)})" if code else ""
        raise Mistake(
            f"{place or f'{source_line()} calls {caller}'}: the application {current_app.name!r} has no Revalidation."
            " Write `Revalidation(app, db)` where it is made, after `db.init_app(app)`."
        )
    return extension


def _place(path: str, line: int) -> str:
    return f"{path.removeprefix(f'{Path.cwd()}/')}:{line}"

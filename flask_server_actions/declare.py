"""Declaring an action: its schema, its policy, and the function. Silence is not "open"."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from flask_server_actions.form import Form
from flask_server_actions.result import Result

declared: dict[str, str] = {}  # place by name, registered or not: for the message about a forgotten module


class BadDeclaration(TypeError):
    """An action that may not start; the message names file and line, and says what to write."""


@dataclass(frozen=True)
class Action:
    """A declared action: `name` is `<module>.<function>`, and its address is `/_actions/<name>`."""

    name: str
    schema: type[Form]
    allow: Callable[[Any], bool]
    function: Callable[..., Result]
    prepare: Callable[[Any, Any], Any] | None = None
    rate_limit: Any = None
    writes: bool = True


def action(function: Any = None, /, *, allow: Any = None, **options: Any) -> Callable[[Callable[..., Result]], Action]:
    """Declare an action. `allow` says who may, given the caller (None: nobody signed in); leaving it out is an error.

    The function takes the parsed form and the caller, and returns a `Result`. `prepare=` is for work that takes long or
    waits for others, and must not hold the write lock: it runs on form and caller after the policy and before the
    transaction, and what it returns is the function's third argument. `rate_limit=` is for the rate limiter that
    `ServerActions` was given; with one, an action that is open to anyone does not start without. `writes=False` is for
    an action that only shows something: it opens no write transaction, and its form may be sent again. Raises
    BadDeclaration.
    """
    if function is not None:
        raise mistake(function, "stands under @action without parentheses", "@action(allow=…)")

    def declare(function: Callable[..., Result]) -> Action:
        if inspect.iscoroutinefunction(function):
            raise mistake(function, "is async; the transaction belongs to one thread", f"def {function.__name__}(…)")
        if allow is None:
            raise mistake(function, "has no policy", "@action(allow=…), or allow=anyone(reason)")
        if not callable(allow):
            raise mistake(function, f"has allow={allow!r}, which is no policy", "allow=anyone(reason), with the reason")
        schema = _schema_of(function, ", prepared" if options.get("prepare") else "")
        item = Action(_name(function), schema, allow, function, **options)
        declared[item.name] = place(function)
        return item

    return declare


def anyone(reason: str) -> Callable[[Any], bool]:
    """Open an action to everybody, and say aloud why that is right."""

    def allowed(_user: Any) -> bool:
        return True

    allowed.__name__ = f"anyone: {reason}"
    return allowed


def collect(sources: Iterable[ModuleType | Action]) -> dict[str, Action]:
    """Return the actions of modules by name. Raises BadDeclaration where two of them have one name."""
    found: dict[str, Action] = {}
    for source in sources:
        for item in [source] if isinstance(source, Action) else vars(source).values():
            if isinstance(item, Action) and found.setdefault(item.name, item) is not item:
                raise mistake(item.function, f"is also in {place(found[item.name].function)}", "another function name")
    return found


def _schema_of(function: Callable[..., Result], prepared: str) -> type[Form]:
    usual = f"def {function.__name__}(form: …, user{prepared})"
    try:
        taken = inspect.signature(function, eval_str=True).parameters
    except NameError as error:
        raise mistake(function, f"names {error.name}, which is unknown when it runs", "the import") from None
    forms = [isinstance(item.annotation, type) and issubclass(item.annotation, Form) for item in taken.values()]
    if not any(forms):
        raise mistake(function, "has no schema", f"{usual}, with a Form as the form's type")
    if not forms[0] or len(taken) != (3 if prepared else 2):
        raise mistake(function, f"takes ({', '.join(taken)})", usual)
    return next(iter(taken.values())).annotation  # type: ignore[no-any-return]


def mistake(function: Any, found: str, write: str) -> BadDeclaration:
    """Return the error that says where an action is, what was found there, and what to write."""
    what = f"{place(function)}: action {_name(function)}" if inspect.isfunction(function) else f"action {function!r}"
    return BadDeclaration(f"{what} {found}. Write {write}.")


def _name(function: Callable[..., Any]) -> str:
    module = function.__module__.rpartition(".")[2]
    return f"{Path(function.__code__.co_filename).stem if module == '__main__' else module}.{function.__name__}"


def place(function: Callable[..., Any]) -> str:
    """Return file and line of a function, as shown to people."""
    code = inspect.unwrap(function).__code__
    return f"{Path(code.co_filename).parent.name}/{Path(code.co_filename).name}:{code.co_firstlineno}"

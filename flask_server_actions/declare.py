"""Declaring an action: its schema, its policy, and the function. Silence is not "open"."""

import inspect
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from flask_server_actions.form import Form
from flask_server_actions.result import Refused, Success

Policy = Callable[[Any], bool]
Answer = Success | Refused


class BadDeclaration(TypeError):
    """An action that may not start: it has no policy or no schema."""


@dataclass(frozen=True)
class Action:
    """A declared action: `name` is `<module>.<function>`, and its address is `/_actions/<name>`."""

    name: str
    schema: type[Form]
    allow: Policy
    prepare: Callable[[Any], Any] | None
    function: Callable[..., Answer]
    writes: bool = True

    @property
    def place(self) -> str:
        """File and line, as shown to people."""
        code = inspect.unwrap(self.function).__code__
        return f"{Path(code.co_filename).parent.name}/{Path(code.co_filename).name}:{code.co_firstlineno}"


def action(
    *, allow: Policy | None = None, prepare: Callable[[Any], Any] | None = None, writes: bool = True
) -> Callable[..., Action]:
    """Declare an action. `allow` says who may, given the caller (None: nobody signed in); leaving it out is an error.

    The function takes the parsed form and the caller, and returns `success`, `redirect` or a refusal; a refusal that it
    returns is committed, one that it raises rolls back. `prepare` is for slow work that must not hold the write lock:
    it runs on the parsed form before the transaction, and what it returns is the function's third argument.
    `writes=False` is for one that only shows something: it takes no turn to write, and its form may be sent again.
    """

    def declare(function: Callable[..., Answer]) -> Action:
        module = function.__module__.rpartition(".")[2]
        name = f"{module}.{function.__name__}"
        first, hints = next(iter(inspect.signature(function).parameters), ""), typing.get_type_hints(function)
        schema = hints.get(first)
        if allow is None:
            raise BadDeclaration(
                f"Action {name} has no policy. Say who may: @action(allow=…), or allow=anyone(reason)."
            )
        if not (isinstance(schema, type) and issubclass(schema, Form)):
            raise BadDeclaration(f"Action {name} has no schema. Annotate its first argument with a Form.")
        return Action(name, schema, allow, prepare, function, writes)

    return declare


def anyone(reason: str) -> Policy:
    """Open an action to everybody, and say aloud why that is right."""

    def allowed(_user: Any) -> bool:
        return True

    allowed.__name__ = f"anyone: {reason}"
    return allowed


def collect(modules: Iterable[ModuleType]) -> dict[str, Action]:
    """Return the actions of the modules by name."""
    return {item.name: item for module in modules for item in vars(module).values() if isinstance(item, Action)}

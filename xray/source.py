"""The code behind what one sees: functions with their lines, the schema, the model's verb, and the tests about it."""

import ast
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flask import current_app

from flask_server_actions import Action

ROOT = Path(__file__).parent.parent
MAX_TESTS = 12
_TEST = re.compile(r"^def test_(\w+)\(", re.MULTILINE)


@dataclass(frozen=True)
class Code:
    """A piece of a file: where it stands, and its numbered lines; `declares` is the line that says who may."""

    title: str
    file: str
    lines: list[tuple[int, str]]
    declares: int = 0

    def has(self, file: str, line: int) -> bool:
        """Say whether a line of a file is in it."""
        return self.file == file and self.lines[0][0] <= line <= self.lines[-1][0]


def code_of(thing: Callable[..., Any] | type, title: str = "", declares: str = "") -> Code:
    """Return the source of a function or a class."""
    target = inspect.unwrap(thing) if inspect.isfunction(thing) else thing
    lines, first = inspect.getsourcelines(target)
    numbered = [(first + offset, line.rstrip("\n")) for offset, line in enumerate(lines)]
    file = Path(inspect.getsourcefile(target) or "").resolve().relative_to(ROOT).as_posix()
    marked = next((number for number, line in numbered if declares and declares in line), 0)
    return Code(title or target.__name__, file, numbered, marked)


def of_action(action: Action) -> list[Code]:
    """Return the action with the line that declares who may, its schema, and the verbs of the models that it calls."""
    found = [code_of(action.function, f"action {action.name}", "allow=")]
    found.append(code_of(action.schema, f"schema {action.schema.__name__}"))
    if not action.allow.__name__.startswith("anyone"):
        found.append(code_of(action.allow, f"policy {action.allow.__name__}"))
    return found + [code_of(verb, f"verb {verb.__qualname__}") for verb in verbs_of(action.function)]


def of_view(endpoint: str) -> list[Code]:
    """Return the view behind an endpoint, with what is declared above it."""
    view = current_app.view_functions[endpoint]
    return [code_of(view, f"handler {endpoint}", "@operation" if endpoint.startswith("api_v1.") else "@only")]


def at(file: str, first: int, name: str) -> Code:
    """Return the function that begins in a line of a file of ours."""
    lines = inspect.getblock((ROOT / file).read_text(encoding="utf-8").splitlines(keepends=True)[first - 1 :])
    return Code(name, file, [(number, line.rstrip("\n")) for number, line in enumerate(lines, first)])


def around(file: str, line: int, title: str) -> Code:
    """Return the function of a file in which a line stands, with that line marked."""
    functions = (node for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.FunctionDef))
    first, last = max(
        (min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]), node.end_lineno or 0)
        for node in functions if node.lineno <= line <= (node.end_lineno or 0)
    )  # fmt: skip
    texts = (ROOT / file).read_text(encoding="utf-8").splitlines()[first - 1 : last]
    is_page = texts[line - first].startswith("def ")  # then it is declared above
    marked = next((number for number, text in enumerate(texts, first) if is_page and "@cached_page" in text), line)
    return Code(title, file, [*enumerate(texts, first)], marked)


def verbs_of(function: Callable[..., Any]) -> list[Callable[..., Any]]:
    """Return the methods of the models that a function calls, two at most: `post.publish()`, `Like.toggle(…)`."""
    called = dict.fromkeys(re.findall(r"\b(\w+)\.(\w+)\(", inspect.getsource(inspect.unwrap(function))))
    # A thing is called by the end of its class's name, `key.revoke()`.
    named = [(of[0].upper() + of[1:], name) for of, name in called]
    found = [next((verb for (owner, known), verb in _verbs().items() if known == name and owner.endswith(of)), None)
             for of, name in named]  # fmt: skip
    return [verb for verb in found if verb][:2]


@cache
def _verbs() -> dict[tuple[str, str], Callable[..., Any]]:
    """Return the methods of the models by class and name."""
    import models

    found = {}
    for owner, thing in vars(models).items():
        if inspect.isclass(thing) and thing.__module__.startswith("models."):
            for base in reversed(thing.__mro__):
                for name, method in vars(base).items():
                    function = getattr(method, "__func__", method)
                    ours = inspect.isfunction(function) and function.__module__.startswith("models.")
                    if ours and not name.startswith(("_", "find")):
                        found[owner, name] = function
    return found


def tests_about(name: str) -> list[tuple[str, int, str]]:
    """Return file, line and promise of the tests that name an action or an address."""
    return [place for place, text in _tests().items() if f'"{name}' in text][:MAX_TESTS]


@cache
def _tests() -> dict[tuple[str, int, str], str]:
    """Return the text of each test by file, line and promise. In a container there are none."""
    found = {}
    for file in sorted((ROOT / "tests").glob("test_*.py")):
        text = file.read_text()
        begins = [*_TEST.finditer(text)]
        for test, end in zip(begins, [*(match.start() for match in begins[1:]), len(text)], strict=True):
            line, promise = text.count("\n", 0, test.start()) + 1, test[1].replace("_", " ")
            found[file.name, line, promise] = text[test.start() : end]
    return found

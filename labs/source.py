"""Finding code: file, line and text of what runs, read from what runs. Nothing here is typed, so nothing goes stale."""

import ast
import inspect
import tokenize
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from textwrap import dedent
from typing import Any

from flask import current_app
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

ROOT = Path(__file__).parent.parent
_LANGUAGES = {".py": "python", ".html": "html+jinja", ".js": "javascript", ".css": "css", ".toml": "toml"}
_COMMENTS = {".html": ("{#",), ".js": ("//", "/*", "*")}
_NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


@dataclass(frozen=True)
class Source:
    """A piece of a file: a function, a class, or all of it."""

    path: str
    line: int
    text: str

    @classmethod
    def of(cls, thing: Any) -> "Source":
        """Return the source of a function or a class, with its decorators."""
        return _of(inspect.unwrap(thing))

    @classmethod
    def of_action(cls, name: str) -> "Source":
        """Return the source of an action's function. Raises KeyError for a name that nobody has registered."""
        return cls.of(current_app.extensions["server_actions"].actions[name].function)

    @classmethod
    def of_view(cls, endpoint: str) -> "Source":
        """Return the source of a view. Raises KeyError for an endpoint that nobody has registered."""
        return cls.of(current_app.view_functions[endpoint])

    @classmethod
    def of_file(cls, path: str) -> "Source":
        """Return all of a file."""
        return cls(path, 1, (ROOT / path).read_text(encoding="utf-8"))

    @property
    def place(self) -> str:
        """File and line, as people look them up."""
        return f"{self.path}:{self.line}"

    @property
    def lines(self) -> int:
        """How many lines do something: no blank lines, comments or docstrings."""
        suffix = Path(self.path).suffix
        if suffix == ".py":
            return _python_lines(self.text)
        lines = (line.strip() for line in self.text.splitlines())
        return sum(bool(line) and not line.startswith(_COMMENTS[suffix]) for line in lines)

    def __html__(self) -> str:
        lexer = get_lexer_by_name(_LANGUAGES.get(Path(self.path).suffix, "text"), stripnl=False)
        return Markup(highlight(self.text.rstrip(), lexer, HtmlFormatter(nowrap=True)))  # noqa: S704


@cache
def _of(thing: Any) -> Source:
    lines, first = inspect.getsourcelines(thing)
    return Source(str(Path(inspect.getsourcefile(thing) or "").relative_to(ROOT)), first, dedent("".join(lines)))


@cache
def _python_lines(text: str) -> int:
    documented = {
        line
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False)
        for line in range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
    }
    tokens = [token for token in tokenize.generate_tokens(StringIO(text).readline) if token.type not in _NO_CODE]
    return len({line for token in tokens for line in range(token.start[0], token.end[0] + 1)} - documented)

"""What people are told. The sentences are data (`sentences.en.toml`); `ServerActions(sentences=…)` has other ones."""

import tomllib
from pathlib import Path
from typing import Any

from flask import current_app, has_app_context
from werkzeug.local import LocalProxy

SENTENCES: dict[str, str] = tomllib.loads(Path(__file__).with_name("sentences.en.toml").read_text(encoding="utf-8"))

state: Any = LocalProxy(lambda: current_app.extensions["server_actions"])  # the application's own `ServerActions`


def sentence(kind: str, **values: Any) -> str:
    """Return what is said about `kind`, with `values` put in. Raises KeyError for a kind that has no sentence."""
    own = state.sentences if has_app_context() else {}
    return str((SENTENCES | own)[kind]).format(**values)


def about_field(kind: str, context: dict[str, Any], message: str) -> str:
    """Return what is said about an error that pydantic found.

    Only our own sentences are formatted. A validator's text may repeat what a stranger typed, and `{x.__globals__}` in
    it would print the inside of the server.
    """
    return sentence(kind, **context) if kind in SENTENCES else message.removeprefix("Value error, ")

"""Redacting payloads: their shape stays, and every value is hidden that is not known to be harmless."""

import json
import re
from pathlib import Path
from typing import Any

HIDDEN = "•••"
DEEPEST, LONGEST = 12, 20_000
# An allow list: a field that a sender adds tomorrow is hidden until someone has looked at it.
_ALLOWED = set(Path(__file__).with_name("harmless.txt").read_text().split())
_PLAIN_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PLAIN_VALUE = re.compile(r"[A-Za-z0-9_.:-]{1,80}")


def redact(body: bytes) -> str:
    """Return a JSON body indented, with what is not on the allow list hidden; what is no JSON is described only.

    What is deeper than `DEEPEST` is hidden too, and what is longer than `LONGEST` characters is cut: by the indents a
    body of some kilobytes would become megabytes.
    """
    try:
        visible = json.dumps(_redacted("", json.loads(body.decode("utf-8-sig"))), indent=2, ensure_ascii=False)
        return visible if len(visible) <= LONGEST else f"{visible[:LONGEST]}\n… cut here"
    except (ValueError, RecursionError):
        return f"{len(body)} bytes that are no JSON" if body else "No payload is kept."


def _redacted(key: str, value: Any, depth: int = 0) -> Any:
    if isinstance(value, dict | list) and depth >= DEEPEST:
        return HIDDEN
    if isinstance(value, dict):
        visible = {name: _redacted(name, item, depth + 1) for name, item in value.items()}
        return {name if _PLAIN_KEY.fullmatch(name) else HIDDEN: item for name, item in visible.items()}
    if isinstance(value, list):
        return [_redacted(key, item, depth + 1) for item in value]
    harmless = not isinstance(value, str) or _PLAIN_VALUE.fullmatch(value)
    return value if key in _ALLOWED and harmless else HIDDEN

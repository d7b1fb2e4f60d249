"""Nothing secret is kept: by what a thing is called, by how it looks, and by what this site's secrets are."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from settings import Hidden

HIDDEN = "•••"
_NAMES = re.compile(
    r"pass|secret|token|key$|^_|signature|authori|cookie|session|mail|message|device|visitor|hash|digest", re.IGNORECASE
)
# How secrets look, behind a mark that is looked for first: a trace has long texts, and nearly none has any.
_LOOKS = [
    ("@", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("hd_", re.compile(r"hd_[A-Za-z0-9]+_[\w-]+")),
    ("whsec_", re.compile(r"whsec_\S+")),
    ("k_", re.compile(r"[sr]k_(?:live|test)_\S+")),
    ("cs_", re.compile(r"cs_[a-z]+_\w+")),
    ("_key=", re.compile(r"(?<=_key=)[\w-]+")),
    ("Bearer ", re.compile(r"(?<=Bearer )(?!realm)\S+")),
    ("", re.compile(r"\b[0-9a-f]{40,}")),
]
_OWN = re.compile(r"^SECRET_KEY|_SECRET$|_SECRET_KEY$|_SECRETS$|^DATABASE_URL$")


def hide(name: str, value: Any) -> Any:
    """Return a value as it may be kept under its name: hidden, or a text that is not too long."""
    if isinstance(value, list | tuple):
        return [hide(name, item) for item in value]
    return HIDDEN if _NAMES.search(name) and value else str(value)[:300]


def selector_of(body: bytes) -> str:
    """Return how the first element of a fragment is found in a page: by its id or its label, or by tag and classes."""
    begins = re.match(rb"\s*<([a-z0-9]+)([^>]*)", body)
    tag, attributes = (begins[1].decode(), begins[2].decode(errors="ignore")) if begins else ("", "")
    named = dict(re.findall(r'(?<![\w-])(id|class|aria-label|aria-labelledby)="([\w\s-]+)"', attributes))
    for name in ("id", "aria-labelledby", "aria-label"):
        if name in named:
            return f'main [{name}="{named[name]}"]'
    return "main " + ".".join([tag, *named.get("class", "").split()]) if tag not in ("", "html") else ""


class Redactor:
    """Hides what looks like a secret, and each secret that the site is configured with."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        known = {text for name, value in config.items() if _OWN.search(name) for text in _texts(value) if len(text) > 5}
        self._known = [Hidden(text) for text in sorted(known, key=len, reverse=True)]
        self._clean = lru_cache(maxsize=4096)(self._hide_in)  # nearly all that a trace says has been said before

    def __call__(self, value: Any) -> Any:
        """Return what JSON can hold without them, in names as in values."""
        if type(value) is str:  # nearly always
            return self._clean(value)
        if isinstance(value, dict):
            return {self(name): self(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self(item) for item in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self._clean(str(value))

    def _hide_in(self, text: str) -> str:
        for secret in self._known:
            text = text.replace(secret, HIDDEN)
        for mark, pattern in _LOOKS:
            text = pattern.sub(HIDDEN, text) if mark in text else text
        return text


def _texts(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    return [str(value)] if value else []

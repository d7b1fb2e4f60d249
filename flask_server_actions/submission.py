"""What a browser sent to an action: the author's fields, and apart from them the mechanism's own.

Fields come from the body, and what a template bound from the address. Both are hostile like everything else.
"""

import hashlib
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Self
from urllib.parse import unquote_to_bytes

from flask import abort, request
from pydantic import TypeAdapter, ValidationError

from flask_server_actions.form import Form, rules
from flask_server_actions.sentences import sentence
from flask_server_actions.upload import Upload

MAX_BYTES = 1_000_000  # of a form without its files
MAX_FIELDS = 100
PLAIN, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


# A form that waits while its sender signs in: action and fields. It only fills a form again, so it needs no seal.
Resume = tuple[str, dict[str, list[str]]]
_RESUME = TypeAdapter(Resume)


@dataclass(frozen=True)
class Submission:
    """A form as it came in. `error` is a sentence about what made it unreadable."""

    values: dict[str, list[Any]] = field(default_factory=dict, repr=False)
    error: str = ""
    key: str = field(default="", repr=False)
    page: str = ""
    resume: Resume | None = field(default=None, repr=False)

    @classmethod
    def read(cls, schema: type[Form]) -> Self:
        """Read the request. Aborts with 413 above the schema's size or `MAX_FIELDS`, 415 for what is no form."""
        files = [rule for rule in rules(schema).values() if _is_file(rule)]
        request.max_content_length = MAX_BYTES + sum(_most_bytes(rule) for rule in files)
        request.max_form_memory_size, request.max_form_parts = MAX_BYTES, MAX_FIELDS
        raw = b"" if files and request.mimetype == MULTIPART else request.get_data()
        if raw and request.mimetype != PLAIN:
            abort(415)
        # A body without a length is cut off at the limit, not refused; what is cut off must not pass for the whole.
        if len(raw) >= MAX_BYTES or raw.count(b"&") >= MAX_FIELDS:
            abort(413)
        values: dict[str, list[Any]] = {name: request.values.getlist(name) for name in request.values}
        if not _is_utf8(raw + request.query_string) or any(
            "\ufffd" in text for text in chain(values, *values.values())
        ):
            return cls(error=sentence("not_text"))
        for name in request.files:
            chosen = [Upload(file) for file in request.files.getlist(name) if file.filename]
            values[name] = [*values.get(name, []), *chosen]
        key, page, resume = (values.pop(name, [""])[-1] for name in ("_key", "_page", "_resume"))
        values = {name: found for name, found in values.items() if found}
        return cls(values, "", key[:64], page, _resume(resume))

    def texts(self, schema: type[Form]) -> dict[str, list[str]]:
        """Return what was typed, for the page to show again: no files, and nothing that is secret."""
        hidden = {name for name, rule in rules(schema).items() if rule.get("format") in ("password", "binary")}
        texts = {name: [value for value in values if isinstance(value, str)] for name, values in self.values.items()}
        return {name: values for name, values in texts.items() if values and name not in hidden}

    def digest(self) -> str:
        """Name what was sent, files included, so that the same form can be told from another."""
        parts = [(name, [v if isinstance(v, str) else v.digest() for v in self.values[name]]) for name in self.values]
        return hashlib.sha256(repr(sorted(parts)).encode()).hexdigest()


def _resume(text: str) -> Resume | None:
    try:
        return _RESUME.validate_json(text)
    except ValidationError:
        return None


def _is_utf8(encoded: bytes) -> bool:
    try:
        return bool(unquote_to_bytes(encoded).decode() or True)
    except UnicodeDecodeError:
        return False


def _is_file(rule: dict[str, Any]) -> bool:
    return "binary" in (rule.get("format"), rule.get("items", {}).get("format"))


def _most_bytes(rule: dict[str, Any]) -> int:
    items = rule.get("items", rule)
    return int(items["maxBytes"]) * int(rule.get("maxItems", 10 if "items" in rule else 1))


def has_files(schema: type[Form]) -> bool:
    """Say whether a form of this schema must be sent as multipart/form-data."""
    return any(_is_file(rule) for rule in rules(schema).values())

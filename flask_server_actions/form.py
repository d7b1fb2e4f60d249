"""Reading what a form sent: flat fields into one pydantic model. Nothing nested, nothing typed by the client."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self, get_args
from urllib.parse import parse_qsl

from flask import abort, request
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, field_validator

from flask_server_actions.result import Refused

MAX_FIELDS = 100
MAX_BYTES = 1_000_000
_SENTENCES = {
    "missing": "Please fill this in.",
    "string_too_short": "Please fill this in.",
    "string_too_long": "Please keep this to {max_length} characters.",
    "string_pattern_mismatch": "This does not have the expected form.",
    "extra_forbidden": "This form has no such field.",
    "int_parsing": "This must be a whole number.",
    "less_than_equal": "This number is too large.",
    "greater_than_equal": "This number is too small.",
    "datetime_from_date_parsing": "Please give a date and a time.",
    "datetime_parsing": "Please give a date and a time.",
    "literal_error": "Please choose one of the offered values.",
}


class Form(BaseModel):
    """The schema of an action: unknown fields are refused, strings are stripped, line ends are single newlines."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _printable(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = value.replace("\r\n", "\n").replace("\r", "\n")
        if any((ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 for c in text):
            raise ValueError("This contains characters that cannot be shown.")
        return text

    @classmethod
    def secrets(cls) -> set[str]:
        """Name the fields that are never sent back, declared as `SecretStr`."""
        return {
            name
            for name, info in cls.model_fields.items()
            if info.annotation is SecretStr or SecretStr in get_args(info.annotation)
        }

    @classmethod
    def parse(cls, fields: dict[str, str]) -> Self:
        """Return the form, or raise a 422 with one sentence per field."""
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            errors: dict[str, list[str]] = {}
            for item in error.errors(include_url=False):
                name = str(item["loc"][0]) if item["loc"] else ""
                errors.setdefault(name, []).append(_sentence(item["type"], item.get("ctx", {}), item["msg"]))
            raise Refused(422, "That could not be saved yet.", errors=errors) from None


def _sentence(kind: str, context: dict[str, Any], message: str) -> str:
    return _SENTENCES.get(kind, message.removeprefix("Value error, ")).format_map(context)


@dataclass(frozen=True)
class Held:
    """What someone had typed when it turned out that nobody was signed in any more."""

    action: str
    fields: dict[str, str]

    def to_json(self) -> str:
        """Return it as the sign-in form carries it."""
        return json.dumps([self.action, self.fields])

    @classmethod
    def from_json(cls, text: str) -> "Held | None":
        """Return what `to_json` wrote; None for anything else. It only fills a form, so it needs no seal."""
        try:
            action, fields = json.loads(text)
            "".join([action, *fields, *fields.values()]).encode()  # a lone surrogate could not be shown
            return cls(str(action), {str(name): str(value) for name, value in fields.items()})
        except (ValueError, TypeError, AttributeError, RecursionError):
            return None


@dataclass(frozen=True)
class Sent:
    """A submission as it came in: the author's fields apart from the mechanism's own, whose names begin with `_`."""

    fields: dict[str, str] = field(default_factory=dict)
    error: str = ""
    key: str = ""
    page: str = ""
    held: Held | None = None

    @classmethod
    def read(cls) -> "Sent":
        """Read the request's body; 413 above `MAX_BYTES` or `MAX_FIELDS`, 415 for anything but a plain form."""
        request.max_content_length = MAX_BYTES
        body = request.get_data()
        if body and request.mimetype != "application/x-www-form-urlencoded":
            abort(415)
        # A body without a length is cut off at the limit, not refused; what is cut off must not pass for the whole.
        if len(body) >= MAX_BYTES or body.count(b"&") >= MAX_FIELDS:
            abort(413)
        try:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            return cls(error="What was sent is not text (UTF-8).")
        fields = dict(pairs)
        own = {name: fields.pop(name) for name in ("_key", "_page", "_held") if name in fields}
        repeated = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
        error = f"The field “{repeated[0]}” was sent twice." if repeated else ""
        held = Held.from_json(own.get("_held", ""))
        return cls(fields, error, own.get("_key", "")[:64], own.get("_page", ""), held)

"""The schema of an action: what a form sends, parsed into one pydantic model. Nothing is nested."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from flask_server_actions.result import Result
from flask_server_actions.sentences import about_field, sentence


class Form(BaseModel):
    """The schema of an action: unknown fields are refused, strings are stripped, line ends are single newlines.

    A field of a list type takes several values of one name. An optional field that is no text is None when it is left
    empty, and a `bool` that was not sent is False, as browsers send a checkbox that is not checked.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Return the form. Raises Result (422) with one sentence per error. A value is a string, a file, or a list."""
        unchecked = {name: False for name, rule in rules(cls).items() if rule.get("type") == "boolean"}
        try:
            return cls.model_validate(unchecked | dict(values))
        except ValidationError as error:
            errors: dict[str, list[str]] = {}
            for item in error.errors(include_url=False, include_input=False):
                text = about_field(item["type"], item.get("ctx", {}), item["msg"])
                errors.setdefault(str((*item["loc"], "")[0]), []).append(text)
            raise Result(sentence("invalid"), 422, errors=errors) from None

    @field_validator("*", mode="before")
    @classmethod
    def _by_rule(cls, value: Any, info: ValidationInfo) -> Any:
        rule = rules(cls)[str(info.field_name)]
        found = value if isinstance(value, list) else [value]
        found = [_printable(item) if isinstance(item, str) else item for item in found]
        if rule.get("type") == "array":
            return found
        if len(found) > 1:
            raise PydanticCustomError("sent_twice", "sent twice", {"field": info.field_name})
        return None if found == [""] and rule["blank_is_none"] else found[0]


def _printable(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if any((ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 or c == "\ufffd" for c in text):
        raise PydanticCustomError("not_printable", "characters that cannot be shown")
    return text


@cache
def rules(schema: type[Form]) -> dict[str, dict[str, Any]]:
    """Return what is asked of each field, made once: JSON Schema's words, flat, and three of ours.

    These are `required`, `blank_is_none`, and `max_bytes` of all files together that the field may send.
    """
    whole = schema.model_json_schema()
    fields, required = whole["properties"], whole.get("required", [])
    return {name: _flat(rule, whole) | {"required": name in required} for name, rule in fields.items()}


def _flat(rule: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """Return the rule with its references followed, and the first branch that is not null taken in."""
    branches = rule.get("anyOf", [])
    flat = next((branch for branch in branches if branch != {"type": "null"}), {}) | rule
    flat = whole["$defs"][flat["$ref"].rpartition("/")[2]] | flat if "$ref" in flat else flat
    is_text = flat.get("type") == "string" and not flat.keys() & {"format", "enum"}
    own = {"blank_is_none": {"type": "null"} in branches and not is_text, "max_bytes": flat.get("maxBytes", 0)}
    if "items" in flat:
        own["items"] = _flat(flat["items"], whole)
        own["max_bytes"] = own["items"]["max_bytes"] * flat.get("maxItems", 10)
    return flat | own

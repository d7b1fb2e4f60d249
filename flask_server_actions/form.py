"""The schema of an action: what a form sends, parsed into one pydantic model. Nothing is nested."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from flask_server_actions.result import Result
from flask_server_actions.sentences import about_field, sentence

__all__ = ["Form"]


class Form(BaseModel):
    """The schema of an action: unknown fields are refused, strings are stripped, line ends are single newlines.

    A field of a list type takes several values of one name. An optional field that is no text is None when it is left
    empty, and a `bool` that was not sent is False, as browsers send a checkbox that is not checked.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _printable(cls, value: Any) -> Any:
        if isinstance(value, list):
            return [cls._printable(item) for item in value]
        text = value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else ""
        if any((ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160 for c in text):
            raise PydanticCustomError("not_printable", "characters that cannot be shown")
        return text if isinstance(value, str) else value

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Return the form. Raises Result (422) with one sentence per error. A value is a string, a file, or a list."""
        errors: dict[str, list[str]] = {}
        try:
            form = cls.model_validate(_by_rules(rules(cls), values, errors))
        except ValidationError as error:
            for item in error.errors(include_url=False, include_input=False):
                text = about_field(item["type"], item.get("ctx", {}), item["msg"])
                errors.setdefault(str((*item["loc"], "")[0]), []).append(text)
        if errors:
            raise Result(sentence("invalid"), 422, errors=errors)
        return form


def _by_rules(known: dict[str, Any], values: Mapping[str, Any], errors: dict[str, list[str]]) -> dict[str, Any]:
    given: dict[str, Any] = {name: False for name, rule in known.items() if rule.get("type") == "boolean"}
    for name, value in values.items():
        rule, found = known.get(name, {}), value if isinstance(value, list) else [value]
        is_list = rule.get("type") == "array"
        if len(found) > 1 and not is_list:
            errors[name] = [sentence("sent_twice", field=name)]
        given[name] = found if is_list else None if found[0] == "" and rule.get("blank_is_none") else found[0]
    return given


@cache
def rules(schema: type[Form]) -> dict[str, dict[str, Any]]:
    """Return what is asked of each field, made once: JSON Schema's words, flat, with `required` and `blank_is_none`."""
    whole = schema.model_json_schema()
    found = {name: _flat(rule, whole.get("$defs", {})) for name, rule in whole["properties"].items()}
    for name, rule in found.items():
        is_text = rule.get("type") == "string" and not rule.keys() & {"format", "enum"}
        rule |= {"required": name in whole.get("required", []), "blank_is_none": rule["nullable"] and not is_text}
    return found


def _flat(rule: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the rule with its references followed, and the first branch that is not null taken in."""
    branches = rule.get("anyOf", [])
    kinds = [branch for branch in branches if branch.get("type") != "null"]
    flat = (kinds[0] if kinds else {}) | rule
    flat = definitions[flat["$ref"].rpartition("/")[2]] | flat if "$ref" in flat else flat
    items = {"items": _flat(flat["items"], definitions)} if "items" in flat else {}
    return flat | items | {"nullable": len(kinds) < len(branches)}

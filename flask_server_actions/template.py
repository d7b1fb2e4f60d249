"""The template's side: `<form {{ action("posts.create_post") }}>`, and the fields of that form."""

import sys
from collections.abc import Collection
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlencode

from flask import get_template_attribute, request
from jinja2 import TemplateRuntimeError
from markupsafe import Markup

from flask_server_actions.declare import Action, declared
from flask_server_actions.form import rules
from flask_server_actions.idempotency import new_key
from flask_server_actions.page import last_result
from flask_server_actions.result import Result
from flask_server_actions.sentences import sentence, state
from flask_server_actions.submission import MULTIPART

__all__ = ["BadTemplate"]
MACROS = "server_actions/form.html"  # a template of this name in the application's own folder takes its place


class BadTemplate(TemplateRuntimeError):
    """A template asks for what is not there; the message names its file and line, and what there is."""


class BoundForm:
    """An action with the arguments that a template bound to it. Printed inside a tag, it makes the tag a form.

    It prints attributes and nothing else. What is bound, the page and the one-time key travel in the address.
    """

    def __init__(self, name: str, id_: str, also: Collection[str], bound: dict[str, Any]) -> None:
        self.action, self._names = _action(name), {name, *also}
        self.bound = {field: str(value) for field, value in bound.items() if value is not None}
        for field in self.bound:
            self._rule(field)
        self.id = "-".join([id_ or name.replace(".", "-"), *self.bound.values()])
        self._query = ""

    @property
    def result(self) -> Result:
        """What the page says of this very form, not of the same action on another row; empty where it says nothing."""
        result = last_result()
        same = all(result.fields.get(field) == [value] for field, value in self.bound.items())
        return result if result.action in self._names and same else Result()

    def __html__(self) -> str:
        kind = MULTIPART if any(rule["max_bytes"] for rule in rules(self.action.schema).values()) else ""
        return str(_macro("form")(self, self._address(self.action.name), kind, state.htmx))

    def button(self, name: str) -> Markup:
        """Return the attributes of a button that sends the form to another action, with script and without."""
        return Markup(_macro("button")(self._address(_action(name).name), state.htmx))  # noqa: S704

    def _address(self, name: str) -> str:
        if not self._query:
            # A copy for everyone carries neither: there the Referer names the page, and a key is not one-time.
            own = {} if state.is_shared() else {"_page": request.full_path.rstrip("?"), "_key": new_key()}
            self._query = urlencode(self.bound | own)
        return f"{request.script_root}/_actions/{name}{'?' if self._query else ''}{self._query}"

    def value(self, field: str, default: Any = "") -> Any:
        """Return what was typed into the field, a list where it takes several values; or what stands there at first."""
        many = self._rule(field).get("type") == "array"
        if not self.result.fields:
            return default
        typed = self.result.fields.get(field, [])
        return typed if many else next(iter(typed), "")

    def field(self, name: str, value: Any = "", **options: Any) -> Markup:
        """Return label, control, hint and error of a field, from the schema.

        `value` stands there at first. `label`, `hint`, `type`, `rows` and `options` (pairs of value and text) say it
        otherwise than the schema; everything else is an attribute of the control, such as `autocomplete`.
        """
        return Markup(_macro("field")(self, name, self._rule(name), self.value(name, value), options))  # noqa: S704

    @property
    def summary(self) -> Markup:
        """The errors of all fields, each a link to its field; empty where there is none."""
        return Markup(_macro("summary")(self, rules(self.action.schema), sentence("summary")))  # noqa: S704

    def _rule(self, field: str) -> dict[str, Any]:
        known = rules(self.action.schema)
        if field not in known:
            what = f"the schema {self.action.schema.__name__} of {self.action.name} has no field {field!r}"
            raise BadTemplate(_nearest(what, field, known))
        return known[field]


def _macro(name: str) -> Any:
    return get_template_attribute(MACROS, name)


def bind(name: str, /, *, _id: str = "", _also: Collection[str] = (), **bound: Any) -> BoundForm:
    """Return the action as a form; the template function `action`. A bound None counts as not bound.

    With an `_id` that does not follow its action, a form whose action changes when it is pressed stays the same form in
    the morph, and keeps the focus. `_also` names the actions that buttons of the form send it to: their answers are
    about it as well.
    """
    return BoundForm(name, _id, _also, bound)


def _action(name: str) -> Action:
    actions: dict[str, Action] = state.actions
    if name in actions:
        return actions[name]
    if name in declared:
        found = f"{name!r} is declared in {declared[name].place}, but its module is not given to ServerActions"
        raise BadTemplate(f"{_line()}: {found}. Add it to actions=[…].")
    raise BadTemplate(_nearest(f"there is no action {name!r}", name, actions))


def _nearest(what: str, name: str, known: Any) -> str:
    near = get_close_matches(name, known, 3) or sorted(known)[:9]
    return f"{_line()}: {what}. There {'is' if len(near) == 1 else 'are'}: {', '.join(near) or 'none at all'}."


def _line() -> str:
    """Return file and line of the template that is being rendered."""
    frame = sys._getframe()
    while frame.f_back:
        frame = frame.f_back
        if template := frame.f_globals.get("__jinja_template__"):
            return f"{template.filename or template.name}:{template.get_corresponding_lineno(frame.f_lineno)}"
    return "a template"

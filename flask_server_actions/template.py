"""The template's side: `<form {{ action("posts.create_post") }}>`, and the fields of that form."""

import re
import sys
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from traceback import walk_stack
from typing import Any, cast
from urllib.parse import quote_plus, urlencode
from uuid import uuid4

from flask import get_template_attribute, request
from jinja2 import TemplateRuntimeError
from markupsafe import Markup, escape

from flask_server_actions.declare import Action, declared
from flask_server_actions.form import rules
from flask_server_actions.page import last_result
from flask_server_actions.result import Result
from flask_server_actions.sentences import sentence, state

# In a form's address, where a page of its own has page and key. Text may look like one, but has no bare `>` behind it.
_SHARED = re.compile(r'((?:action|hx-post)="[^"<>]*)_shared=1(?="[^<>]*>)')


class BadTemplate(TemplateRuntimeError):
    """A template asks for what is not there; the message names its file and line, and what there is."""


class BoundForm:
    """An action with the arguments that a template bound to it. Printed inside a tag, it makes the tag a form.

    It prints attributes and nothing else. What is bound, the page and the one-time key travel in the address. This is
    the template function `action`; a bound None counts as not bound. With an `_id` that does not follow its action, a
    form whose action changes when it is pressed stays the same form in the morph, and keeps the focus. `_also` names
    the actions that buttons of the form send it to: their answers are about it as well.
    """

    def __init__(self, name: str, /, *, _id: str = "", _also: Collection[str] = (), **bound: Any) -> None:
        self.action, self._names = _action(name), {name, *_also}
        self.bound = {field: str(value) for field, value in bound.items() if value is not None and self._rule(field)}
        self.id = "-".join([_id or name.replace(".", "-"), *self.bound.values()])

    @property
    def result(self) -> Result:
        """What the page says of this very form, not of the same action on another row; empty where it says nothing."""
        result = last_result()
        same = all(result.fields.get(field) == [value] for field, value in self.bound.items())
        return result if result.action in self._names and same else Result()

    def __html__(self) -> str:
        return _macro("form", self, self._address(self.action), rules(self.action.schema), state.htmx)

    def button(self, name: str) -> Markup:
        """Return the attributes of a button that sends the form to another action, with script and without."""
        return _macro("button", self._address(other := _action(name)), rules(other.schema), state.htmx)

    def _address(self, action: Action) -> str:
        return f"{request.script_root}/_actions/{action.name}?{urlencode(self.bound)}&{own_query()}".replace("?&", "?")

    def value(self, field: str, default: Any = "") -> Any:
        """Return what was typed into the field, a list where it takes several values; or what stands there at first."""
        rule, typed = self._rule(field), self.result.fields
        found = typed.get(field, []) if rule.get("type") == "array" else (typed.get(field) or [""])[0]
        return found if typed else default

    def field(self, name: str, value: Any = "", **options: Any) -> Markup:
        """Return label, control, hint and error of a field, from the schema.

        `value` stands there at first. `label`, `hint`, `type`, `rows` and `options` (pairs of value and text) say it
        otherwise than the schema; everything else is an attribute of the control, such as `autocomplete`.
        """
        return _macro("field", self, name, self._rule(name), self.value(name, value), options)

    @property
    def summary(self) -> Markup:
        """The errors of all fields, each a link to its field; empty where there is none."""
        return _macro("summary", self, rules(self.action.schema), sentence("summary"))

    def _rule(self, field: str) -> Any:
        missing = f"the schema {self.action.schema.__name__} of {self.action.name} has no field"
        return _find(field, rules(self.action.schema), missing)


def own_query() -> str:
    """Return what makes a form this page's own: the page, and a one-time key. A copy for everyone has neither."""
    return "_shared=1" if state.is_shared() else f"_page={quote_plus(request.full_path.rstrip('?'))}&_key={uuid4()}"


def own_forms(fragment: str) -> Markup:
    """Return a cached fragment with its forms made this page's own, as if they had been printed here and now.

    Their keys are one random word, with the place of each.
    """
    own = escape(own_query())
    return Markup(_SHARED.sub(lambda found: f"{found[1]}{own}-{found.start()}", str(fragment)))  # noqa: S704


def _action(name: str) -> Action:
    if name in declared and name not in state.actions:
        found = f"{name!r} is declared in {declared[name]}, but its module is not given to ServerActions"
        raise BadTemplate(f"{_line()}: {found}. Add it to modules=[…].")
    return cast(Action, _find(name, state.actions, "there is no action"))


def _find(name: str, known: Mapping[str, Any], missing: str) -> Any:
    if name in known:
        return known[name]
    near = get_close_matches(name, known, 3) or sorted(known)[:9]
    raise BadTemplate(f"{_line()}: {missing} {name!r}. Known: {', '.join(near) or 'none at all'}.")


def _line() -> str:
    """Return file and line of the template that is being rendered."""
    for frame, line in walk_stack(sys._getframe()):
        if template := frame.f_globals.get("__jinja_template__"):
            return f"{template.filename or template.name}:{template.get_corresponding_lineno(line)}"
    return "a template"


def _macro(name: str, *values: Any) -> Markup:
    # A template of this name in the application's own folder takes its place.
    return Markup(get_template_attribute("server_actions/form.html", name)(*values))  # noqa: S704

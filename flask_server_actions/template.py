"""The template's side: `<form {{ action("posts.create_post") }}>`, and what a field needs to know about itself."""

from typing import Any

from flask import current_app, request
from markupsafe import Markup

from flask_revalidation import is_shared
from flask_server_actions.idempotency import new_key
from flask_server_actions.page import PageState, page_state


class BoundForm:
    """An action with the arguments that a template bound to it. Printed inside a tag, it makes the tag a form.

    It prints the attributes and then the hidden fields, the last one without its closing `>`, which the template's own
    closes: so it must stand last in the tag. Bound arguments are form fields like any other when they come back.
    """

    def __init__(self, name: str, bound: dict[str, Any]) -> None:
        self.action = current_app.extensions["server_actions"].actions[name]
        self.bound = {field: str(value) for field, value in bound.items()}
        self.id = "-".join([name.replace(".", "-"), *self.bound.values()])
        self.labels: dict[str, str] = {}
        self.others: tuple[str, ...] = ()
        self.state = self._own()

    def _own(self) -> PageState:
        """Return the page's state if it is about this form, not about the same action on another row."""
        state = PageState() if is_shared() else page_state()
        same = all(state.fields.get(field) == value for field, value in self.bound.items())
        return state if state.action in (self.action.name, *self.others) and same else PageState()

    def also(self, *names: str) -> "BoundForm":
        """Let buttons of its own send the form to other actions too; their answers are about it as well."""
        self.others = names
        self.state = self._own()
        return self

    def button(self, name: str) -> Markup:
        """Return the attributes of a button that sends the form to another action, with script and without."""
        address = f"/_actions/{name}"
        return _attributes({"formaction": address, "formnovalidate": "", **_htmx(address)})

    def with_id(self, name: str) -> "BoundForm":
        """Give the form an id that does not follow its action.

        One whose action changes when it is pressed then stays the same form in the morph, and keeps the focus.
        """
        self.id = "-".join([name, *self.bound.values()])
        return self

    def __html__(self) -> str:
        address = f"/_actions/{self.action.name}"
        attributes = {"id": self.id, "method": "post", "action": address, **_htmx(address)}
        hidden = dict(self.bound)
        if not is_shared():
            # A copy for everyone carries neither: there the Referer names the page, and a key would not be one-time.
            hidden |= {"_page": request.full_path.rstrip("?"), "_key": new_key()}
        inputs = (Markup('><input type="hidden" name="{}" value="{}"').format(*pair) for pair in hidden.items())
        return _attributes(attributes) + Markup("").join(inputs)

    def value(self, field: str, default: Any = "") -> Any:
        """Return what was typed into the field, or the default."""
        return self.state.fields.get(field, default)

    def label(self, field: str, text: str) -> str:
        """Return the label of a field, and remember it for the summary of errors."""
        self.labels[field] = text
        return text

    @property
    def errors(self) -> dict[str, list[str]]:
        """Sentences by field, for a form that was refused."""
        return self.state.errors

    def limits(self, field: str) -> dict[str, Any]:
        """Return what the schema asks of a field, as HTML attributes: `required`, `maxlength`."""
        schema = self.action.schema.model_json_schema()
        rules = schema["properties"][field]
        required = {"required": ""} if field in schema.get("required", []) else {}
        return required | ({"maxlength": rules["maxLength"]} if "maxLength" in rules else {})


def _htmx(address: str) -> dict[str, str]:
    return {"hx-post": address, "hx-target": "body", "hx-swap": "innerMorph", "hx-sync": "drop"}


def _attributes(attributes: dict[str, str]) -> Markup:
    return Markup(" ").join(Markup('{}="{}"').format(*pair) for pair in attributes.items())


def bind(name: str, **bound: Any) -> BoundForm:
    """Return the action as a form; the template function `action`."""
    return BoundForm(name, bound)

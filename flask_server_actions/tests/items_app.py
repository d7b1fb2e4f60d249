"""A small application without freshness and without our publication: items with a name, shown on one page."""

import re
from types import ModuleType
from typing import Any

from flask import Flask, render_template_string, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from flask_server_actions import Action, Form, ServerActions, action, anyone, success

ORIGIN = "http://localhost"
PAGE = """
<p id="notice">{{ last_result().message }}</p>{% set form = action(name) %}
<form {{ form }}>
{{ form.summary }}{% for field in fields %}{{ form.field(field) }}{% endfor %}<button>Go</button></form>
{% for item in items %}[{{ item.name }}]{% endfor %}"""


def make(*modules: ModuleType | Action, page: str = PAGE, name: str = "", **options: Any) -> Flask:
    """Return an application that serves `modules`; its page shows a form of the first action, with every field."""

    class Base(DeclarativeBase):
        pass

    class Item(Base):
        __tablename__ = "item"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(String(80))

    app, db = Flask("items"), SQLAlchemy(model_class=Base)
    app.config.update(SECRET_KEY="k", SQLALCHEMY_DATABASE_URI="sqlite://", TESTING=True)
    db.init_app(app)
    first = modules[0]

    @app.get("/")
    def index() -> str:
        fields = list(first.schema.model_fields) if isinstance(first, Action) else []
        shown = name or (first.name if isinstance(first, Action) else "")
        items = db.session.scalars(select(Item).order_by(Item.id))
        return render_template_string(page, name=shown, fields=fields, items=items, request=request)

    ServerActions(app, db, modules=modules, **options)
    app.extensions["items"] = (db, Item)
    with app.app_context():
        db.create_all()
    return app


def add(app: Flask, name: str) -> None:
    """Add an item to the running session, as an action does."""
    db, item = app.extensions["items"]
    db.session.add(item(name=name))


def names(app: Flask) -> list[str]:
    """Return the names of all items that were committed."""
    return re.findall(r"\[([^]]*)\]", app.test_client().get("/").text)


def send(app: Flask, name: str, data: Any = None, *, htmx: bool = False, headers: Any = (), **options: Any) -> Any:
    """Send a form as a browser does, from the front page."""
    browser = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", "Referer": f"{ORIGIN}/", **dict(headers)}
    browser |= {"HX-Request": "true"} if htmx else {}
    client = options.pop("client", app.test_client())
    return client.post(f"/_actions/{name}", data=data, headers=browser, **options)


def echo(schema: type[Form], seen: list[Any]) -> Action:
    """Return an open action that writes down what its form was parsed to."""

    def keep(form: Form, user: None):  # type: ignore[no-untyped-def]
        seen.append(form)
        return success("Kept.")

    keep.__annotations__["form"] = schema
    return action(allow=anyone("a test"))(keep)

"""Plugging the hallway into a Flask application."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import quote

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_sqlalchemy import SQLAlchemy

from flask_server_actions.declare import Action, collect
from flask_server_actions.dispatch import run
from flask_server_actions.idempotency import add_table
from flask_server_actions.page import outcome, page_state
from flask_server_actions.template import bind


@dataclass(frozen=True)
class Hallway:
    """One application's hallway; found under `app.extensions["server_actions"]`."""

    db: SQLAlchemy
    actions: dict[str, Action]
    load_user: Callable[[], Any]
    own_origins: Callable[[], frozenset[str]]
    sign_in_path: str
    pages: frozenset[str] | None

    def sign_in_page(self, back_to: str) -> str:
        """Return the address of the sign-in page that leads back."""
        return f"{self.sign_in_path}?next={quote(back_to)}"

    def is_page(self, endpoint: str) -> bool:
        """Say whether an endpoint shows a page, which a form can have been on; by blueprint."""
        return endpoint != "static" and (self.pages is None or endpoint.partition(".")[0] in self.pages)


def init_app(
    app: Flask,
    db: SQLAlchemy,
    *,
    modules: Iterable[ModuleType],
    load_user: Callable[[], Any],
    own_origins: Callable[[], frozenset[str]],
    sign_in: str = "/sign-in",
    pages: Iterable[str] | None = None,
) -> None:
    """Open the hallway: every action found in `modules`, at `POST /_actions/<module>.<name>`.

    `load_user` reads the caller; it runs inside each action's transaction. `own_origins` are this site's, as
    `scheme://host[:port]`. `pages` names the blueprints whose GET routes are pages; without it, all are.
    """
    add_table(db.metadata)
    known = frozenset(pages) if pages is not None else None
    app.extensions["server_actions"] = Hallway(db, collect(modules), load_user, own_origins, sign_in, known)
    app.add_url_rule("/_actions/<name>", "server_actions", run, methods=["POST"], provide_automatic_options=False)
    app.jinja_env.globals.update(action=bind, page_state=page_state, outcome=outcome)
    app.cli.add_command(list_actions)


@click.command("actions")
@with_appcontext
def list_actions() -> None:
    """List every action: address, schema, policy, what it revalidates, where it is."""
    for name, item in sorted(current_app.extensions["server_actions"].actions.items()):
        click.echo(f"POST /_actions/{name}    {item.place}")
        click.echo(f"    schema       {item.schema.__name__}({', '.join(item.schema.model_fields)})")
        click.echo(f"    policy       {item.allow.__name__}")
        click.echo(f"    revalidates  {', '.join(revalidations(item)) or 'nothing'}")


def revalidations(item: Action) -> list[str]:
    """Return the `revalidate_…` calls in an action's source."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(item.function)))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    return [ast.unparse(call) for call in calls if call.func.id.startswith("revalidate_")]  # type: ignore[attr-defined]

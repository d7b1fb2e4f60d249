"""`flask actions`: every action with its address, schema, policy, what it revalidates, and where it is."""

import ast
import inspect
import textwrap

import click
from flask import current_app
from flask.cli import with_appcontext

from flask_server_actions import Action
from flask_server_actions.declare import place


@click.command("actions")
@with_appcontext
def list_actions() -> None:
    """List every action: address, schema, policy, what it revalidates, where it is."""
    for name, item in sorted(current_app.extensions["server_actions"].actions.items()):
        click.echo(f"POST /_actions/{name}    {place(item.function)}")
        click.echo(f"    schema       {item.schema.__name__}({', '.join(item.schema.model_fields)})")
        click.echo(f"    policy       {item.allow.__name__}")
        click.echo(f"    revalidates  {', '.join(_revalidations(item)) or 'nothing'}")


def _revalidations(item: Action) -> list[str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(item.function)))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    return [ast.unparse(call) for call in calls if call.func.id.startswith("revalidate_")]  # type: ignore[attr-defined]

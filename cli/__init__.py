"""What the operator types: `flask check`, `prepare`, `users …`, `posts …`, `keys …`, `cron …`, `backup`, `sweep` …"""

import inspect
import os
import re

import click
from filelock import FileLock
from flask import Flask, current_app
from flask.cli import AppGroup

from api.cron import run_due
from cli.accounts import keys, users
from data_dir import problems_of as problems_of_folder
from demo.commands import settle, stripe
from demo.marker import problems_of as problems_of_database
from flask_revalidation import retried, revalidate_everything, revalidate_tag, write
from flask_server_actions import sweep_form_keys
from flask_server_actions.declare import place
from models import Delivery, IdempotencyKey, Picture, Post, UserSession, db
from settings import BadSettings, Settings

posts = AppGroup("posts", help="What is written.")
cron = AppGroup("cron", help="What a scheduler calls.")


def register(app: Flask) -> None:
    """Add the commands to `app`. Those of migrations take 9 MB, which the workers of gunicorn do without."""
    if "SERVER_SOFTWARE" not in os.environ:  # gunicorn sets it
        from flask_migrate import Migrate

        Migrate(app, db, render_as_batch=True)
    for command in (check, prepare, sweep, backup, actions):
        app.cli.command()(command)
    for group in (users, keys, posts, cron, stripe):
        app.cli.add_command(group)


def require_fit(env: Settings, *, starting: bool = False) -> None:
    """Raise BadSettings with a sentence for all that stops the start, in environment, folder and database."""
    if found := [*env.problems(), *problems_of_folder(env.data_dir), *problems_of_database(env, starting=starting)]:
        raise BadSettings(found)


def check() -> None:
    """Print all that a start in production would refuse here, without one. Exit code 1 where there is any."""
    require_fit(Settings.from_environment({**os.environ, "DEMO": "0"}))
    click.echo("Nothing stops a start in production.")


@retried
def prepare() -> None:
    """Bring the database up to date, and in demo mode fill it; harmless when repeated, or run twice at once."""
    with FileLock(current_app.config["DATA_DIR"] / "prepare.lock", mode=0o600, fallback_to_soft=False):
        from flask_migrate import upgrade

        upgrade()
        with write(by="prepare", patience=60):  # another machine may be filling the database
            if settle(demo=current_app.config["DEMO"]):
                revalidate_everything()


@retried
def sweep() -> None:
    """Forget what nobody needs any more: sessions, keys, kept answers, counters, old events, trash, unused pictures."""
    removed = 1
    while removed:  # in many short writes, so that nobody waits for long
        with write(by="sweep") as session:
            posts, deliveries, others = Post.sweep(), Delivery.sweep(), Picture.sweep() + UserSession.sweep()
            removed = posts + deliveries + others + IdempotencyKey.sweep() + sweep_form_keys(session)
            if deliveries:
                revalidate_tag("deliveries")
            if posts:
                revalidate_everything()
    current_app.extensions["rate_limiter"].sweep()


@click.argument("file", type=click.Path(resolve_path=True))
def backup(file: str) -> None:
    """Copy the database into a new FILE, while the site runs, as `bin/backup` does; that brings it back as well."""
    os.execv(program := f"{current_app.root_path}/bin/backup", [program, file])  # noqa: S606  (no shell)


@posts.command("render")
def render_posts() -> None:
    """Make the pages of all posts from their texts again: once, after an upgrade whose changelog asks for it."""
    with write(by="posts render"):
        changed = Post.render_again()
        revalidate_everything()
    click.echo(f"{changed} posts look different now.")


@cron.command("publish-due")
def publish_due() -> None:
    """Publish what is scheduled for now or earlier, and finish what the webhooks have left."""
    done = run_due()
    click.echo(f"published {len(done['published'])}" + "".join(f"\n  {post['title']}" for post in done["published"]))
    click.echo(f"finished {done['finished']} deliveries")


def actions() -> None:
    """List every action: address, schema, policy, what it revalidates, where it is."""
    for name, item in sorted(current_app.extensions["server_actions"].actions.items()):
        calls = re.findall(r"\brevalidate_\w+\(.*\)", inspect.getsource(item.function))
        click.echo(f"POST /_actions/{name}    {place(item.function)}")
        click.echo(f"    schema       {item.schema.__name__}({', '.join(item.schema.model_fields)})")
        click.echo(f"    policy       {item.allow.__name__}")
        click.echo(f"    revalidates  {', '.join(calls) or 'nothing'}")

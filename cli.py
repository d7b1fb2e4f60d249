"""What the operator types: `flask prepare`, `flask users …`, `posts …`, `keys …`, `cron …`, `stripe …`, `sweep`."""

import fcntl
import inspect
import os
import re
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

from actions.accounts import Credentials
from api.cron import run_due
from demo.commands import stripe
from flask_revalidation import retried, revalidate_everything, revalidate_tag, write
from flask_server_actions import Action, Result, sweep_form_keys
from flask_server_actions.declare import place
from models import ApiKey, Delivery, IdempotencyKey, NotFound, Post, Role, Scope, User, UserSession, db

users = AppGroup("users", help="Accounts.")
keys = AppGroup("keys", help="Keys to the public door.")
posts = AppGroup("posts", help="What is written.")
cron = AppGroup("cron", help="What a scheduler calls.")


def register(app: Flask) -> None:
    """Add the commands to `app`. Those of migrations take 9 MB, which the workers of gunicorn do without."""
    if "SERVER_SOFTWARE" not in os.environ:  # gunicorn sets it
        from flask_migrate import Migrate

        Migrate(app, db, render_as_batch=True)
    app.cli.command()(sweep)
    for command in (list_actions, prepare, users, keys, posts, cron, stripe):
        app.cli.add_command(command)


@click.command()
@with_appcontext
@retried
def prepare() -> None:
    """Bring the database up to date, and in demo mode fill it; harmless when repeated, or run twice at once."""
    with Path(current_app.config["DATA_DIR"], "prepare.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        from flask_migrate import upgrade

        upgrade()
        from demo.seed import PARTNER_KEY, PASSWORD, PEOPLE, has_public_passwords, seed

        if not current_app.config["DEMO"]:
            if has_public_passwords():
                raise click.ClickException("This database is a demo's: its passwords are public. Start with another.")
            return
        with write(by="prepare"):
            if seed():
                revalidate_everything()
                click.echo("The demo is filled: 24 posts, 186 members.")
        for name, role, _ in PEOPLE:
            click.echo(f"  {name.lower()}@hallway.example  {role:7}  password: {PASSWORD}")
        click.echo(f"  a partner's API key: {PARTNER_KEY}")


@retried
def sweep() -> None:
    """Forget what nobody needs any more: sessions, keys, kept answers, counters, old events, trash, unused tags."""
    removed = 1
    while removed:  # in many short writes, so that nobody waits for long
        with write(by="sweep") as session:
            posts, deliveries = Post.sweep(), Delivery.sweep()
            removed = posts + deliveries + UserSession.sweep() + IdempotencyKey.sweep() + sweep_form_keys(session)
            if deliveries:
                revalidate_tag("deliveries")
            if posts:
                revalidate_everything()
    current_app.extensions["rate_limiter"].sweep()


@users.command("create")
@click.option("--name", required=True)
@click.option("--email", required=True)
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.password_option()
def create_user(name: str, email: str, role: str, password: str) -> None:
    """Add an account; the password is asked for."""
    try:
        form = Credentials.parse({"email": email, "password": password})
    except Result as refusal:
        raise click.BadParameter(str(refusal.errors)) from None
    if len(password) < 12 or form.password.get_secret_value() != password:
        raise click.BadParameter("a password has 12 to 200 characters, and no spaces around it")
    if not name.strip():
        raise click.BadParameter("a name has at least one letter")
    with write(by="users create"):
        if User.has_account(form.email):
            raise click.BadParameter("an account with this address is there already")
        User.create(name=name.strip(), email=form.email, role=Role(role), password=password)
    click.echo(f"{name} can sign in as {email.lower()}.")


@users.command("disable")
@click.argument("email")
def disable_user(email: str) -> None:
    """Close an account; its sessions end at once, everywhere."""
    with write(by="users disable"):
        user = User.by_email(email)
        if user is None:
            raise click.BadParameter("no account with this address is open")
        user.disable()
        UserSession.end_all_of(user)
        revalidate_everything()  # a name stands under posts and comments; this is rare enough not to list them
    click.echo(f"{email} is disabled.")


@keys.command("create")
@click.option("--name", required=True)
@click.option("--scope", "scopes", type=click.Choice([scope.value for scope in Scope]), multiple=True, required=True)
@click.option("--user", "email", help="Whom it acts for, by address; the owner, if nobody is named.")
def create_key(name: str, scopes: tuple[str, ...], email: str | None) -> None:
    """Cut an API key, and print it this once."""
    if not 1 <= len(name.strip()) <= 80:
        raise click.BadParameter("a name has 1 to 80 characters")
    with write(by="keys create"):
        user = User.by_email(email) if email else _owner()
        if user is None or not user.is_writer:
            raise click.BadParameter("no owner, editor or author has this address")
        _, text = ApiKey.issue(user, name.strip(), [Scope(scope) for scope in scopes])
        revalidate_tag("api-keys")
    click.echo(text)


def _owner() -> User:
    try:
        return User.owner()
    except NotFound:
        raise click.UsageError("There is no owner yet; add one with `flask users create`.") from None


@keys.command("revoke")
@click.argument("key_id", metavar="ID")
def revoke_key(key_id: str) -> None:
    """Let a key open nothing any more. ID is what stands between the underscores of `hd_ID_…`."""
    with write(by="keys revoke"):
        key = ApiKey.named(key_id)
        if key is None:
            raise click.BadParameter("there is no such key")
        key.revoke()
        name = key.name
        revalidate_tag("api-keys")
    click.echo(f"“{name}” is revoked.")


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
    return re.findall(r"revalidate_\w+\(.*\)", inspect.getsource(item.function))

"""What the operator types: `flask prepare`, `flask users …`, `flask cron …`, `flask sweep`."""

import fcntl
from pathlib import Path

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from flask_migrate import upgrade

from actions.accounts import Credentials
from models import Post, Role, Throttle, User, UserSession, db
from revalidation import revalidate_everything, revalidate_tag, write
from server_actions import Refused, sweep_form_keys
from settings import Settings

users = AppGroup("users", help="Accounts.")
cron = AppGroup("cron", help="What a scheduler calls.")


def register(app: Flask) -> None:
    """Add the commands to `app`."""
    app.cli.add_command(prepare)
    app.cli.add_command(sweep)
    app.cli.add_command(users)
    app.cli.add_command(cron)


@click.command()
@with_appcontext
def prepare() -> None:
    """Bring the database up to date, and in demo mode fill it; harmless when repeated, or run twice at once."""
    directory = Settings.from_environment().data_dir
    with Path(directory, "prepare.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        upgrade()
        if not current_app.config["DEMO"]:
            return
        from demo.seed import PASSWORD, PEOPLE, seed

        with write(by="prepare"):
            if seed():
                revalidate_everything()
                click.echo("The demo is filled: 24 posts, 186 members.")
        for name, role, _ in PEOPLE:
            click.echo(f"  {name.lower()}@hallway.example  {role:7}  password: {PASSWORD}")


@click.command()
@with_appcontext
def sweep() -> None:
    """Forget what nobody needs any more: ended sessions, used form keys, old counters, tags of deleted posts."""
    with write(by="sweep") as session:
        UserSession.sweep()
        Throttle.sweep()
        sweep_form_keys(session)
        revalidate_everything()


@users.command("create")
@click.option("--name", required=True)
@click.option("--email", required=True)
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.password_option()
def create_user(name: str, email: str, role: str, password: str) -> None:
    """Add an account; the password is asked for."""
    try:
        form = Credentials.parse({"email": email, "password": password})
    except Refused as refusal:
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


@cron.command("publish-due")
def publish_due() -> None:
    """Publish what is scheduled for now or earlier."""
    with write(by="cron publish-due"):
        due = Post.publish_due()
        for post in due:
            revalidate_tag(*post.cache_tags)
        titles = [post.title for post in due]
    click.echo(f"published {len(titles)}" + "".join(f"\n  {title}" for title in titles))
    db.session.rollback()

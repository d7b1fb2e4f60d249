"""Who may come in: `flask users …` and `flask keys …`. Each command is one write."""

from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import click
from flask.cli import AppGroup
from pydantic import Field, TypeAdapter, ValidationError

from flask_revalidation import retried, revalidate_everything, revalidate_tag, write
from models import ApiKey, NotFound, Role, Scope, User, UserSession
from web.fields import Email, Name

users = AppGroup("users", help="Accounts.")
keys = AppGroup("keys", help="Keys to the public door.")
Password = Annotated[str, Field(min_length=12, max_length=200, pattern=r"^\S(.*\S)?$")]


def _typed(kind: Any) -> Callable[[str], Any]:
    def text(given: str) -> Any:  # click calls a type by the name of its function
        try:
            return TypeAdapter(kind).validate_python(given)
        except ValidationError as error:
            raise click.BadParameter(error.errors()[0]["msg"]) from None

    return text


@users.command("create")
@click.option("--name", required=True, type=_typed(Name))
@click.option("--email", required=True, type=_typed(Email))
@click.option("--role", type=click.Choice(Role, case_sensitive=False), required=True)
@click.password_option(type=_typed(Password))
def create_user(name: str, email: str, role: Role, password: str) -> None:
    """Add an account; the password is asked for."""
    with write(by="users create"):
        if User.by_email(email, disabled=True):
            raise click.BadParameter("an account with this address is there already")
        User.create(name=name.strip(), email=email, role=role, password=password)
    click.echo(f"{name} can sign in as {email.lower()}.")


def for_account(name: str) -> Callable[[Callable[..., str]], None]:
    """Declare `flask users <name> EMAIL`: one write in which the function changes an account, and says what it did.

    The sessions of the account end with it, everywhere. It is refused where nobody would be left to be the owner.
    """

    def declare(change: Callable[..., str]) -> None:
        @users.command(name)
        @click.argument("email")
        @retried
        @wraps(change)
        def run(email: str, **given: Any) -> None:
            with write(by=f"users {name}"):
                user = User.by_email(email, disabled=True)
                if user is None:
                    raise click.BadParameter("no account has this address")
                said = change(user, **given)
                _owner("Nobody would be the owner: make someone one first, with `flask users role EMAIL owner`.")
                UserSession.end_all_of(user)
                revalidate_everything()  # a name stands under posts and comments; this is rare enough not to list them
            click.echo(f"{email} {said}.")

    return declare


@for_account("disable")
def disable_user(user: User) -> str:
    """Close an account; its sessions end at once, everywhere."""
    user.disable()
    return "is disabled"


@for_account("enable")
def enable_user(user: User) -> str:
    """Open an account that was disabled; its API keys work again, its sessions stay ended."""
    user.disabled_at = None
    return "can sign in again"


@for_account("sign-out")
def sign_out_user(_user: User) -> str:
    """End all sessions of an account, everywhere."""
    return "is signed out everywhere"


@for_account("role")
@click.argument("role", type=click.Choice(Role, case_sensitive=False))
def change_role(user: User, role: Role) -> str:
    """Make an account owner, editor, author or reader; whoever is signed in signs in anew."""
    user.role = role
    return f"is {role} now"


@for_account("password")
@click.password_option(type=_typed(Password))
def change_password(user: User, password: str) -> str:
    """Change a password, which is asked for; whoever is signed in with the old one is signed out."""
    user.set_password(password)
    return "has another password, and is signed out everywhere"


@keys.command("create")
@click.option("--name", required=True, type=_typed(Name))
@click.option("--scope", "scopes", type=click.Choice([scope.value for scope in Scope]), multiple=True, required=True)
@click.option("--user", "email", help="Whom it acts for, by address; the owner, if nobody is named.")
def create_key(name: str, scopes: tuple[str, ...], email: str | None) -> None:
    """Cut an API key, and print it this once."""
    with write(by="keys create"):
        user = User.by_email(email) if email else _owner()
        if user is None or not user.is_writer:
            raise click.BadParameter("no owner, editor or author has this address")
        _, text = ApiKey.issue(user, name.strip(), [Scope(scope) for scope in scopes])
        revalidate_tag("api-keys")
    click.echo(text)


def _owner(otherwise: str = "There is no owner yet; add one with `flask users create`.") -> User:
    try:
        return User.owner()
    except NotFound:
        raise click.UsageError(otherwise) from None


@keys.command("revoke")
@click.argument("key_id", metavar="ID")
def revoke_key(key_id: str) -> None:
    """Let a key open nothing any more. ID is what stands between the underscores of `hd_ID_…`."""
    with write(by="keys revoke"):
        key = ApiKey.named(key_id)
        if key is None:
            raise click.BadParameter("there is no such key")
        key.revoke()
        revalidate_tag("api-keys")
    click.echo(f"“{key.name}” is revoked.")

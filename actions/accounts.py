"""Signing in and out. Both are actions: a foreign page must not be able to sign a visitor in or out."""

from typing import Annotated, Any

from flask import request
from pydantic import Field, SecretStr

from actions.fields import Nothing
from flask_revalidation import Busy
from flask_server_actions import Form, Result, action, anyone, invalid, local_page, redirect, too_many
from models import Throttle, User, UserSession
from models.session import LIFETIME
from web.auth import SESSION, cookie_name, cookie_options, session_token
from web.fields import Email

FREE_GUESSES = 5  # for one account from one address, before each further one has to wait
FREE_GUESSES_PER_ACCOUNT = 50  # from anywhere: high, or strangers could lock an owner out
FREE_GUESSES_PER_ADDRESS = 50  # for any account: an office may share one


class Credentials(Form):
    """Address and password, and where to go then."""

    email: Email = Field(title="Address")
    password: Annotated[SecretStr, Field(min_length=1, max_length=200)]
    next: Annotated[str, Field(max_length=2000)] = ""


def check_password(form: Credentials, _user: User | None) -> int | None:
    """Return the id of the account whose password this is. Slow on purpose, so it runs before the transaction."""
    _require_patience(form)
    user = User.by_email(form.email)
    try:
        return user.id if User.check_password(user, form.password.get_secret_value()) and user else None
    except TimeoutError as error:
        raise Busy("Many people are signing in just now; please try again.") from error


@action(allow=anyone("it is how one becomes somebody"), prepare=check_password)
def sign_in(form: Credentials, _user: User | None, account: int | None) -> Result:
    """Begin a session, with a new token each time; an unknown address gets the same answer as a wrong password."""
    _require_patience(form)
    user = User.by_email(form.email)
    if user is None or user.id != account:
        for party, free in _parties(form):
            Throttle.count_attempt(*party, free=free)
        return invalid(password="Address and password do not match.")  # noqa: S106
    for party, _ in _parties(form)[:2]:
        Throttle.clear(*party)
    default = "/dashboard" if user.is_writer else "/"
    return redirect(local_page(form.next, default), f"Welcome, {user.name}.", cookies=start_session(user))


@action(allow=anyone("signing out twice is no offence"))
def sign_out(_form: Nothing, _user: User | None) -> Result:
    """End the session, on every worker at once."""
    UserSession.end(session_token())
    return redirect("/", "You are signed out.", cookies={cookie_name(SESSION): (None, cookie_options())})


def start_session(user: User) -> dict[str, Any]:
    """Begin a session, and return its cookie; what the browser had before ends, so a planted token is worth nothing."""
    UserSession.end(session_token())
    token = UserSession.start(user)
    return {cookie_name(SESSION): (token, cookie_options() | {"max_age": int(LIFETIME.total_seconds())})}


def _parties(form: Credentials) -> list[tuple[tuple[str, ...], int]]:
    account, address = form.email.lower(), request.remote_addr or ""
    return [
        (("sign-in", account, address), FREE_GUESSES),
        (("sign-in account", account), FREE_GUESSES_PER_ACCOUNT),
        (("sign-in address", address), FREE_GUESSES_PER_ADDRESS),
    ]


def _require_patience(form: Credentials) -> None:
    wait = max(Throttle.seconds_to_wait(*party) for party, _ in _parties(form))
    if wait:
        raise too_many(f"That was tried too often. Please wait {wait} seconds.", retry_after=wait)

"""Signing in and out. Both are actions: a foreign page must not be able to sign a visitor in or out."""

import hashlib
import secrets
from typing import Annotated, Any

from pydantic import Field, SecretStr

from actions.fields import Nothing
from actions.rate_limit import RateLimit, forget_tries
from flask_server_actions import Form, Result, action, anyone, invalid, local_page, redirect
from models import User, UserSession
from models.session import LIFETIME
from web.fields import Email
from web.gate import DEVICE, SESSION, cookie, network, session_token, sign_cookie, signed_cookie
from web.rate_limiter import HOUR, MINUTE


class Credentials(Form):
    """Address and password, and where to go then."""

    email: Email = Field(title="Address")
    password: Annotated[SecretStr, Field(min_length=1, max_length=200)]
    next: Annotated[str, Field(max_length=2000)] = ""


def device(form: Credentials) -> str | None:
    """The browser in which this very account was signed in before. What strangers guess counts against no such one."""
    mark, _, proof = signed_cookie(DEVICE).partition(" ")
    return mark if mark and proof == _proof(mark, form.email) else None


def account(form: Credentials) -> str:
    """Whose account is tried. Its limit is above a network's, or one stranger could lock the owner out."""
    return form.email.lower()


def account_from_network(form: Credentials) -> str:
    """Whose account is tried, from where."""
    return f"{account(form)} {network()}"


GUESSES = [
    RateLimit(5, MINUTE, by=account_from_network, unless=device),
    RateLimit(50, HOUR, by=network, unless=device),  # for any account: an office may share one
    RateLimit(200, HOUR, by=account, unless=device),
    RateLimit(10, MINUTE, by=device),
]


def check_password(form: Credentials, _user: User | None) -> int | None:
    """Return the id of the account whose password this is. Slow on purpose, so it runs before the transaction."""
    user = User.by_email(form.email)
    return user.id if User.check_password(user, form.password.get_secret_value()) and user else None


@action(allow=anyone("it is how one becomes somebody"), prepare=check_password, rate_limit=GUESSES)
def sign_in(form: Credentials, _user: User | None, account_id: int | None) -> Result:
    """Begin a session, with a new token each time; an unknown address gets the same answer as a wrong password."""
    user = User.by_email(form.email)
    if user is None or user.id != account_id:
        return invalid(password="Address and password do not match.")  # noqa: S106
    forget_tries(sign_in, form, account, account_from_network, device)
    page = local_page(form.next, "/dashboard" if user.is_writer else "/")
    mark = secrets.token_urlsafe(16)
    known = sign_cookie(DEVICE, f"{mark} {_proof(mark, user.email)}")
    return redirect(page, f"Welcome, {user.name}.", cookies=start_session(user) | known)


@action(allow=anyone("signing out twice is no offence"), rate_limit=[RateLimit(1000, HOUR, by=network)])
def sign_out(_form: Nothing, _user: User | None) -> Result:
    """End the session, on every worker at once."""
    UserSession.end(session_token())
    return redirect("/", "You are signed out.", cookies=cookie(SESSION, "", 0))


def start_session(user: User) -> dict[str, Any]:
    """Begin a session, and return its cookie; what the browser had before ends, so a planted token is worth nothing."""
    UserSession.end(session_token())
    return cookie(SESSION, UserSession.start(user), int(LIFETIME.total_seconds()))


def _proof(mark: str, email: str) -> str:
    """Bind a browser's mark to an account without naming it: the cookie outlives the session."""
    return hashlib.sha256(f"{mark} {email.lower()}".encode()).hexdigest()[:32]

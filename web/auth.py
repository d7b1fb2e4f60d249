"""Who is asking, and who may: the session cookie, what it stands for, and the policies of pages and actions.

The API never does: it knows keys and signatures, and a cookie opens none of its doors.
"""

import hashlib

from flask import Flask, g

from flask_revalidation import private
from models import Member, User, UserSession
from web.gate import FLASH, SESSION, VISITOR, cookie_name, network, session_token, signed_cookie


def private_cookies(app: Flask) -> list[str]:
    """Name the cookies that make a page one caller's."""
    with app.app_context():
        return [cookie_name(name) for name in (SESSION, VISITOR, FLASH)]


def load_user() -> User | None:
    """Read the caller from the database now, as the running transaction sees it."""
    private("the current user")
    token = session_token()
    return UserSession.user_of(token) if token else None


def current_user() -> User | None:
    """Return the caller, read once per page."""
    private("the current user")
    if "user" not in g:
        g.user = load_user()
    return g.user  # type: ignore[no-any-return]


def visitor_name(user: User | None, browser: str) -> str:
    """Name who likes something: the account, else the browser by its cookie; empty where there is neither."""
    if user:
        return f"user:{user.id}"
    return f"browser:{hashlib.sha256(browser.encode()).hexdigest()[:40]}" if browser else ""


def current_member() -> Member | None:
    """Return the member whom the caller is: by account, by its address, or by the browser that went to pay."""
    user, browser = current_user(), visitor_name(None, signed_cookie(VISITOR))
    return Member.known_as([browser, visitor_name(user, "")], user.email if user else "")


def caller_name(user: User | None) -> str:
    """Name who sends a form: the account, else the browser, else the network."""
    return visitor_name(user, signed_cookie(VISITOR)) or f"network:{network()}"


def writers(user: User | None) -> bool:
    """Owner, editors and authors."""
    return user is not None and user.is_writer


def editors(user: User | None) -> bool:
    """Owner and editors."""
    return user is not None and user.is_editor


def owner(user: User | None) -> bool:
    """The owner alone."""
    return user is not None and user.is_owner


def signed_in(user: User | None) -> bool:
    """Anyone with an account."""
    return user is not None

"""Who is asking, and who may: the session cookie, what it stands for, and the policies of pages and actions.

The API never does: it knows keys and signatures, and a cookie opens none of its doors.
"""

import hashlib
from typing import Any

from flask import Flask, current_app, g, request

from flask_revalidation import private
from models import User, UserSession

SESSION, VISITOR, FLASH = "session", "visitor", "flash"


def cookie_name(name: str) -> str:
    """Return the cookie's full name. Over https `__Host-` ties it to this very host (RFC 6265bis, section 4.1.3)."""
    return f"__Host-{name}" if current_app.config["SESSION_COOKIE_SECURE"] else name


def private_cookies(app: Flask) -> list[str]:
    """Name the cookies that make a page one caller's."""
    with app.app_context():
        return [cookie_name(name) for name in (SESSION, VISITOR, FLASH)]


def cookie_options() -> dict[str, Any]:
    """Return how every cookie of ours is set."""
    return {"path": "/", "secure": current_app.config["SESSION_COOKIE_SECURE"], "httponly": True, "samesite": "Lax"}


def session_token() -> str:
    """Return the caller's session token, or an empty string."""
    return request.cookies.get(cookie_name(SESSION), "")


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
    user: User | None = g.user
    return user


def visitor_name(user: User | None, browser: str) -> str | None:
    """Name who likes something: the account, else the browser by its cookie, else nobody yet."""
    if user:
        return f"user:{user.id}"
    return f"browser:{hashlib.sha256(browser.encode()).hexdigest()[:40]}" if browser else None


def current_visitor() -> str | None:
    """Name the caller as a visitor, if they are known."""
    return visitor_name(current_user(), request.cookies.get(cookie_name(VISITOR), ""))


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

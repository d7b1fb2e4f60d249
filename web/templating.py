"""What every template may use besides its own data."""

from datetime import datetime

from flask import Flask

from web.auth import current_user


def register(app: Flask, release: str) -> None:
    """Give the templates of `app` their filters and functions. `release` is part of a static file's address."""
    app.jinja_env.filters.update(day=day, moment=moment)
    app.jinja_env.globals.update(current_user=current_user)
    app.jinja_env.globals["asset"] = lambda name: f"/static/{name}?v={release}"
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def day(time: datetime) -> str:
    """Return the date in words."""
    return f"{time:%-d %B %Y}"


def moment(time: datetime) -> str:
    """Return date and time, with the zone said aloud."""
    return f"{time:%-d %B %Y, %H:%M} UTC"


def month(name: str) -> str:
    """Return the month that the database calls `2026-11` in words."""
    return f"{datetime.fromisoformat(f'{name}-01'):%b %Y}"

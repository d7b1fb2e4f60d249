"""What every template may use besides its own data."""

from datetime import datetime

from flask import Flask

from models.bounds import MANY
from web.auth import current_user


def register(app: Flask, release: str) -> None:
    """Give the templates of `app` their filters and functions. `release` is part of a static file's address."""
    app.jinja_env.filters.update(day=day, moment=moment, up_to_many=up_to_many)
    app.jinja_env.globals.update(current_user=current_user, asset=lambda name: f"/static/{name}?v={release}")
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def up_to_many(count: int) -> str:
    """Return a count that stops at `MANY` in digits."""
    return f"{MANY:,}+" if count > MANY else str(count)


def day(time: datetime) -> str:
    """Return the date in words."""
    return f"{time:%-d %B %Y}"


def moment(time: datetime) -> str:
    """Return date and time, with the zone said aloud."""
    return f"{time:%-d %B %Y, %H:%M} UTC"


def month(name: str) -> str:
    """Return the month that the database calls `2026-11` in words."""
    return f"{datetime.fromisoformat(f'{name}-01'):%b %Y}"

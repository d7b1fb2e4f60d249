"""What every template may use besides its own data."""

from datetime import datetime
from decimal import Decimal

from babel.numbers import format_currency, get_currency_precision
from flask import Flask

from models.bounds import MANY
from web.auth import current_user

# Stripe counts in the units of ISO 4217, and has its own: https://docs.stripe.com/currencies#special-cases. Babel has
# those of daily life, in which some currencies have no small coins any more.
_HAS_CENTS = "AFN ALL COP HUF IDR ISK LAK LBP MMK SOS STD UGX YER"


def register(app: Flask, release: str) -> None:
    """Give the templates of `app` their filters and functions. `release` is part of a static file's address."""
    app.jinja_env.filters.update(day=day, moment=moment, money=money, month=month, up_to_many=up_to_many)
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


def money(amount: int, currency: str, pattern: str = "#,##0.00 ¤¤") -> str:
    """Return an amount in minor units in words, with as many digits as its currency has: `1,000 JPY`, `6.00 EUR`."""
    code = currency.upper()
    digits = 2 if code in _HAS_CENTS else get_currency_precision(code)
    exact = ".00" in pattern and code not in _HAS_CENTS
    return format_currency(Decimal(amount).scaleb(-digits), code, pattern, locale="en", currency_digits=exact)

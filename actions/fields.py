"""What the forms of the house have in common: kinds of fields, and who may."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from flask_server_actions import Form
from models import User

RowId = Annotated[int, Field(ge=1, le=2**31 - 1)]  # SQLite overflows at 2^63, and then it is a 500
Title = Annotated[str, Field(min_length=1, max_length=120)]
Markdown = Annotated[str, Field(max_length=100_000)]
Email = Annotated[str, Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]


def _blank_is_absent(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _as_utc(value: datetime) -> datetime:
    # A date field of a browser carries no zone; its label says UTC.
    try:
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("Please give a date and a time.") from None


Slug = Annotated[
    Annotated[str, Field(max_length=80, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")] | None, BeforeValidator(_blank_is_absent)
]
Moment = Annotated[datetime, AfterValidator(_as_utc)]


class Nothing(Form):
    """No fields."""


class OnePost(Form):
    """Which post."""

    post_id: RowId


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

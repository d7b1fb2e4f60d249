"""What a verb raises when it cannot do what it was asked."""

from typing import TypeVar

Row = TypeVar("Row")


class NotFound(LookupError):
    """Not there, or not yours: whoever asks cannot tell which."""


class MayNotPublish(Exception):
    """Who asks may not bring this before readers; an editor may."""


def found(row: Row | None) -> Row:
    """Return the row that a query has found, or raise NotFound where it has found none."""
    if row is None:
        raise NotFound
    return row

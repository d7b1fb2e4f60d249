"""Pages by cursor: each one begins where the last one ended, wherever things were added or taken away meanwhile."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from flask import Response, current_app, request
from itsdangerous import BadData, URLSafeSerializer
from pydantic import BaseModel, Field
from sqlalchemy import Select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from api.v1.resources import Out
from models import db
from models.database import UtcDateTime
from web.fields import Number
from web.problems import Problem

Item = TypeVar("Item", bound=Out)
Order = Sequence[InstrumentedAttribute[Any]]


class Query(BaseModel, extra="forbid"):
    """The query string of a list."""

    limit: Number = Field(20, ge=1, le=100, description="How many at most.")
    # By a function, so that the document names no value that stands for none.
    cursor: str = Field(default_factory=str, min_length=1, max_length=300, description="next_cursor of the last page.")


class Page(Out, Generic[Item]):
    """A page of a list."""

    data: list[Item]
    next_cursor: str | None = Field(description="For the next page; null on the last one.")

    @classmethod
    def answer(cls, query: Query, rows: Select[Any], order: Order, *, descending: bool = False) -> Response:
        """Answer with the page of `rows` that is asked for: models, or columns under the names of the items' fields.

        `order` are columns that the items show under the same names. Together they tell any two rows apart, and they
        never change for a row that is listed: so nothing is skipped or comes twice, whatever is written meanwhile.
        """
        if query.cursor:
            here, end = tuple_(*order), _unpack(query.cursor, order)
            rows = rows.where(here < end if descending else here > end)
        rows = rows.order_by(*(column.desc() if descending else column for column in order))
        found = [row[0] if len(row) == 1 else row for row in db.session.execute(rows.limit(query.limit + 1))]
        page = cls.model_validate({"data": found[: query.limit], "next_cursor": None})
        if len(found) <= query.limit:
            return page.respond()
        page.next_cursor = _pack(page.data[-1], order)
        # The query as it was understood, not as it was spelt: `limit=02` must not stand in everyone's `limit=2`.
        asked = urlencode(query.model_dump(exclude_defaults=True) | {"cursor": page.next_cursor})
        return page.respond(Link=f'<{current_app.config["SITE"]}{request.path}?{asked}>; rel="next"')  # RFC 8288


def _pack(last: Out, order: Order) -> str:
    """Return the place behind an item as an opaque word for an address, signed for this list in this order."""
    fields = last.model_dump(mode="json")
    return _signer(order).dumps([fields[column.key] for column in order])


def _unpack(cursor: str, order: Order) -> list[Any]:
    """Return the place that `_pack` was given. Raises Problem (422) for a cursor that is not of this list."""
    with suppress(BadData):
        place = _signer(order).loads(cursor)
        # The last letter of a signature has spare bits: another spelling would be a copy of its own in the cache.
        if _signer(order).dumps(place) == cursor:
            pairs = zip(place, (isinstance(column.type, UtcDateTime) for column in order), strict=True)
            return [datetime.fromisoformat(value) if is_time else value for value, is_time in pairs]
    detail = "Take it from next_cursor or from the Link header of this very list."
    raise Problem("invalid", "The cursor is not one of ours.", errors=[{"parameter": "cursor", "detail": detail}])


def _signer(order: Order) -> URLSafeSerializer:
    names = [column.key for column in order]
    return URLSafeSerializer(current_app.secret_key or "", salt=f"cursor of {request.path} by {names}")

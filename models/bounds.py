"""Reads that cost the same however much there is: counts that stop, and sums of the last months."""

from datetime import UTC, datetime
from itertools import dropwhile, pairwise
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute

from models.database import db

MANY = 1_000


def count_of(query: Select[Any]) -> ScalarSelect[int]:
    """Return how many rows a query has, as an expression; one more than `MANY` stands for all beyond."""
    return select(func.count()).select_from(query.limit(MANY + 1).subquery()).scalar_subquery()


def by_month(at: InstrumentedAttribute[datetime], total: ColumnElement[int], months: int = 12) -> list[tuple[str, int]]:
    """Return (`2026-11`, total) for each month up to the last one of `at`, oldest first; an index on `at` has them."""
    newest = db.session.scalar(select(func.max(at)))
    last = 12 * newest.year + newest.month if newest else 0  # months begun since the year 0
    starts = [datetime(n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in range(last - months, last + 1) if newest]
    ranges = [select(func.coalesce(total, 0)).where(at >= start, at < end) for start, end in pairwise(starts)]
    row = db.session.execute(select(*(query.scalar_subquery() for query in ranges))).one() if ranges else ()
    return list(dropwhile(lambda month: not month[1], zip((f"{start:%Y-%m}" for start in starts), row, strict=False)))

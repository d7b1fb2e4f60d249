"""Reads that cost the same however much there is: pages by keyset, counts that stop, sums of the last months."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import dropwhile, pairwise
from typing import Any, Generic, Self

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, select, tuple_

from models.database import Row, db, found

MANY = 1_000


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows of a list, and behind which ids the pages beside it begin: 0 is the beginning, None is no page."""

    rows: Sequence[Row]
    newer: int | None = None
    older: int | None = None

    @classmethod
    def cut(cls, behind: Sequence[Any], ahead: Sequence[int], size: int) -> Self:
        """Make one of what stands behind a place, and of the ids ahead of it, nearest first: of each one more."""
        newer = (ahead[size] if len(ahead) > size else 0) if ahead else None
        return cls(behind[:size], newer, behind[size - 1].id if len(behind) > size else None)


def page_of(query: Select[Any], order: Sequence[Any], before: int | None, size: int) -> Page[Any]:
    """Return the rows of a query behind the one with the id `before`, greatest `order` first: columns, the id last.

    An index leads to the place, so its depth costs nothing. Raises NotFound where nothing has this id.
    """
    newest_first = query.order_by(*(column.desc() for column in order)).limit(size + 1)
    if not before:
        return Page.cut(db.session.scalars(newest_first).all(), (), size)
    place = select(*order).where(order[-1] == before).execution_options(include_deleted=True)
    key, here = tuple_(*order), tuple(found(db.session.execute(place).first()))
    ahead = query.with_only_columns(order[-1]).where(key >= here).order_by(*order).limit(size + 1)
    behind = db.session.scalars(newest_first.where(key < here)).all()
    page: Page[Any] = Page.cut(behind, db.session.scalars(ahead).all(), size)
    return page if page.rows or page.newer is None else page_of(query, order, page.newer, size)


def count_of(query: Select[Any]) -> ScalarSelect[int]:
    """Return how many rows a query has, as an expression; one more than `MANY` stands for all beyond."""
    return select(func.count()).select_from(query.limit(MANY + 1).subquery()).scalar_subquery()


def by_month(at: Any, total: ColumnElement[int], *of: ColumnElement[bool]) -> list[tuple[str, int]]:
    """Return (`2026-11`, total) for the twelve months up to the last one of `at`, oldest first, of rows that fit `of`.

    An index on `at`, behind what `of` names, has them.
    """
    newest = db.session.scalar(select(func.max(at)).where(*of))
    last = 12 * newest.year + newest.month if newest else 0  # months begun since the year 0
    starts = [datetime(n // 12, n % 12 + 1, 1, tzinfo=UTC) for n in range(last - 12, last + 1) if newest]
    ranges = [select(func.coalesce(total, 0)).where(at >= start, at < end, *of) for start, end in pairwise(starts)]
    row = db.session.execute(select(*(query.scalar_subquery() for query in ranges))).one() if ranges else ()
    return list(dropwhile(lambda month: not month[1], zip((f"{start:%Y-%m}" for start in starts), row, strict=False)))

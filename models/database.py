"""The database handle, the base class of all models, and how times are kept."""

import secrets
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, ColumnElement, DateTime, ForeignKey, Index, MetaData, Table, delete, select, text, tuple_
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, Mapped, mapped_column, registry
from sqlalchemy.types import TypeDecorator

Row = TypeVar("Row")
_INDEXES = tomllib.loads(Path(__file__).with_name("indexes.toml").read_text(encoding="utf-8"))


class NotFound(LookupError):
    """Not there, or not yours: whoever asks cannot tell which."""


class UtcDateTime(TypeDecorator[datetime]):
    """Times are UTC in the database, and aware in Python."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse a naive time: nobody could say which hour it means."""
        if value and value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value and value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the stored time as UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


_BY_COLUMN = "%(table_name)s_%(column_0_name)s"
_NAMES = {"ix": "ix_%(column_0_label)s", "uq": f"uq_{_BY_COLUMN}", "fk": f"fk_{_BY_COLUMN}", "pk": "pk_%(table_name)s"}
_NAMES |= {"ck": "ck_%(table_name)s_%(constraint_name)s"}


class Base(DeclarativeBase):
    """Names every constraint, so that a migration can name it too."""

    registry = registry(type_annotation_map={datetime: UtcDateTime}, metadata=MetaData(naming_convention=_NAMES))


db = SQLAlchemy(model_class=Base)  # which names each table after its class

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model


def pairs(one: str, other: str) -> Table:
    """Return the table that pairs rows of two tables, and goes with either."""
    table = Table(f"{one}_{other}", Model.metadata)
    for name in (one, other):
        key = ForeignKey(f"{name}.id", ondelete="CASCADE")
        table.append_column(Column(f"{name}_id", key, primary_key=True, index=name == other))
    return table


def indexes(table: str) -> list[Index]:
    """Return the indexes of a table, as `indexes.toml` has them."""
    found: list[Index] = []
    for name, (columns, *condition) in _INDEXES[table].items():
        where: Any = dict.fromkeys(("sqlite_where", "postgresql_where"), text(condition[0])) if condition else {}
        found.append(Index(name, *columns.split(", "), unique=name.startswith("uq"), **where))
    return found


def first_free(column: InstrumentedAttribute[str], wanted: str, *, longest: int) -> str:
    """Return `wanted`, or with the first number that makes it free in its column, in `longest` characters at most.

    One query, whatever is taken: where a hundred are, the number is a great one, drawn by lot.
    """
    base, drawn = wanted[: longest - 6].rstrip("-"), (10_000 + secrets.randbelow(90_000) for _ in range(20))
    tries = [wanted, *(f"{base}-{number}" for number in (*range(2, 100), *drawn))]
    taken = set(db.session.scalars(select(column).where(column.in_(tries))))
    return next(each for each in tries if each not in taken)


def delete_some(table: Any, condition: ColumnElement[bool], most: int = 500) -> int:
    """Delete rows that fit, so few at a time that no other writer waits for long, and return how many.

    What someone else is deleting is left to them. They are chosen in a CTE, which is read once: a plan of PostgreSQL
    may read a subquery again for each row, and with SKIP LOCKED find others each time.
    """
    key = tuple_(*table.primary_key)
    some = select(*table.primary_key).where(condition).limit(most).with_for_update(skip_locked=True).cte(nesting=True)
    return db.session.connection().execute(delete(table).where(key.in_(select(*some.c)))).rowcount


def found(row: Row | None) -> Row:
    """Return the row that a query has found, or raise NotFound where it has found none."""
    if row is None:
        raise NotFound
    return row


def added(row: Row) -> Row:
    """Add a new row, and return it with what the database gave it: its id, and defaults."""
    db.session.add(row)
    db.session.flush()
    return row


def known_or_new(model: type[Row], key: dict[str, Any], **new: Any) -> Row:
    """Return the row that has these values in its unique columns, locked, or a new one with them and what is `new`."""
    return db.session.scalar(select(model).filter_by(**key).with_for_update()) or added(model(**key, **new))


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class Numbered:
    """For models whose rows have a number, which the database gives."""

    id: Mapped[int] = mapped_column(primary_key=True)


class Dated:
    """For models whose rows say when they were made."""

    created_at: Mapped[datetime] = mapped_column(default=now)

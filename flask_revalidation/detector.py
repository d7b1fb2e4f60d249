"""Finds the forgotten revalidation: a write that changes what a cached copy shows, and leaves the copy valid.

While a copy is made, each SELECT is recorded with a digest of its answer. Before a transaction that has written
commits, through the session or on the engine itself, the reads of every copy that would stay valid are asked again,
inside that transaction. A different answer is a stale page about to happen: the commit is refused, and the message says
what to add. Asking the database, rather than comparing names of tables and rows, has no false alarms and sees what
cascades and triggers did too.

It asks every read again, so it is for tests and development. It sees the copies made by its own process.
"""

import hashlib
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, event

from flask_revalidation.mistakes import Mistake, source_line
from flask_revalidation.store import Entry, Store
from flask_revalidation.tags import TABLE, versions_on
from flask_revalidation.transaction import WRITTEN

__all__ = ["ForgottenRevalidation"]

_WORD = re.compile(r"[^\W_]+")
_NAME = re.compile(r"\w+")


class ForgottenRevalidation(Mistake):
    """A write left a cached copy valid although it changed what the copy shows."""


@dataclass(frozen=True)
class Read:
    """One SELECT of a cached copy, and what it answered then."""

    statement: str
    parameters: Any
    answer: str


_reading: ContextVar[list[Read] | None] = ContextVar("revalidation_reads", default=None)


@contextmanager
def watch() -> Iterator[list[Read]]:
    """Record the SELECTs of the block; an inner copy keeps its reads to itself, for it carries its own tags."""
    reads: list[Read] = []
    token = _reading.set(reads)
    try:
        yield reads
    finally:
        _reading.reset(token)


class Detector:
    """Holds each transaction of `engine` that has written against the copies in `store`."""

    def __init__(self, engine: Engine, store: Store) -> None:
        self._store = store
        event.listen(engine, "after_cursor_execute", _record)
        event.listen(engine, "commit", self._check)

    def _check(self, connection: Connection) -> None:
        """Raise `ForgottenRevalidation` when a copy that stays valid shows something this transaction has changed."""
        written = connection.info.get(WRITTEN, set()) - {TABLE}
        for entry in self._store.entries() if written else ():
            if versions_on(connection.connection, entry.versions) != entry.versions:
                continue  # replaced by this write or an earlier one: it is never served again
            for read in entry.reads:
                if _ask(connection, read.statement, read.parameters) != read.answer:
                    running = connection.get_execution_options().get("write")
                    by = getattr(running, "by", None) or f"The commit at {source_line()}"
                    raise ForgottenRevalidation(_message(by, entry, written, set(_NAME.findall(read.statement))))


def _message(by: str, entry: Entry, written: Collection[str], read: Collection[str]) -> str:
    tables = sorted({*written} & {*read}) or sorted(written)  # a cascade or a trigger writes where no statement says so
    fitting = sorted(tag for tag in entry.tags if any(_fits(tag, table) for table in tables))
    paths = sorted(tag for tag in entry.tags if tag.startswith("/"))
    remedies = [f'revalidate_tag("{tag}")' for tag in fitting] or [f'revalidate_path("{path}")' for path in paths]
    remedy = f"Add {' or '.join(remedies)}" if remedies else "Give that part a tag for them, and revalidate it here"
    return (
        f"{by} changed table {', '.join(tables)}, which the cached copy {entry.key} shows, and revalidated none of its"
        f" tags. Readers would keep seeing the old one. {remedy}."
    )


def _fits(tag: str, table: str) -> bool:
    """Say whether a tag speaks of a table: each word of the table's name is in it, in singular or plural."""
    words = {word.lower().rstrip("s") for word in _WORD.findall(tag)}
    return not tag.startswith("/") and {word.lower().rstrip("s") for word in _WORD.findall(table)} <= words


def _record(connection: Connection, _c: Any, statement: str, parameters: Any, _context: Any, _m: bool) -> None:
    reads = _reading.get()
    if reads is not None and statement.lstrip(" \n(").upper().startswith(("SELECT", "WITH")):
        reads.append(Read(statement, parameters, _ask(connection, statement, parameters)))


def _ask(connection: Connection, statement: str, parameters: Any) -> str:
    cursor = connection.connection.cursor()  # of the bare driver: what the detector asks is not recorded
    cursor.execute(statement, parameters)
    return hashlib.sha256(repr(cursor.fetchall()).encode()).hexdigest()

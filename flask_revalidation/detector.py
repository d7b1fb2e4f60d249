"""Finds the forgotten revalidation: a write that changes what a cached copy shows, and leaves the copy valid.

While a copy is made, each SELECT is recorded with a digest of its answer. Before a write commits, the reads of every
copy that would stay valid are asked again, inside the write's own transaction. A different answer is a stale page about
to happen: the write is rolled back and the message says what to add. Asking the database, rather than comparing names
of tables and rows, has no false alarms and sees what cascades and triggers did too.

It asks every read again, so it is for tests and development. It sees the copies made by its own process.
"""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, event

from flask_revalidation.store import MAX_ENTRIES
from flask_revalidation.tags import read_versions
from flask_revalidation.transaction import Write, running_write

_TABLE_WRITTEN = re.compile(r'\s*(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+"?(\w+)', re.IGNORECASE)
_WORD = re.compile(r"\w+")


class ForgottenRevalidation(AssertionError):
    """A write left a cached copy valid although it changed what the copy shows."""


@dataclass(frozen=True)
class Read:
    """One SELECT of a cached copy, the words in it (its tables are among them), and what it answered then."""

    statement: str
    parameters: Any
    words: frozenset[str]
    answer: str


@dataclass(frozen=True)
class Copy:
    """A cached copy: the versions it is valid under, and the reads it was made of."""

    versions: Mapping[str, str]
    reads: tuple[Read, ...]


_reading: ContextVar[list[Read] | None] = ContextVar("revalidation_reads", default=None)
_asking: ContextVar[bool] = ContextVar("revalidation_asking", default=False)


class Detector:
    """Keeps what copies were made of, and holds each write against it. `tables` are those of the application."""

    def __init__(self, tables: Collection[str]) -> None:
        self.tables = frozenset(tables)
        self._copies: OrderedDict[str, Copy] = OrderedDict()

    def listen(self, engine: Engine) -> None:
        """Record what goes through `engine`."""
        event.listen(engine, "after_cursor_execute", _record)

    @contextmanager
    def watch(self) -> Iterator[list[Read]]:
        """Record the SELECTs of the block; an inner copy keeps its reads to itself, for it carries its own tags."""
        reads: list[Read] = []
        token = _reading.set(reads)
        try:
            yield reads
        finally:
            _reading.reset(token)

    def remember(self, key: str, versions: Mapping[str, str], reads: list[Read]) -> None:
        """Keep what the copy under `key` was made of, as long as the store may keep the copy."""
        self._copies[key] = Copy(dict(versions), tuple(reads))
        self._copies.move_to_end(key)
        if len(self._copies) > MAX_ENTRIES:
            self._copies.popitem(last=False)

    def check(self, running: Write, db: SQLAlchemy) -> None:
        """Raise `ForgottenRevalidation` when a copy that stays valid shows something this write has changed."""
        connection = running.session.connection()
        for key, copy in list(self._copies.items()):
            if read_versions(db, copy.versions) != copy.versions:
                del self._copies[key]  # replaced by this write or an earlier one: it is never served again
                continue
            for read in copy.reads:
                if _ask(connection, read.statement, read.parameters) != read.answer:
                    tables = read.words & running.tables or read.words & self.tables
                    raise ForgottenRevalidation(_message(running.by, key, copy.versions, tables))


def _message(by: str, key: str, tags: Collection[str], tables: Collection[str]) -> str:
    path = next((tag for tag in tags if tag.startswith("/")), None)
    names = ", ".join(f'revalidate_tag("{tag}")' for tag in sorted(tags) if not tag.startswith("/"))
    remedy = " or ".join(filter(None, [f'revalidate_path("{path}")' if path else "", names]))
    return (
        f"{by} changed table {', '.join(sorted(tables))}, which the cached copy {key} shows, and revalidated none of"
        f" its tags. Readers would keep seeing the old one. Add {remedy or 'a tag to the copy'}."
    )


def _record(conn: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
    if _asking.get() or "revalidation_tag" in statement:
        return
    written, running = _TABLE_WRITTEN.match(statement), running_write()
    if written and running is not None:
        running.tables.add(written[1])
    reads = _reading.get()
    if reads is not None and statement.lstrip().upper().startswith(("SELECT", "WITH")):
        words = frozenset(_WORD.findall(statement))
        reads.append(Read(statement, parameters, words, _ask(conn, statement, parameters)))


def _ask(connection: Connection, statement: str, parameters: Any) -> str:
    token = _asking.set(True)
    try:
        rows = connection.exec_driver_sql(statement, parameters).fetchall()
    finally:
        _asking.reset(token)
    return hashlib.sha256(repr([tuple(row) for row in rows]).encode()).hexdigest()

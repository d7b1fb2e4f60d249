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
from typing import Any

from sqlalchemy import Connection, Engine, event

from flask_revalidation.mistakes import Mistake, source_line
from flask_revalidation.store import Entry, Store, current_fill
from flask_revalidation.tags import TABLE, versions_on
from flask_revalidation.transaction import WRITTEN


class ForgottenRevalidation(Mistake):
    """A write left a cached copy valid although it changed what the copy shows."""


def detect(engine: Engine, store: Store) -> None:
    """Hold each transaction of `engine` that has written against the copies in `store`."""
    event.listen(engine, "after_cursor_execute", _record)
    event.listen(engine, "commit", lambda connection: _check(store, connection))


def _record(connection: Connection, _c: Any, statement: str, parameters: Any, _context: Any, _m: bool) -> None:
    """Note a SELECT of the copy that is being made; its parts note their own, for they carry their own tags."""
    if (fill := current_fill.get()) and statement.lstrip(" \n(").upper().startswith(("SELECT", "WITH")):
        fill.reads.append((statement, parameters, _ask(connection, statement, parameters)))


def _check(store: Store, connection: Connection) -> None:
    """Raise `ForgottenRevalidation` when a copy that stays valid shows something this transaction has changed."""
    written = connection.info.get(WRITTEN, set()) - {TABLE}
    for entry in store.entries() if written else ():
        # Where this write or an earlier one has replaced a version, the copy is never served again.
        stays = versions_on(connection.connection, entry.versions) == entry.versions
        for statement, parameters, answer in entry.reads if stays else ():
            if _ask(connection, statement, parameters) != answer:
                by = getattr(connection.get_execution_options().get("write"), "by", f"The commit at {source_line()}")
                raise ForgottenRevalidation(_message(by, entry, written, statement))


def _ask(connection: Connection, statement: str, parameters: Any) -> str:
    # By the bare driver: what the detector asks is not recorded.
    rows = connection.connection.cursor().execute(statement, parameters).fetchall()
    return hashlib.sha256(repr(rows).encode()).hexdigest()


def _message(by: str, entry: Entry, written: set[str], statement: str) -> str:
    # A cascade or a trigger writes where no statement says so.
    tables = sorted(written.intersection(re.findall(r"\w+", statement)) or written)
    paths = {tag for tag in entry.tags if tag.startswith("/")}
    fitting = {tag for tag in entry.tags - paths if any(_words(table) <= _words(tag) for table in tables)}
    remedies = [f'revalidate_{"path" if name in paths else "tag"}("{name}")' for name in sorted(fitting | paths)]
    remedy = f"Add {' or '.join(remedies)}" if remedies else "Give that part a tag for them, and revalidate it here"
    return (
        f"{by} changed table {', '.join(tables)}, which the cached copy {entry.key} shows, and revalidated none of its"
        f" tags. Readers would keep seeing the old one. {remedy}."
    )


def _words(name: str) -> set[str]:
    """Return the words of a tag or a table: a tag fits a table when it has each of them, in singular or plural."""
    return {word.lower().rstrip("s") for word in re.findall(r"[^\W_]+", name)}

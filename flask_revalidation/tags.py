"""Tag versions: one small table, read before every cached answer and written inside every write."""

import secrets
import sqlite3
from collections.abc import Collection

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, Connection, MetaData, PoolProxiedConnection, SmallInteger, String, Table, event, text
from sqlalchemy.exc import OperationalError

from flask_revalidation.mistakes import Mistake
from flask_revalidation.postgresql import WRITER

# Stands for every tag that has no row of its own. Safe requests write nothing, so a page must be cacheable before its
# tag was ever touched; and a missing row must never count as "version zero", which a later reader might match.
EPOCH = ""
TABLE = "revalidation_tag"

_UPSERT = text(
    f"INSERT INTO {TABLE} (tag, writer, version) VALUES (:tag, :writer, :version)"  # noqa: S608
    " ON CONFLICT (tag, writer) DO UPDATE SET version = excluded.version"
)


def tag_table(metadata: MetaData) -> Table:
    """Return the table of versions, added to `metadata` unless it is there. Creating it also creates the epoch."""
    tag, writer = Column("tag", String(400), primary_key=True), Column("writer", SmallInteger, primary_key=True)
    table = Table(TABLE, metadata, tag, writer, Column("version", String(32), nullable=False), keep_existing=True)
    event.listen(table, "after_create", lambda _table, connection, **_: insert_epoch(connection))
    return table


def insert_epoch(connection: Connection) -> None:
    """Write the row that stands for untouched tags. Called by the migration that creates the table."""
    replace_versions(connection.execution_options(write=True), [EPOCH])


def read_versions(db: SQLAlchemy, tags: Collection[str]) -> dict[str, str]:
    """Return the current version of each tag, and of the epoch.

    Inside a transaction they are part of its snapshot. Outside, one statement on the bare driver is a snapshot of its
    own: a hit then needs no session and no transaction, which would cost more than the rest of it. Raises `Mistake`
    where the table or its epoch is missing.
    """
    if db.session.registry.has() and db.session().in_transaction():
        return versions_on(db.session.connection().connection, tags)
    with db.engine.connect() as connection:
        return versions_on(connection.connection, tags)


def versions_on(connection: PoolProxiedConnection, tags: Collection[str]) -> dict[str, str]:
    """Return the versions as `connection`, of the bare driver, sees them now, with that of the epoch under "".

    A tag's version is made of those of its writers, so that two of them need not wait for each other.
    """
    names, found = (EPOCH, *tags), dict[str, str]()
    mark = "?" if isinstance(connection.driver_connection, sqlite3.Connection) else "%s"
    query = f"SELECT tag, version FROM {TABLE} WHERE tag IN ({', '.join([mark] * len(names))}) ORDER BY tag, writer"  # noqa: S608
    try:
        for tag, version in connection.cursor().execute(query, names).fetchall():
            found[tag] = found.get(tag, "") + version
        return {tag: found.get(tag, found[EPOCH]) for tag in names}
    except Exception as error:
        if TABLE not in str(error) and not isinstance(error, KeyError):
            raise OperationalError(TABLE, None, error) from error
        raise Mistake(
            f"The database has no table {TABLE}, or nothing in it. Call `Revalidation(app, db)` before"
            " `db.create_all()`, or write a migration that creates it, and calls `insert_epoch(op.get_bind())` next."
        ) from error


def replace_versions(connection: Connection, tags: Collection[str]) -> None:
    """Give each tag a new version, in sorted order: two writers that lock the same rows then never wait in a circle.

    It is 128 random bits. A counter would be reached again after a rollback, and revive a phantom page. A new epoch
    makes every copy a miss, for they all depend on it; tags of rows that are long gone are forgotten with it.
    """
    if EPOCH in tags:
        connection.execute(text(f"DELETE FROM {TABLE}"))  # noqa: S608
    writer = connection.info.get(WRITER, 0)
    rows = [{"tag": tag, "writer": writer, "version": secrets.token_hex(16)} for tag in sorted(tags)]
    if rows:
        connection.execute(_UPSERT, rows)

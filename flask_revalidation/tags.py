"""Tag versions: one small table, read before every cached answer and written inside every write."""

import secrets
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, Connection, MetaData, PoolProxiedConnection, String, Table, event, text

from flask_revalidation.mistakes import Mistake

__all__ = ["insert_epoch", "tag_table"]

# Stands for every tag that has no row of its own. Safe requests write nothing, so a page must be cacheable before its
# tag was ever touched; and a missing row must never count as "version zero", which a later reader might match.
EPOCH = ""
TABLE = "revalidation_tag"

_UPSERT = text(
    f"INSERT INTO {TABLE} (tag, version) VALUES (:tag, :version)"  # noqa: S608
    " ON CONFLICT (tag) DO UPDATE SET version = excluded.version"
)


def tag_table(metadata: MetaData) -> Table:
    """Return the table of versions, added to `metadata` unless it is there. Creating it also creates the epoch."""
    if TABLE not in metadata.tables:
        tag, version = Column("tag", String(400), primary_key=True), Column("version", String(32), nullable=False)
        table = Table(TABLE, metadata, tag, version)
        event.listen(table, "after_create", lambda _table, connection, **_: insert_epoch(connection))
    return metadata.tables[TABLE]


def new_version() -> str:
    """Return 128 random bits. A counter would be reached again after a rollback, and revive a phantom page."""
    return secrets.token_hex(16)


def insert_epoch(connection: Connection) -> None:
    """Write the row that stands for untouched tags. Called by the migration that creates the table."""
    connection.execute(_UPSERT, {"tag": EPOCH, "version": new_version()}, execution_options={"write": True})


def read_versions(db: SQLAlchemy, tags: Collection[str]) -> dict[str, str] | None:
    """Return the current version of each tag, or None where there is no epoch: then nothing may be cached.

    Inside a transaction they are part of its snapshot. Outside, one statement on the bare driver is a snapshot of its
    own: a hit then needs no session and no transaction, which would cost more than the rest of it. Raises `Mistake`
    where the table is missing.
    """
    if db.session.registry.has() and db.session().in_transaction():
        return versions_on(db.session.connection().connection, tags)
    with closing(db.engine.raw_connection()) as connection:
        return versions_on(connection, tags)


def versions_on(connection: PoolProxiedConnection, tags: Collection[str]) -> dict[str, str] | None:
    """Return the versions as `connection`, of the bare driver, sees them now."""
    cursor, names = connection.cursor(), (EPOCH, *tags)
    mark = "?" if isinstance(connection.driver_connection, sqlite3.Connection) else "%s"
    with _table_expected():
        cursor.execute(f"SELECT tag, version FROM {TABLE} WHERE tag IN ({', '.join([mark] * len(names))})", names)  # noqa: S608
    found: dict[str, str] = dict(cursor.fetchall())
    return {tag: found.get(tag, found[EPOCH]) for tag in tags} if EPOCH in found else None


@contextmanager
def _table_expected() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if TABLE not in str(getattr(error, "orig", error)):
            raise
        raise Mistake(
            f"The database has no table {TABLE}. Call `Revalidation(app, db)` before `db.create_all()`, or write a"
            " migration that creates the table, in which `insert_epoch(op.get_bind())` comes next."
        ) from error


def replace_versions(connection: Connection, tags: Iterable[str]) -> None:
    """Give each tag a new version, in sorted order: two writers that lock the same rows then never wait in a circle."""
    rows = [{"tag": tag, "version": new_version()} for tag in sorted(tags)]
    if rows:
        with _table_expected():
            connection.execute(_UPSERT, rows)


def replace_epoch(connection: Connection) -> None:
    """Forget every tag, and make every copy a miss.

    The new epoch is what keeps a copy made before its tag's first touch from coming back to life.
    """
    connection.execute(text(f"DELETE FROM {TABLE}"))  # noqa: S608
    insert_epoch(connection)

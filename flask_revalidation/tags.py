"""Tags and their versions: one small table, read before every cached answer and written inside every write."""

import secrets
from collections.abc import Collection, Iterable

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Column, Connection, MetaData, String, Table, event, text

from flask_revalidation.transaction import current_write

# Stands for every tag that has no row of its own. Safe requests write nothing, so a page must be cacheable before its
# tag was ever touched; and a missing row must never count as "version zero", which a later reader might match.
EPOCH = ""

_UPSERT = text(
    "INSERT INTO revalidation_tag (tag, version) VALUES (:tag, :version)"
    " ON CONFLICT (tag) DO UPDATE SET version = excluded.version"
)


def tag_table(metadata: MetaData) -> Table:
    """Return the table of versions, added to `metadata` unless it is there. Creating it also creates the epoch."""
    if "revalidation_tag" in metadata.tables:
        return metadata.tables["revalidation_tag"]
    table = Table(
        "revalidation_tag",
        metadata,
        Column("tag", String(400), primary_key=True),
        Column("version", String(32), nullable=False),
    )
    event.listen(table, "after_create", lambda _table, connection, **_: insert_epoch(connection))
    return table


def new_version() -> str:
    """Return 128 random bits. A counter would be reached again after a rollback, and revive a phantom page."""
    return secrets.token_hex(16)


def insert_epoch(connection: Connection) -> None:
    """Write the row that stands for untouched tags. Called by the migration that creates the table."""
    connection.execute(_UPSERT, {"tag": EPOCH, "version": new_version()})


def read_versions(db: SQLAlchemy, tags: Collection[str]) -> dict[str, str] | None:
    """Return the current version of each tag, or None where there is no epoch: then nothing may be cached.

    Inside a transaction they are part of its snapshot. Outside, one statement on the bare driver is a snapshot of its
    own: a hit then needs no session and no transaction, which would cost more than the rest of it (`bin/bench`).
    """
    names = (EPOCH, *tags)
    mark = "?" if db.engine.dialect.paramstyle == "qmark" else "%s"
    query = f"SELECT tag, version FROM revalidation_tag WHERE tag IN ({', '.join([mark] * len(names))})"  # noqa: S608
    ask = _ask_session if db.session.registry.has() and db.session().in_transaction() else _ask_driver
    found = ask(db, query, names)
    if EPOCH not in found:
        return None
    return {tag: found.get(tag, found[EPOCH]) for tag in tags}


def _ask_session(db: SQLAlchemy, query: str, names: tuple[str, ...]) -> dict[str, str]:
    return dict(db.session.connection().exec_driver_sql(query, names).tuples().all())


def _ask_driver(db: SQLAlchemy, query: str, names: tuple[str, ...]) -> dict[str, str]:
    connection = db.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(query, names)
        return dict(cursor.fetchall())
    finally:
        connection.close()


def replace_versions(connection: Connection, tags: Iterable[str]) -> None:
    """Give each tag a new version, in sorted order: two writers that lock the same rows then never wait in a circle."""
    rows = [{"tag": tag, "version": new_version()} for tag in sorted(tags)]
    if rows:
        connection.execute(_UPSERT, rows)


def revalidate_tag(*tags: str) -> None:
    """Make every cached copy under these tags a miss, at the moment the running write commits.

    Raises RuntimeError outside `write()`: a version replaced by itself would be a second step, and could be forgotten.
    """
    current_write("revalidate_tag").tags.update(tags)


def revalidate_path(*paths: str) -> None:
    """Make the cached copies of these paths a miss. A page always carries its own path as a tag."""
    current_write("revalidate_path").tags.update(paths)


def revalidate_everything() -> None:
    """Make every cached copy a miss, inside a running write. It also forgets the tags of rows that are long gone.

    The new epoch is what keeps a copy made before its tag's first touch from coming back to life.
    """
    connection = current_write("revalidate_everything").session.connection()
    connection.execute(text("DELETE FROM revalidation_tag"))
    insert_epoch(connection)

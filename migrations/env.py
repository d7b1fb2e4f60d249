"""Runs the migrations in one write transaction, on the engine of the application."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from flask import current_app
from sqlalchemy import Connection

migrate = current_app.extensions["migrate"]


def run() -> None:
    """Bring the database to the wanted revision, or leave it as it was."""
    with migrate.db.engine.connect().execution_options(write=True) as connection, _without_foreign_keys(connection):
        # `flask db migrate` only compares; it passes its hooks in configure_args. SQLite takes back tables as well as
        # rows, though Alembic does not expect it to.
        arguments = {"transactional_ddl": True, **migrate.configure_args}
        context.configure(connection=connection, target_metadata=migrate.db.metadata, **arguments)
        with context.begin_transaction():
            context.run_migrations()


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by making it anew; dropping the old one would cascade to all that points to it."""
    raw = connection.connection.dbapi_connection
    if connection.dialect.name != "sqlite" or raw is None:
        yield
        return
    raw.execute("PRAGMA foreign_keys=OFF")  # this has no effect within a transaction, so not by way of `connection`
    try:
        yield
    finally:
        raw.execute("PRAGMA foreign_keys=ON")


run()

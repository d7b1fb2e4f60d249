"""Runs the migrations in one write transaction, on the engine of the application."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from alembic import context
from alembic.ddl.sqlite import SQLiteImpl
from flask import current_app
from sqlalchemy import Connection, Table, text

from models.database import UtcDateTime
from models.search import INDEX

migrate = current_app.extensions["migrate"]


class RecreatingSQLite(SQLiteImpl):
    """SQLite changes a table by making it anew, in batch mode: with its triggers, AUTOINCREMENT and the last id given.

    Alembic reflects none of the three. Without them the search index stands still, and an id is given twice.
    """

    __dialect__ = "sqlite"

    def prep_table_for_batch(self, batch_impl: Any, table: Table) -> None:
        """Look at the old table before it goes."""
        super().prep_table_for_batch(batch_impl, table)
        triggers = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
        self._triggers = self._rows(triggers, table.name)
        autoincrement = "SELECT 1 FROM sqlite_master WHERE name = ? AND sql LIKE '%AUTOINCREMENT%'"
        if self._rows(autoincrement, table.name):
            batch_impl.new_table.dialect_options["sqlite"]["autoincrement"] = True
        self._last_id = self._rows("SELECT seq FROM sqlite_sequence WHERE name = ?", table.name)

    def rename_table(self, old_table_name: str, new_table_name: str, schema: str | None = None) -> None:
        """Give the new table the old one's name, and what the old one had."""
        super().rename_table(old_table_name, new_table_name, schema)
        for (last_id,) in self._last_id:
            self._rows("DELETE FROM sqlite_sequence WHERE name = ?", new_table_name)
            self._rows("INSERT INTO sqlite_sequence VALUES (?, ?)", new_table_name, last_id)
        for (trigger,) in self._triggers:
            self._rows(trigger)
        self._triggers, self._last_id = [], []

    def _rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        result = self.connection.exec_driver_sql(statement, parameters)
        return [tuple(row) for row in result] if result.returns_rows else []


def run() -> None:
    """Bring the database to the wanted revision, or leave it as it was."""
    # READ COMMITTED, so that whoever has waited for another machine's migrations sees what they have done.
    options: dict[str, Any] = {"write": True, "patience": 30, "postgresql_readonly": False}
    if migrate.db.engine.dialect.name == "postgresql":
        options["isolation_level"] = "READ COMMITTED"
    with migrate.db.engine.connect().execution_options(**options) as connection, _without_foreign_keys(connection):
        # `flask db migrate` only compares; it passes its hooks in configure_args. SQLite takes back tables as well as
        # rows, though Alembic does not expect it to.
        context.configure(
            connection=connection,
            target_metadata=migrate.db.metadata,
            transactional_ddl=True,
            include_name=_is_ours,
            render_item=_render,
            **migrate.configure_args,
        )
        with context.begin_transaction():
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(1918987876)"))
            context.run_migrations()


def _is_ours(name: str | None, _kind: str, _parents: Mapping[str, Any]) -> bool:
    """Leave out the search index, a table and those it consists of, or a column: they are in no model."""
    return not (name or "").startswith(INDEX)


def _render(kind: str, item: Any, _context: Any) -> str | bool:
    """Write a type of ours as the plain one it is stored as: migrations outlive the models."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, UtcDateTime) else False


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """Dropping the old one of two tables would cascade to all that points to it."""
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

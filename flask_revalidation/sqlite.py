"""How SQLite is used: WAL, durable commits, one snapshot per reader, and writers who wait for the write lock."""

from typing import Any

from sqlalchemy import Connection, Engine, event

from flask_revalidation import write_lock

_ACQUIRED = "revalidation_acquired"  # in a connection's `info`


def configure(engine: Engine, strict: bool, patience: float) -> None:
    """Set up the engine of a SQLite database; `patience` is how many seconds a writer waits for the write lock."""
    path = engine.url.database or ":memory:"  # which has no neighbours

    @event.listens_for(engine, "checkout")
    def prepare(dbapi_connection: Any, _record: Any, _proxy: Any) -> None:
        if dbapi_connection.isolation_level is None:  # asked here, not at "connect": the pool may be older than this
            return
        # Otherwise the driver begins transactions by itself, too late and without a lock: lost updates, and no error.
        dbapi_connection.isolation_level = None
        # FULL loses nothing in a power cut; for writers that do not know the write lock, one waits 800 ms.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=800"):
            dbapi_connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        asked, info = connection.get_execution_options(), connection.info
        writing = bool(asked.get("write"))
        if writing and not path.startswith((":memory:", "file:")) and _ACQUIRED not in info:
            info[_ACQUIRED] = write_lock.acquire(path, asked.get("patience", patience))
        connection.exec_driver_sql(f"PRAGMA query_only={'ON' if strict and not writing else 'OFF'}")
        # All sessions share one connection to a database in memory.
        if not connection.connection.driver_connection.in_transaction:  # type: ignore[union-attr]
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    @event.listens_for(engine, "handle_error")
    def reopen(context: Any) -> None:
        # SQLite opens a file that may not be written for reading alone, and a connection stays what it is.
        context.is_disconnect |= path != ":memory:" and "readonly" in str(context.original_exception)

    @event.listens_for(engine, "before_cursor_execute")
    def let_tables_change(connection: Connection, _c: Any, _s: str, _p: Any, context: Any, _m: bool) -> None:
        if strict and context.isddl:  # create_all() opens a transaction of its own
            connection.exec_driver_sql("PRAGMA query_only=OFF")

    @event.listens_for(engine, "checkin")
    def release(_dbapi_connection: Any, record: Any) -> None:
        if acquired := record.info.pop(_ACQUIRED, None):
            acquired.close()

"""How SQLite is used: WAL, durable commits, one snapshot per reader, and writers who wait for the write lock."""

from typing import Any

from sqlalchemy import Connection, Engine, event

from flask_revalidation import write_lock

_PATH, _ACQUIRED = "revalidation_path", "revalidation_acquired"  # in a connection's `info`


def configure(engine: Engine, strict: bool, patience: float, busy_timeout: float, synchronous: str) -> None:
    """Set up the engine of a SQLite database: every connection that it gives out follows these options."""

    @event.listens_for(engine, "checkout")
    def prepare(dbapi_connection: Any, record: Any, _proxy: Any) -> None:
        if _PATH in record.info:  # asked here and not at "connect": the pool may be older than this listener
            return
        # Otherwise the driver begins transactions by itself, too late and without a lock: lost updates, and no error.
        dbapi_connection.isolation_level = None
        busy = f"busy_timeout={round(1000 * busy_timeout)}"
        for pragma in ("journal_mode=WAL", f"synchronous={synchronous}", "foreign_keys=ON", busy):
            dbapi_connection.execute(f"PRAGMA {pragma}")
        [path] = [path for _, name, path in dbapi_connection.execute("PRAGMA database_list") if name == "main"]
        record.info[_PATH] = path  # empty for a database in memory, which has no neighbours

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        asked, info = connection.get_execution_options(), connection.info
        writing, seconds = bool(asked.get("write")), asked.get("patience")
        if writing and info[_PATH] and _ACQUIRED not in info:
            info[_ACQUIRED] = write_lock.acquire(info[_PATH], patience if seconds is None else seconds)
        if strict:
            connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writing else 'ON'}")
        driver: Any = connection.connection.driver_connection
        if not driver.in_transaction:  # all sessions share one connection to a database in memory
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    @event.listens_for(engine, "before_cursor_execute")
    def let_tables_change(connection: Connection, _c: Any, _s: str, _p: Any, context: Any, _m: bool) -> None:
        if strict and context.isddl:  # create_all() opens a transaction of its own
            connection.exec_driver_sql("PRAGMA query_only=OFF")

    @event.listens_for(engine, "checkin")
    def release(_dbapi_connection: Any, record: Any) -> None:
        if acquired := record.info.pop(_ACQUIRED, None):
            acquired.close()

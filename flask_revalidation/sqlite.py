"""How this application uses SQLite: WAL, durable commits, readers that cannot write, and writers served in turn."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event

from flask_revalidation.write_lock import turns_at

TURN_SECONDS = 1.5  # with BUSY_MS: a write that cannot start is refused within 2.3 s, while someone still waits for it
BUSY_MS = 800
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_MS}")


def configure(engine: Engine) -> None:
    """Set up the engine of a SQLite database; every connection it opens follows."""
    turns = turns_at(Path(f"{engine.url.database}.turn"))

    @event.listens_for(engine, "connect")
    def prepare(dbapi_connection: Any, _record: Any) -> None:
        # Otherwise the driver begins transactions by itself, too late and without a lock: lost updates, and no error.
        dbapi_connection.isolation_level = None
        for pragma in PRAGMAS:
            dbapi_connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("write"):
            patience = options.get("patience")
            connection.info["turn"] = turns.take(TURN_SECONDS if patience is None else patience)
            connection.exec_driver_sql("PRAGMA query_only=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            # Safe methods write nothing: here the database itself refuses.
            connection.exec_driver_sql("PRAGMA query_only=ON")
            connection.exec_driver_sql("BEGIN")

    @event.listens_for(engine, "checkin")
    def give_turn_back(_dbapi_connection: Any, record: Any) -> None:
        turn = record.info.pop("turn", None)
        if turn:
            turn.give_back()

"""How PostgreSQL is used: one snapshot for each transaction, and writers of one tag who do not wait for each other.

Writers are not in a queue here. Of two that change the same row the later one fails, and `retried` runs it again.
"""

from sqlalchemy import Connection, Engine, event

WRITER = "revalidation_writer"  # in a connection's `info`: the number of the writer whose transaction runs on it
# Each running write has the lowest number that is free. Its rows of tag versions are its own, until it has ended.
# 1918987876 is the class of our advisory locks: any number that nobody else uses.
_BEGIN = (
    "SELECT set_config('lock_timeout', %s, true), writer FROM generate_series(0, 999) AS writer"
    " WHERE pg_try_advisory_xact_lock(1918987876, writer) LIMIT 1"
)


def configure(engine: Engine, strict: bool, patience: float) -> None:
    """Set up the engine of a PostgreSQL database; `patience` is how many seconds a writer waits for a lock."""
    # Under READ COMMITTED a page could be made of an old row and a later tag version, and would then stay stale.
    engine.update_execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=strict or None)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if (asked := connection.get_execution_options()).get("write"):
            timeout = f"{max(1, round(1000 * asked.get('patience', patience)))}ms"
            connection.info[WRITER] = connection.exec_driver_sql(_BEGIN, (timeout,)).one().writer

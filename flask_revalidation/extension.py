"""Plugging freshness into a Flask application."""

from collections.abc import Collection
from dataclasses import KW_ONLY, InitVar, dataclass, replace

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine

from flask_revalidation import detector, privacy, sqlite, transaction
from flask_revalidation.mistakes import Mistake, source_line
from flask_revalidation.store import MAX_BYTES, Store
from flask_revalidation.tags import tag_table

__all__ = ["Revalidation"]


@dataclass(eq=False)
class Revalidation:
    """Cached reads, tags and write transactions for Flask applications; found at `app.extensions["revalidation"]`.

    private_cookies: a request that carries one of them gets pages made for it alone.
    release: names the running code; a new one makes every older copy a miss.
    detect: look for forgotten revalidations; by default in debug and tests.
    strict: nothing is written outside `write()`; otherwise it may be, and is then not revalidated.
    patience, busy_timeout: seconds that a write waits for the write lock, and for writers that do not know that lock.
    synchronous: SQLite's durability; FULL loses nothing in a power cut.
    max_bytes: of the copies that a process keeps.
    """

    app: InitVar[Flask | None] = None
    db: SQLAlchemy = None  # type: ignore[assignment]  # known from init_app on
    _: KW_ONLY
    private_cookies: Collection[str] = ("session",)
    release: str = ""
    detect: bool | None = None
    strict: bool = False
    patience: float = 1.5
    busy_timeout: float = 0.8
    synchronous: str = "FULL"
    max_bytes: int = MAX_BYTES

    # For libraries that only know that some extension has these: see flask_server_actions.
    write = staticmethod(transaction.write)
    is_shared = staticmethod(privacy.is_shared)
    personal_environ = {privacy.PERSONAL: True}
    busy = (transaction.Busy,)

    def __post_init__(self, app: Flask | None) -> None:
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask, db: SQLAlchemy | None = None) -> None:
        """Give `app` a store of its own and set up its database. Raises `Mistake` before `db.init_app(app)`."""
        bound = replace(self, db=db or self.db)  # one extension may serve several applications
        if bound.db is None or app.extensions.get("sqlalchemy") is not bound.db:
            raise Mistake(
                f"{source_line()}: the application {app.name!r} has no such database yet."
                " Write `db.init_app(app)` before `Revalidation(app, db)`, with the same db."
            )
        app.extensions["revalidation"] = bound
        app.jinja_env.globals["is_shared"] = privacy.is_shared
        privacy.guard(app)
        bound.detect = app.debug or app.testing if self.detect is None else self.detect
        tag_table(bound.db.metadata)
        with app.app_context():
            bound._open(bound.db.engine)

    def _open(self, engine: Engine) -> None:
        self.store = Store(self.max_bytes)
        if engine.dialect.name == "sqlite":
            sqlite.configure(engine, self.strict, self.patience, self.busy_timeout, self.synchronous)
        else:  # a page reads one snapshot; under READ COMMITTED an old one can end up under new versions
            engine.update_execution_options(isolation_level="REPEATABLE READ")
        transaction.watch_writes(engine, self.strict)
        if self.detect:
            detector.detect(engine, self.store)

"""Plugging freshness into a Flask application."""

from collections.abc import Collection
from dataclasses import KW_ONLY, InitVar, dataclass, field, replace

from flask import Flask
from flask_sqlalchemy import SQLAlchemy

from flask_revalidation import detector, postgresql, privacy, sqlite, transaction
from flask_revalidation.mistakes import Mistake, source_line
from flask_revalidation.store import MAX_BYTES, Store
from flask_revalidation.tags import tag_table


@dataclass(eq=False)
class Revalidation:
    """Cached reads, tags and write transactions for Flask applications; found at `app.extensions["revalidation"]`.

    private_cookies: a request that carries one of them gets pages made for it alone.
    release: names the running code; a new one makes every older copy a miss.
    detect: look for forgotten revalidations; by default in debug and tests.
    strict: nothing is written outside `write()`; otherwise it may be, and is then not revalidated.
    patience: seconds that a write waits for the write lock, or on PostgreSQL for a row's.
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
    max_bytes: int = MAX_BYTES
    store: Store = field(init=False)

    # For a library that only knows that some extension has it: the options of flask_server_actions that come from here.
    server_actions = {"transaction": transaction.write, "busy": (transaction.Busy, TimeoutError)}
    server_actions |= {"retried": transaction.retried, "is_shared": privacy.is_shared}
    server_actions |= {"personal_environ": {privacy.PERSONAL: True}}

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
        bound.store = Store(self.max_bytes)
        tag_table(bound.db.metadata)
        with app.app_context():
            engine = bound.db.engine
        (sqlite if engine.dialect.name == "sqlite" else postgresql).configure(engine, self.strict, self.patience)
        transaction.watch_writes(engine, self.strict)
        if bound.detect:
            detector.detect(engine, bound.store)

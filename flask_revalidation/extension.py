"""Plugging freshness into a Flask application."""

from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from cachelib import SimpleCache
from flask import Flask, current_app
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.orm import Session

from flask_revalidation import privacy
from flask_revalidation.detector import Detector, Read
from flask_revalidation.store import Entry, OneFill, new_store
from flask_revalidation.tags import replace_versions, tag_table
from flask_revalidation.transaction import Busy, refuse_stray_writes, running_write, write


@dataclass(frozen=True)
class State:
    """What one application's freshness consists of; found under `app.extensions["revalidation"]`."""

    db: SQLAlchemy
    store: SimpleCache
    one_fill: OneFill
    private_cookies: frozenset[str]
    release: str
    detector: Detector | None

    busy = (Busy,)
    personal_environ = {privacy.PERSONAL: True}

    def write(self, by: str) -> AbstractContextManager[Session]:
        """Open a write transaction."""
        return write(by)

    def is_shared(self) -> bool:
        """Say whether a copy for everyone is being made."""
        return privacy.is_shared()

    def watch(self) -> AbstractContextManager[list[Read]]:
        """Record the reads of the block, where the detector is on."""
        return self.detector.watch() if self.detector else nullcontext([])

    def remember(self, key: str, entry: Entry, reads: list[Read]) -> None:
        """Tell the detector what the copy just stored was made of."""
        if self.detector:
            self.detector.remember(key, entry.versions, reads)


def init_app(
    app: Flask,
    db: SQLAlchemy,
    *,
    private_cookies: Collection[str] = ("session",),
    release: str = "",
    detect: bool | None = None,
) -> None:
    """Give `app` cached reads, tags and write transactions on `db`.

    `private_cookies`: a request that carries one of them gets pages made for it alone. `release` names the running
    code; a new one makes every older copy a miss. `detect` looks for forgotten revalidations: by default in debug and
    tests.
    """
    tag_table(db.metadata)
    detector = Detector(db.metadata.tables) if (app.debug or app.testing if detect is None else detect) else None
    state = State(db, new_store(), OneFill(), frozenset(private_cookies), release, detector)
    app.extensions["revalidation"] = state
    app.jinja_env.globals["is_shared"] = privacy.is_shared
    privacy.guard(app)
    for name, hook in (("before_flush", refuse_stray_writes), ("before_commit", _commit_versions)):
        if not event.contains(db.session, name, hook):
            event.listen(db.session, name, hook)
    if detector:
        with app.app_context():
            detector.listen(db.engine)


def _commit_versions(session: Session) -> None:
    """Session hook: the versions come last before COMMIT, so that their rows are locked for a moment only."""
    running = running_write()
    if running is None or session.in_nested_transaction():
        return  # a savepoint is released, and nothing is committed yet
    session.flush()
    replace_versions(session.connection(), running.tags)
    state: State = current_app.extensions["revalidation"]
    if state.detector:
        state.detector.check(running, state.db)

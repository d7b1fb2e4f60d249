"""The write transaction: data and versions are committed together, or neither is."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from flask import current_app
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, UOWTransaction


class Busy(Exception):
    """The database did not take the write within its time limit; nothing was written. `retry_after` is in seconds."""

    retry_after = 2


class WriteOutsideTransaction(RuntimeError):
    """Something was about to be written outside `write()`: by a GET, or without its revalidation."""


@dataclass
class Write:
    """A running write: who writes, through which session, and the tags that commit will replace."""

    by: str
    session: Session
    tags: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)


_running: ContextVar[Write | None] = ContextVar("revalidation_write", default=None)


@contextmanager
def write(by: str, *, patience: float | None = None) -> Iterator[Session]:
    """Run the block as one write transaction, and commit it with its versions. `by` names the writer in messages.

    The read transaction that the request may hold ends first, so that everything inside is read again, under the lock.
    `patience` is how many seconds to wait for the turn to write, where the engine keeps turns; None leaves it to it.
    Raises `Busy` when the database cannot take it now. Any exception rolls back the data and the versions.
    """
    if _running.get() is not None:
        raise RuntimeError(f"{by} asks for a second write inside one: a write is one transaction")
    session: Session = current_app.extensions["revalidation"].db.session()
    session.rollback()
    token = _running.set(Write(by, session))
    try:
        # SQLite reads this option when it begins (BEGIN IMMEDIATE); elsewhere it is only a note.
        session.connection(execution_options={"write": True, "patience": patience})
        yield session
        session.commit()
    except (OperationalError, PoolTimeout, TimeoutError) as error:
        session.rollback()
        if not is_busy(error):
            raise
        raise Busy("The database is busy; nothing was saved.") from error
    except BaseException:
        session.rollback()
        raise
    finally:
        _running.reset(token)


def is_busy(error: Exception) -> bool:
    """Tell waiting in vain from a fault: a missing table or a full disk does not get better by trying again."""
    return not isinstance(error, OperationalError) or "locked" in str(error.orig)


def running_write() -> Write | None:
    """Return the write that is open here, if there is one."""
    return _running.get()


def current_write(asked_by: str) -> Write:
    """Return the running write; RuntimeError where there is none."""
    running = _running.get()
    if running is None:
        raise RuntimeError(f"{asked_by} belongs inside `with write(…)`, beside the change it is about")
    return running


def is_writing() -> bool:
    """Say whether a write is open here. Its session never fills the cache: it may yet roll back."""
    return _running.get() is not None


def refuse_stray_writes(session: Session, _flush: UOWTransaction, _instances: Any) -> None:
    """Session hook: a flush outside `write()` is a bug in every mode, so it raises before anything is sent."""
    changed = [*session.new, *session.dirty, *session.deleted]
    if changed and not is_writing():
        raise WriteOutsideTransaction(f"{type(changed[0]).__name__} was changed outside `with write(…)`")

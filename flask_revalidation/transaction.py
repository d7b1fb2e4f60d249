"""The write transaction: data and versions are committed together, or neither is."""

import errno
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any, NoReturn, TypeVar, cast

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, event, exc
from sqlalchemy.orm import Session

from flask_revalidation.mistakes import Mistake, extension_for, source_line
from flask_revalidation.signals import write_began, write_ended
from flask_revalidation.tags import EPOCH, replace_versions

__all__ = ["Busy", "Conflict", "WriteOutsideTransaction", "is_busy", "retried", "write"]
__all__ += ["revalidate_everything", "revalidate_path", "revalidate_tag"]

WRITTEN = "revalidation_written"  # in a connection's `info`: the tables that the running transaction has written
_RUNNING = "revalidation_write"  # in a session's `info`
_ENDS = ("commit", "rollback", "close", "reset", "invalidate")
# How codes begin of what passes. PostgreSQL's errors (its manual, appendix A): connection, a read-only database,
# rollback, resources such as the disk, locks, the operator's doing, the system. The system's own, of lock files.
_BUSY = ("08", "25006", "40", "53", "55", "57", "58", "EACCES", "EDQUOT", "EFBIG", "EIO", "ENOSPC", "EROFS")
_VERBS = r"(?:INSERT|REPLACE|MERGE|UPDATE|DELETE)(?:\s+OR\s+\w+)?(?:\s+INTO|\s+FROM)?(?:\s+ONLY)?"
_WRITE = re.compile(rf'\s*(?:WITH\b.*?[()]\s*)?{_VERBS}\s+(?:"?\w+"?\.)?"?(\w+)', re.IGNORECASE | re.DOTALL)

F = TypeVar("F", bound=Callable[..., Any])


class Busy(Exception):
    """The database did not take the write within its time limit; nothing was written. Trying later may help."""


class Conflict(Busy):
    """Another write came first, on PostgreSQL; nothing was written. Trying again may help: `retried`."""


def retried(function: F) -> F:
    """Decorate a function that opens a write and ends it: where it meets a `Conflict`, it runs again, up to 8 times.

    So it does after an IntegrityError: PostgreSQL shows a unique row that another write has added only when it is too
    late. Everything in it happens again; what may happen once only, such as asking another server, belongs before it.
    """

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        for longest in (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.16):  # seconds
            with suppress(Conflict, exc.IntegrityError):
                return function(*args, **kwargs)
            time.sleep(random.uniform(0, longest))  # noqa: S311  (chance parts those who met)
        return function(*args, **kwargs)

    return run  # type: ignore[return-value]


class WriteOutsideTransaction(Mistake):
    """Something was about to be written outside `write()`: by a GET, or without its revalidation."""


@dataclass
class Write:
    """A running write: who writes, and the tags whose versions commit will replace."""

    by: str
    tags: set[str] = field(default_factory=set)


@contextmanager
def write(by: str, patience: float | None = None) -> Iterator[Session]:
    """Run the block as one write transaction, and commit it with its versions. `by` names the writer in messages.

    The read transaction that the request may hold ends first, so that everything inside is read again, under the lock.
    `patience` is how many seconds to wait for the write lock; None leaves it to the extension. Raises `Busy` when the
    database cannot take it now, and `Mistake` inside another write. Any exception rolls back the data and the versions.
    """
    session: Session = extension_for("write").db.session()
    if outer := session.info.get(_RUNNING):
        raise Mistake(f"{source_line()}: {by} asks for a second write inside that of {outer.by}. Take out the inner.")
    session.rollback()
    transaction = session.begin()
    running = session.info[_RUNNING] = Write(by)
    vars(session).update({name: partial(_refuse, name, by) for name in _ENDS})
    try:
        options = {"write": running, "postgresql_readonly": None}
        session.connection(execution_options=options if patience is None else options | {"patience": patience})
        write_began.send(running)
        yield session
        session.flush()
        replace_versions(session.connection(), running.tags)  # last, so that their rows are locked for a moment only
        transaction.commit()
    except BaseException as error:
        type(session).rollback(session)
        write_ended.send(running, error=error)
        if is_busy(error) or "no such savepoint" in str(error):  # a full disk ended SQLite's transaction within one
            met = _code_of(error).startswith("40")
            raise (Conflict if met else Busy)("The database is busy; nothing was saved.") from error
        raise
    finally:
        del session.info[_RUNNING]
        for name in _ENDS:
            delattr(session, name)
    write_ended.send(running, error=None)


def _refuse(name: str, by: str, *_: Any) -> NoReturn:
    """Stand for what would end the transaction inside a write: it would part the data from its versions."""
    raise Mistake(
        f"{source_line()} calls {name}() inside the write of {by}. Take it out: `with write(…)` commits at its end, and"
        " rolls back when an exception leaves it; a savepoint is `with session.begin_nested()`."
    )


def is_busy(error: BaseException) -> bool:
    """Tell what passes, such as waiting in vain or a disk that is full, from a fault, such as a missing table."""
    told = isinstance(error, exc.OperationalError) and re.search(" locked|connect|disk|readonly|open", str(error.orig))
    return bool(told) or _code_of(error).startswith(_BUSY) or isinstance(error, Busy | exc.TimeoutError | TimeoutError)


def _code_of(error: BaseException) -> str:
    system = errno.errorcode.get(getattr(error, "errno", None) or 0, "")
    return getattr(getattr(error, "orig", None), "sqlstate", None) or system


def current_write(asked_by: str) -> Write:
    """Return the write that is open in this application context. Raises `Mistake` where there is none."""
    if running := extension_for(asked_by).db.session().info.get(_RUNNING):
        return cast(Write, running)
    raise Mistake(f"{source_line()} calls {asked_by} outside of a write. It belongs inside `with write(…)`.")


def revalidate_tag(*tags: str) -> None:
    """Make every cached copy under these tags a miss, at the moment the running write commits.

    Raises `Mistake` outside `write()`: a version replaced by itself would be a second step, and could be forgotten.
    """
    current_write("revalidate_tag").tags.update(tags)


def revalidate_path(*paths: str) -> None:
    """Make the cached copies of these paths a miss. A page always carries its own path as a tag."""
    current_write("revalidate_path").tags.update(paths)


def revalidate_everything() -> None:
    """Make every cached copy a miss, inside a running write. It also forgets the tags of rows that are long gone."""
    current_write("revalidate_everything").tags.add(EPOCH)


def is_dirty(db: SQLAlchemy) -> bool:
    """Say whether what is open here has written, or is about to. It never fills the cache: it may yet roll back."""
    if not db.session.registry.has():
        return False
    session = db.session()
    pending = session.info.get(_RUNNING) or session.new or session.dirty or session.deleted
    return bool(pending or (session.in_transaction() and session.connection().info[WRITTEN]))


def watch_writes(engine: Engine, strict: bool) -> None:
    """Note which tables each transaction of `engine` writes. If `strict`, it may only do so inside `write()`."""

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.info[WRITTEN] = set()

    @event.listens_for(engine, "before_cursor_execute")
    def note(connection: Connection, _c: Any, statement: str, _p: Any, context: Any, _m: bool) -> None:
        if written := _WRITE.match(statement):
            if strict and not context.execution_options.get("write"):
                raise WriteOutsideTransaction(
                    f"{source_line()} writes to table {written[1]} outside of a write. Put it inside `with write(…)`."
                )
            connection.info.setdefault(WRITTEN, set()).add(written[1])

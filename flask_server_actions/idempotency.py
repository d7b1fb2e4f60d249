"""Idempotency of forms: a one-time key, stored in the same transaction as what its form did.

A double click, a reload, a retry after a crash: each presents the key again and gets the first answer again.
"""

from datetime import UTC, datetime, timedelta

from flask import g
from sqlalchemy import JSON, Column, DateTime, MetaData, String, Table, delete, insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from flask_server_actions.result import Result
from flask_server_actions.sentences import sentence, state
from flask_server_actions.submission import Submission

TABLE = "form_key"
MISSING = f"The table {TABLE} is missing. Make it by a migration, or call create_all() after ServerActions(…)."


def key_table(metadata: MetaData) -> Table:
    """Return the table of used keys, added to `metadata` unless it is there."""
    key, fields = Column("digest", String(64), primary_key=True), Column("fields", String(64), nullable=False)
    answer, used_at = Column("answer", JSON, nullable=False), Column("used_at", DateTime, nullable=False, index=True)
    return Table(TABLE, metadata, key, fields, answer, used_at, keep_existing=True)


def form_key() -> str:
    """Return the running form's key, or an empty string: what the action asks of others can be asked once as well.

    It is the caller's own word, so it may tell two forms apart, and never who is asking.
    """
    return str(g.get("form_key", ""))


def recall(session: Session | None, submission: Submission) -> None:
    """Raise the first answer to this key, if there was one; a Result (409) where it comes with other words.

    Without a session nothing is written, and nothing is remembered.
    """
    if session is None or not submission.key:
        return
    try:
        row = session.execute(select(state.form_keys).where(state.form_keys.c.digest == submission.key)).first()
    except DBAPIError as error:
        raise RuntimeError(MISSING) if TABLE in str(error.orig) else error from error
    if row:
        raise Result(**row.answer) if row.fields == submission.digest() else Result(sentence("sent_before"), 409)


def remember(session: Session | None, submission: Submission, result: Result) -> None:
    """Store the answer under its key, in the transaction of its effect; without what is revealed once."""
    if session is not None and submission.key:
        answer = {"message": result.message, "location": result.location, "undo": result.undo}
        row = {"digest": submission.key, "fields": submission.digest(), "answer": answer, "used_at": _now()}
        session.execute(insert(state.form_keys).values(row))


def sweep_form_keys(session: Session, older_than: timedelta = timedelta(days=7), most: int = 500) -> int:
    """Forget keys that no open page can still hold, inside a running write: `most` of them. Return how many."""
    old = select(state.form_keys.c.digest).where(state.form_keys.c.used_at < _now() - older_than).limit(most)
    return session.connection().execute(delete(state.form_keys).where(state.form_keys.c.digest.in_(old))).rowcount


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)

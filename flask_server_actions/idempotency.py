"""One form, one effect: a key made with the form and stored in the same transaction as what the form did.

A double click, a reload, a retry after a crash: each presents the key again and gets the first answer again.
"""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta

from flask import current_app, g
from sqlalchemy import Column, DateTime, MetaData, String, Table, Text, delete, insert, select
from sqlalchemy.orm import Session

from flask_server_actions.result import Refused, Success, Undo

TABLE = "form_key"


def add_table(metadata: MetaData) -> None:
    """Add the table of used keys to `metadata`, unless it is there."""
    if TABLE not in metadata.tables:
        Table(
            TABLE,
            metadata,
            Column("digest", String(64), primary_key=True),
            Column("fields", String(64), nullable=False),
            Column("message", Text, nullable=False),
            Column("location", Text, nullable=False),
            Column("undo", Text),
            Column("used_at", DateTime, nullable=False, index=True),
        )


def new_key() -> str:
    """Return a key for one rendering of one form: 128 random bits."""
    return secrets.token_urlsafe(16)


def form_key() -> str:
    """Return the running form's key, or an empty string: what the action asks of others can be asked once as well.

    It is the caller's own word, so it may tell two forms apart, and never who is asking.
    """
    key: str = g.get("form_key", "")
    return key


def recall(session: Session, name: str, key: str, fields: dict[str, str]) -> Success | None:
    """Return the first answer to this key, if there was one. 409 when it comes back with something else typed in."""
    if not key:
        return None
    table = _table()
    row = session.execute(select(table).where(table.c.digest == _digest(name, key))).first()
    if row is None:
        return None
    if row.fields != _digest(sorted(fields.items())):
        raise Refused(409, "This form was sent before, with other words. Press the button again to send this as well.")
    return Success(row.message, row.location, Undo.from_json(row.undo))


def remember(session: Session, name: str, key: str, fields: dict[str, str], answer: Success) -> None:
    """Store the answer under its key, in the transaction of its effect."""
    if key:
        row = {"digest": _digest(name, key), "fields": _digest(sorted(fields.items())), "used_at": _now()}
        undo = answer.undo and answer.undo.to_json()
        session.execute(insert(_table()).values(message=answer.message, location=answer.location, undo=undo, **row))


def sweep_form_keys(session: Session, older_than: timedelta = timedelta(days=7)) -> None:
    """Forget keys that no open page can still hold, inside a running write."""
    table = _table()
    session.execute(delete(table).where(table.c.used_at < _now() - older_than))


def _table() -> Table:
    metadata: MetaData = current_app.extensions["server_actions"].db.metadata
    return metadata.tables[TABLE]


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()

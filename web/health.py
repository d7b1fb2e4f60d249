"""What the operator asks: does it run, and can it work?"""

import os

from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from models import db

bp = Blueprint("health", __name__)
_WRITABLE = text("SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'")


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Say that the process answers."""
    return _status(True)


@bp.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Say whether the site can work: every table readable as this release knows it, and the database writable."""
    needed = max(file.name[:4] for file in os.scandir(f"{current_app.root_path}/migrations/versions") if file.is_file())
    try:
        for table in db.metadata.sorted_tables:
            db.session.execute(select(table).limit(1)).first()
        made = str(db.session.scalar(text("SELECT version_num FROM alembic_version")))
        return _status(made >= needed and _is_writable())  # a later release may have come first
    except (SQLAlchemyError, OSError):
        return _status(False)


def _is_writable() -> bool:
    if db.engine.dialect.name != "sqlite":
        return bool(db.session.scalar(_WRITABLE))
    disk = os.statvfs(db.engine.url.database or ".")
    return not disk.f_flag & os.ST_RDONLY and disk.f_bavail * disk.f_frsize > 1_000_000  # bytes


def _status(ok: bool) -> ResponseReturnValue:
    return jsonify(status="ok" if ok else "unavailable"), 200 if ok else 503, {"Cache-Control": "no-store"}

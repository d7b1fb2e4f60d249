"""What the operator asks: does it run, and can it work?"""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from models import db

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Say that the process answers."""
    return _status(True)


@bp.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Say whether the database answers too: 503 where it does not."""
    try:
        db.session.execute(text("SELECT 1 FROM revalidation_tag LIMIT 1"))
    except SQLAlchemyError:
        return _status(False)
    return _status(True)


def _status(ok: bool) -> ResponseReturnValue:
    return jsonify(status="ok" if ok else "unavailable"), 200 if ok else 503, {"Cache-Control": "no-store"}

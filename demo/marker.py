"""Whose a database is: the demo's, a production's, or nobody's yet. One row says so, whatever the variables say.

Variables get lost. Without the row, a production whose SECRET_KEY is gone would start as a demo that anyone can wipe.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from click import ClickException
from sqlalchemy import URL, Connection, NullPool, create_engine, inspect, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from models import Setting, db

log = logging.getLogger(__name__)

MARKER = "demo"  # the row's key among the settings; no switch is called so
FIRST_REVISION = "0011"  # the migration that marks what is older
PASSWORD = "open-the-door"  # noqa: S105  (the demo's password is printed at the start)
# No secret: the docs print it. It opens the demo and nothing else.
PARTNER_KEY = "hd_PARTNERKEY_DemoPartnerKeyForEveryoneToSee002xf1mo"
_CONTENT = ("user", "member", "message", "delivery")
_PATIENCE = {"sqlite": {"timeout": 3}, "postgresql": {"connect_timeout": 3}}  # seconds


class WrongDatabase(ClickException):
    """The database is not one for this mode; the message says why, and which variables to change."""


def mark(*, demo: bool) -> None:
    """Say whose the database is, inside a running write."""
    db.session.merge(Setting(key=MARKER, value=demo))


def why_not_filled() -> str:
    """Say why the database must not be filled, or anew, in a running write; empty where it is new or the demo's."""
    return next(refusals(demo=True, found=is_demo(db.session.connection())), "")


def claim() -> None:
    """Say that the database is a production's, inside a running write. Raises WrongDatabase where it is a demo's."""
    connection = db.session.connection()
    require(demo=False, found=is_demo(connection) or has_public_passwords(connection))
    mark(demo=False)


def problems_of(env: Any, *, starting: bool = False) -> Iterator[str]:
    """Yield why a site with these settings may not open its database.

    A worker of a production that begins anew while the database is away must not end its server, so in `starting` that
    is logged only. A demo does not start where nobody can say whose the database is.
    """
    if starting and env.demo and env.public_url:
        log.warning("This demo is public, at %s: whoever comes there is the owner, and may wipe it.", env.public_url)
    try:
        yield from refusals(demo=env.demo, found=whose(env.database))
    except (SQLAlchemyError, ImportError) as error:
        reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        unknown = f"The database of DATABASE_URL or DATA_DIR cannot be read: {reason}."
        if starting and isinstance(error, OperationalError) and not env.demo:
            log.warning("%s", unknown)
        else:
            yield unknown


def refusals(*, demo: bool, found: bool | None) -> Iterator[str]:
    """Yield why a site of this mode may not open a database that is the demo's, or is not."""
    if demo and found is False:
        yield (
            "This database is not the demo's, and a demo is anyone's to wipe. Give the variables of production"
            " (SECRET_KEY, PUBLIC_URL, TRUSTED_HOSTS and the others), or another DATA_DIR or DATABASE_URL."
        )
    if not demo and found:
        yield "This database is a demo's: its passwords are public. Give another DATA_DIR or DATABASE_URL."


def require(*, demo: bool, found: bool | None) -> None:
    """Raise WrongDatabase where a site of this mode may not write to a database that is the demo's, or is not."""
    for sentence in refusals(demo=demo, found=found):
        raise WrongDatabase(sentence)


def is_demo(connection: Connection) -> bool | None:
    """Return whether a database is the demo's; None for a new one, which is nobody's yet."""
    tables = inspect(connection).get_table_names()
    if not {"setting", "user"} <= {*tables}:
        return None
    marked = connection.scalar(text("SELECT value FROM setting WHERE key = :key"), {"key": MARKER})
    if marked is not None:
        return bool(marked)
    if not any(connection.scalar(text(f'SELECT 1 FROM "{name}" LIMIT 1')) for name in _CONTENT if name in tables):  # noqa: S608
        return None
    return _is_unmarked_yet(connection) and has_public_passwords(connection)


def has_public_passwords(connection: Connection) -> bool:
    """Say whether the key or a password that the docs print opens a database, of whatever revision."""
    key = 'SELECT 1 FROM api_key k JOIN "user" u ON u.id = k.user_id'
    key += " WHERE key_id = 'PARTNERKEY' AND revoked_at IS NULL AND disabled_at IS NULL"
    people = "SELECT password_hash FROM \"user\" WHERE email LIKE '%@hallway.example' AND disabled_at IS NULL"
    if inspect(connection).has_table("api_key") and connection.scalar(text(key)):
        return True
    return any(map(_is_printed, connection.scalars(text(people))))


def _is_printed(password_hash: str) -> bool:
    try:
        return PasswordHasher().verify(password_hash, PASSWORD)
    except (VerificationError, ValueError):
        return False


def _is_unmarked_yet(connection: Connection) -> bool:
    known = inspect(connection).has_table("alembic_version")
    revision = connection.scalar(text("SELECT version_num FROM alembic_version")) if known else None
    return revision is not None and revision < FIRST_REVISION


def whose(url: URL) -> bool | None:
    """Return whether the database at `url` is the demo's; None for a new one."""
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        return None  # connecting would make it
    engine = create_engine(url, poolclass=NullPool, connect_args=_PATIENCE.get(url.get_backend_name(), {}))
    with engine.connect() as connection:
        return is_demo(connection)

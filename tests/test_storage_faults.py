"""A disk that is full or read-only: writes are refused in words, none is half written, and readers notice nothing."""

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import psycopg
import pytest
from conftest import ON_POSTGRES
from scenarios import LETTER, fingerprint
from serving import serving
from sqlalchemy import create_engine, text
from webhooks import encoded, event, signed

from demo.seed import PARTNER_KEY

PAGES = ("/", "/blog", "/contact", "/feed.xml", "/api/v1/posts", "/blog/the-letter-slot-and-the-front-desk")
TABLE = "/api/v1/posts.csv"
UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def ask(server, path, body=None, **headers):
    """Return status, headers and text of an answer."""
    request = Request(f"{server.url}{path}", body, {name.replace("_", "-"): text for name, text in headers.items()})
    try:
        with urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.headers, refusal.read().decode()


def write_letter(server):
    own = {"Sec_Fetch_Site": "same-origin", "Referer": f"{server.url}/contact"}
    return ask(server, "/_actions/messages.send_message", urlencode(LETTER).encode(), **own)


def write_post(server):
    key = {"Authorization": f"Bearer {PARTNER_KEY}", "Content_Type": "application/json", "Idempotency_Key": "once"}
    return ask(server, "/api/v1/posts", json.dumps({"title": "On a full disk"}).encode(), **key)


def tell(server):
    body = encoded(event("invoice.paid"))
    return ask(server, "/api/webhooks/stripe", body, Stripe_Signature=signed(body))


def workers_of(server):
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(child) for child in children.read_text().split()]


def assert_writes_are_refused(server, look):
    """Each way in says 503 in its own language, readers notice nothing, and what `look` sees stays the same."""
    before = look()

    kinds = ["text/html", "application/problem+json", "application/problem+json"]
    answers = [write(server) for write in (write_letter, write_post, tell)]
    assert [(status, headers["Retry-After"]) for status, headers, _ in answers] == [(503, "2")] * 3
    assert [headers.get_content_type() for _, headers, _ in answers] == kinds
    assert f"{LETTER['message']}</textarea>" in answers[0][2]
    assert {path: ask(server, path)[0] for path in PAGES} == dict.fromkeys(PAGES, 200)
    assert look() == before


def assert_writes_are_taken(server):
    """Each way in takes what it refused before."""
    assert write_letter(server)[0] == 200  # after the redirect
    assert [write_post(server)[0], tell(server)[0]] == [201, 200]
    assert ask(server, "/readyz")[0] == 200


@pytest.mark.sqlite("its files are written by the workers")
def test_files_that_cannot_grow_refuse_writes_until_they_can(app, data_dir):
    with serving(data_dir) as server:
        workers = workers_of(server)
        assert {ask(server, path)[0] for path in PAGES} == {200}
        for pid in workers:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))

        assert_writes_are_refused(server, lambda: fingerprint(app))

        for pid in workers:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, UNLIMITED)
        assert_writes_are_taken(server)
        assert workers_of(server) == workers


@contextmanager
def mounted(data_dir, how):
    """Serve in a mount namespace of its own, in which `how` puts something else where the data is."""
    for unshare in (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]):
        tried = subprocess.run([*unshare, "sh", "-c", "mount -t tmpfs none /mnt"], capture_output=True, text=True)
        if tried.returncode == 0:
            break
    else:
        pytest.skip(f"nothing may be mounted here: {tried.stderr.strip()}")
    with serving(data_dir, workers=1, inside=[*unshare, "sh", "-c", f'set -e; {how}; exec "$@"', "sh"]) as server:
        enter = ["nsenter", f"--target={server.process.pid}", "--mount", *(["--user"] if len(unshare) > 2 else [])]
        yield server, lambda *command: subprocess.run([*enter, *command], check=True, capture_output=True).stdout


@pytest.mark.sqlite("its files are on the disk that is full")
def test_disk_that_is_full_refuses_writes_until_there_is_room(data_dir):
    shutil.copytree(data_dir, copy := data_dir.with_name("copy"))
    small = f"mount -t tmpfs -o size=16m,mode=700 none {data_dir}; cp -r {copy}/. {data_dir}"
    dump = f"import sqlite3; print(*sqlite3.connect('{data_dir}/hallway.db').iterdump())"
    with mounted(data_dir, small) as (server, run):
        assert {ask(server, path)[0] for path in (*PAGES, TABLE, "/readyz")} == {200}
        filler = Path(f"/proc/{server.process.pid}/root{data_dir}/filler")
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass

        assert ask(server, "/readyz")[0] == 503
        assert_writes_are_refused(server, lambda: run(sys.executable, "-c", dump))
        assert ask(server, TABLE)[0] == 200  # the copy from before

        filler.unlink()
        assert_writes_are_taken(server)


@pytest.mark.sqlite("its files are on the disk")
def test_site_that_starts_on_a_read_only_disk_is_read_and_says_so(app, data_dir):
    with app.app_context(), app.extensions["sqlalchemy"].engine.connect() as other:
        other.execute(text("SELECT 1 FROM post"))  # a reader has the log, without which SQLite reads no such disk
        bound = f"mount --bind {data_dir} {data_dir}; mount -o remount,bind,ro {data_dir}"
        with mounted(data_dir, bound) as (server, run):
            assert ask(server, "/readyz")[0] == 503
            assert_writes_are_refused(server, lambda: fingerprint(app))

            run("mount", "-o", "remount,bind,rw", data_dir)
            (before,) = workers_of(server)
            server.process.send_signal(signal.SIGHUP)  # SQLite opened the files for reading, and stays with that
            while before in workers_of(server):
                time.sleep(0.1)
            assert_writes_are_taken(server)


@pytest.fixture
def operator(app):
    """Someone at PostgreSQL's own prompt."""
    url = app.config["SQLALCHEMY_DATABASE_URI"].set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection
        connection.execute(f"ALTER DATABASE {connection.info.dbname} RESET default_transaction_read_only")


def end_connections(operator):
    operator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


@pytest.mark.skipif(not ON_POSTGRES, reason="of PostgreSQL: run with TEST_DATABASE=postgresql")
def test_database_that_is_read_only_refuses_writes_until_it_is_not(app, data_dir, operator):
    with serving(data_dir) as server:
        operator.execute(f"ALTER DATABASE {operator.info.dbname} SET default_transaction_read_only = on")
        end_connections(operator)

        assert ask(server, "/readyz")[0] == 503
        assert_writes_are_refused(server, lambda: fingerprint(app))

        operator.execute(f"ALTER DATABASE {operator.info.dbname} RESET default_transaction_read_only")
        end_connections(operator)
        assert_writes_are_taken(server)


@pytest.mark.skipif(not ON_POSTGRES, reason="of PostgreSQL: run with TEST_DATABASE=postgresql")
def test_database_whose_disk_is_full_refuses_writes_until_there_is_room(app, data_dir, operator):
    says = "RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';"
    operator.execute(f"CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {says} END $$")
    for table in ("message", "post", "delivery"):
        operator.execute(f"CREATE TRIGGER fill BEFORE INSERT ON {table} EXECUTE FUNCTION fill()")
    with serving(data_dir) as server:
        assert_writes_are_refused(server, lambda: fingerprint(app))

        operator.execute("DROP FUNCTION fill CASCADE")
        assert_writes_are_taken(server)


def operate(app, statement):
    """Do something that the site never does, past its rules."""
    engine = create_engine(app.config["SQLALCHEMY_DATABASE_URI"])
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("ALTER TABLE post RENAME TO lost", "ALTER TABLE lost RENAME TO post"),
        ("ALTER TABLE post RENAME excerpt TO lost", "ALTER TABLE post RENAME lost TO excerpt"),
        ("UPDATE alembic_version SET version_num = '0001'", "UPDATE alembic_version SET version_num = '9999'"),
    ],
)
def test_site_is_ready_while_the_database_has_what_this_release_needs_or_a_later_one(app, visitor, broken, mended):
    told = [visitor.get("/readyz").status_code]
    for statement in (broken, mended):
        operate(app, statement)
        told.append(visitor.get("/readyz").status_code)

    assert told == [200, 503, 200]
    assert visitor.get("/healthz").status_code == 200

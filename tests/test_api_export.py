"""Everything at once: complete, of one moment, harmless in a spreadsheet, and at no reader's or writer's cost."""

import csv
import http.client
import io
import json
import os
import random
import shutil
import socket
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from api_client import QUOTA, Caller, issue_key, refusal
from conftest import settings_for
from serving import serving
from sqlalchemy import select

import api.v1.export
from api.v1.export import COLUMNS, harmless
from api.v1.resources import PostOut
from app import create_app
from flask_revalidation import revalidate_everything, write
from models import Post, db

FORMULA = tuple("=+-@\t\r\n\0|%＝＋－＠")
ODD_TEXTS = ["=1+1", " =1", "\u00a0=1", "+1", "-1", "@SUM(A1)", "|x", "%x", "\tx", "\nx", "\rx", "'=1", "''", "'Tis"]
ODD_TEXTS += ['say "hi"', "a,b", "a;b", "two\nlines", "a\r\nb", "Tür, 雪, 🚪", "＝1", "- dash", "plain", " spaces "]


@pytest.fixture
def ada(app):
    """The owner, at the door."""
    return Caller(app, issue_key(app, "ada"))


def undone(cell):
    """Take away the apostrophe that an export has put in front."""
    return cell.removeprefix("'")


def in_table(answer):
    """Read a table as a spreadsheet does."""
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


# --- what is in it --------------------------------------------------------------------------------------------------


def test_no_cell_is_a_formula_and_no_value_is_lost():
    chance = random.Random(5)
    letters = [*FORMULA, "'", " ", '"', ",", "a", "é", "1"]
    texts = {*ODD_TEXTS, *("".join(chance.choices(letters, k=chance.randrange(6))) for _ in range(5000))}
    lines = io.StringIO(newline="")
    csv.writer(lines).writerows([harmless(text), "end"] for text in texts)

    cells = [cell for cell, _ in csv.reader(io.StringIO(lines.getvalue(), newline=""))]

    assert [cell for cell in cells if cell.lstrip().startswith(FORMULA) or cell.startswith(FORMULA)] == []
    assert [undone(cell) for cell in cells] == list(texts)


def test_numbers_stay_numbers():
    assert [harmless(value) for value in (-1, 0, None, True)] == [-1, 0, None, True]


def test_table_holds_what_readers_see_value_by_value(app, ada):
    for number, text in enumerate(ODD_TEXTS):
        title = text if text.isprintable() else "A title is one line"
        body = {"title": title, "slug": f"odd-{number}", "excerpt": f"{text}!", "tags": ["b", "a"]}
        assert ada.post("/posts", body).status_code == 201
        ada.put(f"/posts/odd-{number}/publication")
    ada.post("/posts", {"title": "Nobody's yet"})

    answer = Caller(app).get("/posts.csv")
    table = {row["slug"]: row for row in in_table(answer)}

    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.data.startswith("\ufeffid,slug,".encode())  # spreadsheets tell UTF-8 by it
    assert answer.headers["Content-Disposition"] == "attachment; filename=posts.csv"
    posts = {post["slug"]: post for post in Caller(app).every("/posts?limit=100")}
    assert table.keys() == posts.keys()
    for slug, post in posts.items():
        expected = {**post, "author": post["author"]["handle"], "tags": " ".join(post["tags"])}
        assert {name: undone(cell) for name, cell in table[slug].items()} == {n: str(expected[n]) for n in COLUMNS}


def test_each_line_of_the_export_is_what_the_post_itself_answers(app, ada):
    for caller in (ada, Caller(app, issue_key(app, "bob"))):
        answer = caller.get("/export")
        lines = answer.text.splitlines()
        assert answer.mimetype == "application/x-ndjson"
        assert int(answer.headers["Content-Length"]) == len(answer.data)
        assert [json.loads(line) for line in lines] == [
            caller.get(f"/posts/{json.loads(line)['slug']}").json for line in lines
        ]
        assert {json.loads(line)["slug"] for line in lines} == {p["slug"] for p in caller.every("/posts")}


def test_export_needs_a_key_and_the_table_does_not(app):
    assert refusal(Caller(app).get("/export")) == (401, "key-needed")
    assert {row["status"] for row in in_table(Caller(app).get("/posts.csv"))} == {"published"}


@pytest.mark.parametrize("path", ["/export", "/posts.csv"])
def test_export_is_of_one_moment(app, ada, monkeypatch, path):
    monkeypatch.setattr(api.v1.export, "_BATCH", 1)
    with app.app_context():
        published = db.session.scalars(select(Post.id).where(Post.published_at.is_not(None)).order_by(Post.id)).all()
    ends = [published[0], published[-1]]
    of, written = PostOut.model_validate, []

    def change_both():
        with app.app_context(), write(by="test") as session:
            for post_id in ends:
                session.get(Post, post_id).title = "Both at once"
            revalidate_everything()

    def of_and_meanwhile(post):
        shown = of(post)
        if not written:
            written.append(1)
            other = threading.Thread(target=change_both)
            other.start()
            other.join()
        return shown

    monkeypatch.setattr(PostOut, "model_validate", of_and_meanwhile)

    assert [ada.get(path).text.count("Both at once") for _ in range(2)] == [0, 2]
    assert written


@pytest.mark.parametrize("path", ["/export", "/posts.csv"])
def test_fault_midway_is_an_answer_and_not_half_a_file(make_app, monkeypatch, path):
    app = make_app(testing=False)
    ada = Caller(app, issue_key(app, "ada"))
    of, seen = PostOut.model_validate, []

    def fail_late(post):
        seen.append(post)
        return of(post) if len(seen) < 5 else 1 / 0

    monkeypatch.setattr(PostOut, "model_validate", fail_late)
    for _ in range(5):  # and no slot is lost by it
        assert refusal(ada.get(path)) == (500, "fault")
        seen.clear()


@pytest.mark.parametrize("path", ["/export", "/posts.csv"])
def test_full_disk_takes_no_slot_away(make_app, monkeypatch, path):
    app = make_app(testing=False)
    ada = Caller(app, issue_key(app, "ada"))
    with monkeypatch.context() as disk:
        disk.setattr("tempfile.TemporaryFile", lambda *_, **__: os.open("/nowhere/at/all", os.O_RDONLY))
        assert [refusal(ada.get(path)) for _ in range(5)] == [(500, "fault")] * 5

    assert ada.get(path).status_code == 200


def test_too_many_exports_at_once_are_told_to_come_back(make_app, monkeypatch):
    app = make_app(testing=False)
    posts, answers = api.v1.export._posts, []
    inside, go_on = threading.Semaphore(0), threading.Event()

    def wait_and_read():
        inside.release()
        assert go_on.wait(10)
        return posts()

    monkeypatch.setattr("api.v1.export._posts", wait_and_read)
    readers = [threading.Thread(target=lambda: answers.append(Caller(app).get("/posts.csv"))) for _ in range(2)]
    for reader in readers:
        reader.start()
        assert inside.acquire(timeout=10)

    refused = Caller(app).get("/posts.csv")
    go_on.set()
    for reader in readers:
        reader.join()

    assert refusal(refused) == (503, "busy")
    assert refused.headers["Retry-After"] == "5"
    assert [answer.status_code for answer in answers] == [200, 200]
    assert Caller(app).get("/posts.csv").status_code == 200


# --- what it costs --------------------------------------------------------------------------------------------------

ROWS = int(os.environ.get("EXPORT_ROWS", "1000"))  # EXPORT_ROWS=100000 asks for the whole promise
BYTES = 32_000_000  # of all bodies together: what is kept in memory shows, and a client can hang up midway
FEW = 16 * 1024 * 1024
INSERT = """
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :rows)
INSERT INTO post (slug, title, excerpt, body, body_html, status, published_at, created_at, updated_at, version,
                  like_count, author_id)
SELECT 'bulk-' || n, 'Bulk ' || n, 'One of many.', hex(zeroblob(:bytes / 2)), '', 'published', created_at, created_at,
       created_at, 1, 0, author_id FROM number, (SELECT created_at, author_id FROM post LIMIT 1)
"""


@pytest.fixture(scope="module")
def large(filled_directory, tmp_path_factory):
    """A running server of one worker with many posts, and a key of the owner's."""
    directory = tmp_path_factory.mktemp("large") / "data"
    shutil.copytree(filled_directory, directory)
    app = create_app(settings_for(directory), testing=True)
    key = issue_key(app, "ada")
    with app.app_context():
        db.engine.dispose()
    database = sqlite3.connect(directory / "hallway.db")
    database.execute(INSERT, {"rows": ROWS, "bytes": BYTES // ROWS})
    database.commit()
    database.close()
    with serving(directory, workers=1, threads=4, **QUOTA) as server:
        yield server, key


def ask(server, key, path="/export"):
    """Send a request for an export, and return the connection and the answer, unread."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", f"/api/v1{path}", headers={"Authorization": f"Bearer {key}"})
    return connection, connection.getresponse()


def worker_of(server):
    """Return what the kernel says of the only worker."""
    (pid,) = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return Path(f"/proc/{pid}")


def peak(server):
    """Return the most memory that the worker ever held, in bytes."""
    status = (worker_of(server) / "status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@pytest.mark.sqlite("its rows are written into the file")
def test_large_export_is_whole_and_takes_no_memory(large):
    server, key = large
    connection, answer = ask(server, key, "/posts?limit=100")
    answer.read()
    connection.close()
    before = peak(server)

    for path in ("/export", "/posts.csv"):
        connection, answer = ask(server, key, path)
        size, lines = 0, 0
        while chunk := answer.read(1 << 16):
            size, lines = size + len(chunk), lines + chunk.count(b"\n")
        connection.close()
        assert size == int(answer.headers["Content-Length"])
        assert lines >= ROWS

    assert peak(server) - before < FEW


@pytest.mark.sqlite("its rows are written into the file")
def test_slow_client_keeps_no_snapshot_so_the_log_stays_small(large):
    server, key = large
    connection, answer = ask(server, key)
    answer.read(1000)
    path = server.log.with_name("hallway.db")
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous=OFF")

    for number in range(40):
        database.execute("UPDATE post SET like_count = ? WHERE id % ? = 0", (number, ROWS // 100))
    database.close()

    assert path.with_name("hallway.db-wal").stat().st_size < FEW
    rest = len(answer.read())
    connection.close()
    assert rest + 1000 == int(answer.headers["Content-Length"])


@pytest.mark.sqlite("its rows are written into the file")
def test_clients_that_hang_up_leave_nothing_behind(large):
    server, key = large
    for _ in range(4):
        connection, answer = ask(server, key, "/tags")
        answer.read()
        connection.close()
    before = len(list((worker_of(server) / "fd").iterdir()))

    for _ in range(40):
        connection, answer = ask(server, key)
        while answer.status == 503:
            connection.close()
            connection, answer = ask(server, key)
        answer.read(100)
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # gone without a word
        connection.close()
    answers = [ask(server, key, "/tags") for _ in range(4)]  # as many as there are threads, all at once

    assert [answer.status for _, answer in answers] == [200] * 4
    for connection, answer in answers:
        answer.read()
        connection.close()
    deadline = time.monotonic() + 10
    while (now := len(list((worker_of(server) / "fd").iterdir()))) > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert now <= before

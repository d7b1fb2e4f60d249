"""Everything at once: for spreadsheets, and for whoever takes the texts home.

The rows are first written to a file, in one snapshot, and sent from there. So a slow client holds a file and a thread,
but no snapshot of the database, which would keep its log growing; the length is known, so that a cut is noticed; and a
failure is still an answer, not half a file. What one key sees is in a file without a name. The table that everyone sees
is made once for all who ask, and kept while the versions of its tag are those it was made under
(docs/decisions/0010-exports-are-spooled.md).
"""

import csv
import os
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from flask import Response, current_app, send_file
from sqlalchemy import select
from sqlalchemy.orm import undefer

from api.auth import caller
from api.v1.operation import operation
from api.v1.resources import PostOut
from flask_revalidation import conditional_status, version_of
from models import Post, Scope, db
from web.problems import Problem

COLUMNS = ["id", "slug", "title", "excerpt", "status", "author", "tags", "published_at", "updated_at", "version", "url"]
CSV, NDJSON = "text/csv", "application/x-ndjson"
_RISKY = re.compile(r"['\t\r\n]|\s*[=+\-@|%＝＋－＠\0]")
_BATCH = 20  # posts in memory at a time; each may be 100,000 characters long
# Exports a worker prepares at once, with a key and without: strangers take no place from those who are known.
_SLOTS = {True: threading.BoundedSemaphore(2), False: threading.BoundedSemaphore(2)}


@operation("GET /posts.csv", Scope.READ, CSV, anyone=True)
def read_csv() -> Response:
    """Return all posts as a table, without their bodies. What a spreadsheet would run is quoted with an apostrophe.

    Without a key it is one file for everyone, whose ETag says whether there is another by now.
    """
    if caller():
        return _send(_spool(_write_csv), CSV, "posts.csv")
    db.session.connection()  # the version and the rows are read in one snapshot
    copy = Path(current_app.config["DATA_DIR"], "exports", version_of(["posts"], current_app.config["SITE"]))
    return _send(_open_or_make(copy), CSV, "posts.csv", copy.name)


@operation("GET /export", Scope.READ, NDJSON)
def export_posts() -> Response:
    """Return all posts that the key's person sees, one JSON object a line."""
    return _send(_spool(_write_ndjson), NDJSON, "posts.ndjson")


def _send(file: IO[bytes], kind: str, name: str, etag: str | bool = False) -> Response:
    response = send_file(file, kind, as_attachment=True, download_name=name, conditional=False, etag=etag, max_age=0)
    response.content_length = os.fstat(file.fileno()).st_size
    response.status_code = conditional_status(response) if etag else 200
    return response


def _spool(write: Callable[[IO[str]], None]) -> IO[bytes]:
    """Return a file without a name that holds what `write` writes. Raises Problem (503) where too many do so."""
    slots = _SLOTS[caller() is not None]
    if not slots.acquire(blocking=False):
        raise Problem("busy", "Too many exports at once.", headers={"Retry-After": "5"})
    try:
        with tempfile.TemporaryFile("w", encoding="utf-8", newline="", dir=current_app.config["DATA_DIR"]) as text:
            write(text)
            text.seek(0)  # which also writes what is left
            return os.fdopen(os.dup(text.fileno()), "rb")  # which the response closes
    finally:
        slots.release()


def _open_or_make(copy: Path) -> IO[bytes]:
    """Return the table that everyone sees, from its copy, or made, and kept as far as the disk lets us."""
    with suppress(OSError):
        return copy.open("rb")
    file = _spool(_write_csv)
    with suppress(OSError):
        copy.parent.mkdir(exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=copy.parent) as whole:
            whole.writelines(file)
            whole.flush()
            os.fsync(whole.fileno())  # the name comes last: after a power cut, no other bytes are under it
            os.link(whole.name, copy)
        for other in {*copy.parent.iterdir()} - {copy}:
            other.unlink()
    file.seek(0)
    return file


def _posts() -> Iterator[PostOut]:
    query = select(Post).where(Post.visible_to(caller())).order_by(Post.id).options(undefer(Post.body))
    return map(PostOut.model_validate, db.session.scalars(query.execution_options(yield_per=_BATCH)))


def _write_ndjson(file: IO[str]) -> None:
    file.writelines(f"{post.model_dump_json()}\n" for post in _posts())


def _write_csv(file: IO[str]) -> None:
    file.write("\ufeff")  # without it, spreadsheets take the bytes for another encoding
    table = csv.writer(file)
    table.writerow(COLUMNS)
    for post in _posts():
        row = post.model_dump(mode="json") | {"author": post.author.handle, "tags": " ".join(post.tags)}
        table.writerow([harmless(row[column]) for column in COLUMNS])


def harmless(value: object) -> object:
    """Return a cell that no spreadsheet takes for a formula (OWASP, CSV injection): an apostrophe goes in front.

    One that begins with an apostrophe gets a second, so that taking the first away always gives the original.
    """
    return f"'{value}" if isinstance(value, str) and _RISKY.match(value) else value

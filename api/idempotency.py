"""Idempotency-Key: a request that is sent again gets the first answer again (draft-ietf-httpapi-idempotency-key-08)."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from flask import Response, current_app, request

from models import ApiKey, IdempotencyKey, db
from web.problems import Problem

_REMEMBERED = ("Content-Type", "ETag", "Location")
_BUCKET = 3  # hexadecimal digits of the digest that name a lock file: 4,096 of them, and no more


def requested_key() -> str | None:
    """Return the Idempotency-Key of the request, with or without the quotes that the draft wants; None without one."""
    header = request.headers.get("Idempotency-Key")
    return header.strip('"') if header else None


@contextmanager
def claim(key: ApiKey | None, chosen: str | None) -> Iterator[None]:
    """Work alone on what the client of `key` calls `chosen`. Raises Problem (409) while another request does.

    Threads exclude each other as processes do, and the kernel frees the file of a process that dies: a claim never
    outlives its request.
    """
    if key is None or chosen is None:
        yield
        return
    folder = Path(current_app.config["DATA_DIR"], "idempotency")
    folder.mkdir(exist_ok=True)
    # A file that stands for a lock, where the file system has none, would outlive its process: so no such fallback.
    lock = FileLock(folder / _digest(key, chosen)[:_BUCKET], mode=0o600, fallback_to_soft=False)
    try:
        acquired = lock.acquire(blocking=False)
    except Timeout:
        detail = "A request with this Idempotency-Key is being answered."
        raise Problem("still-running", detail, headers={"Retry-After": "1"}) from None
    with acquired:
        yield


def recall(key: ApiKey, chosen: str | None) -> Response | None:
    """Return the first answer, inside the write. Raises Problem (422) when the key came with another request."""
    row = db.session.get(IdempotencyKey, _digest(key, chosen)) if chosen else None
    if row is None:
        return None
    if row.request != _fingerprint():
        raise Problem("key-reused", "This Idempotency-Key came with another body before.")
    return Response(row.body, row.status, {**row.headers, "Idempotency-Replayed": "true"})


def remember(key: ApiKey, chosen: str | None, answer: Response) -> None:
    """Store the answer, in the transaction of its effect."""
    if chosen:
        headers = {name: answer.headers[name] for name in _REMEMBERED if name in answer.headers}
        row = IdempotencyKey(digest=_digest(key, chosen), api_key_id=key.id, request=_fingerprint())
        row.status, row.headers, row.body = answer.status_code, headers, answer.get_data()
        db.session.add(row)


def _digest(key: ApiKey, chosen: str) -> str:
    return hashlib.sha256(f"{key.id} {request.method} {request.path} {chosen}".encode()).hexdigest()


def _fingerprint() -> str:
    return hashlib.sha256(request.get_data(cache=True)).hexdigest()

"""Idempotency-Key: a request that is sent again gets the first answer again (draft-ietf-httpapi-idempotency-key-08)."""

import hashlib
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from filelock import FileLock, Timeout
from flask import Response, current_app, request

from models import ApiKey, IdempotencyKey, db
from web import gate
from web.problems import Problem

_REMEMBERED = ("Content-Type", "ETag", "Location")


def digest_of(key: ApiKey | None) -> str | None:
    """Return what the request's Idempotency-Key is stored under, with or without the quotes that the draft wants.

    None where there is no such key, or no client to tell its requests from those of others.
    """
    chosen = request.headers.get("Idempotency-Key", "").strip('"')
    if key is None or not chosen:
        return None
    return hashlib.sha256(f"{key.id} {request.method} {request.path} {chosen}".encode()).hexdigest()


def claim(digest: str | None) -> AbstractContextManager[object]:
    """Begin to work alone on what is stored under `digest`. Raises Problem (409) while another request does.

    Threads exclude each other as processes do, and the kernel frees the file of a process that dies: a claim never
    outlives its request.
    """
    if digest is None:
        return nullcontext()
    folder = Path(current_app.config["DATA_DIR"], "idempotency")
    folder.mkdir(exist_ok=True)
    try:
        # A file that stands for a lock, where the file system has none, would outlive its process: no such fallback.
        # Three hexadecimal digits name it: there are 4,096, and never more.
        return FileLock(folder / digest[:3], mode=0o600, fallback_to_soft=False).acquire(blocking=False)
    except Timeout:
        detail = "A request with this Idempotency-Key is being answered."
        raise Problem("still-running", detail, headers={"Retry-After": "1"}) from None


def recall(digest: str | None) -> Response | None:
    """Return the first answer, inside the write. Raises Problem (422) when the key came with another request."""
    row = db.session.get(IdempotencyKey, digest) if digest else None
    if row is None:
        return None
    if row.request != _fingerprint():
        raise Problem("key-reused", "This Idempotency-Key came with another body before.")
    return Response(row.body, row.status, {**row.headers, "Idempotency-Replayed": "true"})


def remember(digest: str | None, key: ApiKey, answer: Response) -> None:
    """Store the answer, in the transaction of its effect."""
    if digest:
        headers = {name: answer.headers[name] for name in _REMEMBERED if name in answer.headers}
        row = IdempotencyKey(digest=digest, api_key_id=key.id, request=_fingerprint())
        row.status, row.headers, row.body = answer.status_code, headers, answer.get_data()
        db.session.add(row)


def _fingerprint() -> str:
    return hashlib.sha256(gate.body() + request.query_string).hexdigest()

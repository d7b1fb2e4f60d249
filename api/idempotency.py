"""Idempotency-Key: a request that is sent again gets the first answer again (draft-ietf-httpapi-idempotency-key-08)."""

import fcntl
import hashlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Response, current_app, request

from api.problems import Problem
from models import ApiKey, IdempotencyKey, db

_KEPT = ("Content-Type", "ETag", "Location")
_BYTES = 2**31


class Claims:
    """Which keys are being worked on, over all workers of one machine: a byte of a lock file each.

    The kernel frees the bytes of a process that dies, so a claim never outlives its request.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._guard, self._held = path, threading.Lock(), set[int]()
        self._file, self._opened_in = -1, 0

    @contextmanager
    def __call__(self, digest: str) -> Iterator[None]:
        """Hold the claim on `digest`. Raises Problem (409) while another request holds it."""
        place = int(digest[:8], 16) % _BYTES
        self._take(place)
        try:
            yield
        finally:
            with self._guard:
                self._held.discard(place)
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)

    def _take(self, place: int) -> None:
        with self._guard:
            if self._opened_in != os.getpid():
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                self._opened_in = os.getpid()
            if place in self._held:
                raise _running()
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except OSError:
                raise _running() from None
            self._held.add(place)


def _running() -> Problem:
    return Problem(
        "still-running", "A request with this Idempotency-Key is being answered.", headers={"Retry-After": "1"}
    )


def requested_key() -> str | None:
    """Return the Idempotency-Key of the request, with or without the quotes that the draft wants; None without one."""
    header = request.headers.get("Idempotency-Key")
    return header.strip('"') if header else None


@contextmanager
def claimed(key: ApiKey, chosen: str | None) -> Iterator[None]:
    """Work alone on what the client calls `chosen`."""
    if chosen is None:
        yield
        return
    with current_app.extensions["claims"](_digest(key, chosen)):
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
    """Keep the answer, in the transaction of its effect."""
    if chosen:
        headers = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
        row = IdempotencyKey(digest=_digest(key, chosen), api_key_id=key.id, request=_fingerprint())
        row.status, row.headers, row.body = answer.status_code, headers, answer.get_data()
        db.session.add(row)


def _digest(key: ApiKey, chosen: str) -> str:
    return hashlib.sha256(f"{key.id} {request.method} {request.path} {chosen}".encode()).hexdigest()


def _fingerprint() -> str:
    return hashlib.sha256(request.get_data(cache=True)).hexdigest()

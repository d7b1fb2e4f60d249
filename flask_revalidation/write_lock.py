"""Who writes next: one place to wait for all threads and processes of a machine.

SQLite has one writer at a time and lets waiting ones poll, so a busy neighbour starves the others. Here a writer takes
two file locks: "next" is held by the one writer that waits for the one that writes. Whoever has just written has to get
"next" again like everyone else, so nobody starves; the order of arrival is not kept. The kernel frees the locks of a
process that dies. They are flock(2): they hold on one machine, and not on a network file system.
"""

import fcntl
import random
import time
from pathlib import Path
from typing import IO

NEXT_PAUSE = (0.0005, 0.0025)  # seconds between two tries for "next"; chance deals it out evenly
WRITING_PAUSE = 0.0002  # only one waits for this


class LockTimeout(TimeoutError):
    """The write lock was not free in time."""


def acquire(path: str, seconds: float) -> IO[bytes]:
    """Wait for the write lock of the database file at `path` and return it as an open file: closing that releases it.

    The lock is two files beside it, `<path>.lock` and `<path>.next.lock`. Raises `LockTimeout` after `seconds`; with 0
    at once, where the lock is not free.
    """
    deadline = time.monotonic() + seconds
    with _lock(Path(f"{path}.next.lock"), deadline, *NEXT_PAUSE):
        return _lock(Path(f"{path}.lock"), deadline, WRITING_PAUSE, WRITING_PAUSE)


def _lock(path: Path, deadline: float, shortest: float, longest: float) -> IO[bytes]:
    file = path.open("ab")  # opened for this writer alone: flock then tells threads apart as well as processes
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() >= deadline:
                file.close()
                raise LockTimeout(f"{path.name} was not free in time") from None
        time.sleep(random.uniform(shortest, longest))  # noqa: S311

"""Who writes next: one place to wait for all threads and processes of a machine.

SQLite has one writer at a time and lets waiting ones poll, so a busy neighbour starves the others. Here the threads of
a process wait for a lock in memory, and the first of each process for two file locks: "next" is held by the one writer
that waits for the one that writes. Whoever has just written has to get "next" again like everyone else, so no process
starves; the order of arrival is not kept. The kernel frees the file locks of a process that dies. They are flock(2):
they hold on one machine, and not on a network file system.
"""

import fcntl
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import IO

_threads: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


def acquire(path: str, seconds: float) -> IO[bytes]:
    """Wait for the write lock of the database file at `path` and return it as an open file: closing that releases it.

    The lock is two files beside it, `<path>.lock` and `<path>.next.lock`. Raises TimeoutError after `seconds`; with 0
    at once, where the lock is not free.
    """
    deadline, threads = time.monotonic() + seconds, _threads[path]
    if not threads.acquire(timeout=seconds):
        raise TimeoutError(path)
    try:
        with _lock(Path(f"{path}.next.lock"), deadline):
            return _lock(Path(f"{path}.lock"), deadline)
    finally:
        threads.release()


def _lock(path: Path, deadline: float) -> IO[bytes]:
    file = path.open("ab")  # for this writer alone: flock then tells threads apart as well as processes
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() >= deadline:
                file.close()
                raise TimeoutError(path) from None
        time.sleep(0.0003)  # of each process, one thread tries

"""Whose turn it is to write: one queue for all threads and processes of a machine, first come, first served.

SQLite has one writer at a time and lets waiting ones poll, so a busy neighbour starves the others. Here a writer first
waits for its turn. Within a process a thread serves the queue; between processes it draws a number from a lock file,
holds the byte of that number, and waits for the byte before it. The kernel frees the bytes of a process that dies.
"""

import fcntl
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from io import FileIO
from pathlib import Path

IDLE_SECONDS = 5.0
_COUNTER = 8  # bytes at the head of the file; the byte of number n is _COUNTER + n


@dataclass
class Turn:
    """One writer's place in the queue: granted, given up or finished."""

    granted: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)
    _settled: threading.Lock = field(default_factory=threading.Lock)
    _release: Callable[[], None] = lambda: None

    def settle(self) -> bool:
        """Return True to whoever asks first: the queue that grants the turn, or the writer that gives up."""
        return self._settled.acquire(blocking=False)

    def grant(self, release: Callable[[], None]) -> None:
        """Tell the writer that it is its turn; `release` lets other processes on."""
        self._release = release
        self.granted.set()

    def give_back(self) -> None:
        """Let the next one write. The writer's own thread does it: a process that ends may never run another."""
        self._release()
        self.finished.set()


class Turns:
    """The queue of this process at one lock file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._waiting: queue.SimpleQueue[Turn] = queue.SimpleQueue()
        self._served_in = 0

    def take(self, seconds: float) -> Turn:
        """Wait for the turn; TimeoutError after `seconds`."""
        turn = Turn()
        with self._guard:
            if self._served_in != os.getpid():  # no thread yet, or it stayed behind in a fork
                self._served_in, self._waiting = os.getpid(), queue.SimpleQueue()
                threading.Thread(target=self._serve, name="turns", daemon=True).start()
            self._waiting.put(turn)
        if not turn.granted.wait(seconds) and turn.settle():
            raise TimeoutError(f"no turn to write within {seconds} s")
        turn.granted.wait()  # settled in our favour just now
        return turn

    def _serve(self) -> None:
        try:
            self._serve_turns()
        except OSError:
            with self._guard:
                self._served_in = 0  # the next writer starts a new thread
            raise

    def _serve_turns(self) -> None:
        with os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b", buffering=0) as file:
            while turn := self._next():
                number = _draw(file)
                release = partial(fcntl.lockf, file, fcntl.LOCK_UN, 1, _COUNTER + number)
                _wait_for(file, number - 1)
                if turn.settle():
                    turn.grant(release)
                    turn.finished.wait()
                else:
                    release()

    def _next(self) -> Turn | None:
        """Return the next in the queue, or None after a while without one; then the thread ends."""
        while True:
            try:
                return self._waiting.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with self._guard:
                    if self._waiting.empty():
                        self._served_in = 0
                        return None


@cache
def turns_at(path: Path) -> Turns:
    """Return this process's queue at `path`: only one, for the kernel keeps these locks by process."""
    return Turns(path)


def _draw(file: FileIO) -> int:
    fcntl.lockf(file, fcntl.LOCK_EX, _COUNTER, 0)
    number = int.from_bytes(os.pread(file.fileno(), _COUNTER, 0), "big") + 1
    os.pwrite(file.fileno(), number.to_bytes(_COUNTER, "big"), 0)
    fcntl.lockf(file, fcntl.LOCK_EX, 1, _COUNTER + number)
    fcntl.lockf(file, fcntl.LOCK_UN, _COUNTER, 0)
    return number


def _wait_for(file: FileIO, number: int) -> None:
    fcntl.lockf(file, fcntl.LOCK_EX, 1, _COUNTER + number)
    fcntl.lockf(file, fcntl.LOCK_UN, 1, _COUNTER + number)

"""How the site is served; gunicorn reads this file by itself."""

import fcntl
import gc
import itertools
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Any

from gunicorn.workers.gthread import ThreadWorker


class Worker(ThreadWorker):
    """gthread that balances keep-alive connections over the workers (docs/decisions/0042).

    Every worker is woken for a new connection, and the quickest takes it: often all of them, while the others
    rest. So one that has connections waits before the next, and leaves it to one that has fewer.
    """

    def accept(self, listener: Any) -> None:
        """Take a connection, after 50 µs for each that is there, unless another worker took it meanwhile."""
        time.sleep(min(self.nr_conns, 10) / 20_000)
        super().accept(listener)


bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = Worker
threads = 16  # as in app.py: every thread may hold a database connection
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  (heartbeats in memory, not on a disk)
control_socket_disable = True  # it would be written to a home directory that the container's user has not got
keepalive = 2  # seconds; a proxy in front hangs up sooner (deploy/upstream.conf), or a POST meets one that ends
graceful_timeout = 10  # seconds for running requests when it is told to stop
loglevel = "warning"
forwarder_headers = ""  # a peer on this machine could say which prefix the site is mounted under
ticking = Lock()  # held while something is done on time; of each worker
limit_request_fields = 48  # a browser sends some twenty, a proxy adds five; ninety of 8 kB would cost half a second


def say_where_to_begin(application: Any) -> None:
    """Say where the site is."""
    from click import echo

    begin = " Open it, and press “Take the tour”." if "labs" in getattr(application, "blueprints", ()) else ""
    echo(f"==> http://{bind} {begin} Ctrl-C stops it.")


def post_worker_init(worker: Any) -> None:
    """Tune the collector, leave Ctrl-C to the arbiter, and keep the schedule; the first one says where to begin.

    What the application consists of is left out of every search for garbage, and there are fewer of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    # Ctrl-C reaches all at the terminal, and the arbiter tells its workers anyway, by SIGQUIT. gunicorn's handler waits
    # for a lock of the thread pool, for ever where it interrupts the one that holds it; that of SIGTERM waits for none.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, worker.handle_exit)
    if "DATA_DIR" in getattr(worker.wsgi, "config", ()):
        Thread(target=run_schedule, args=(worker.wsgi,), name="schedule", daemon=True).start()
    if worker.age == 1:  # not the arbiter: what it would import for that, it carries for good
        say_where_to_begin(worker.wsgi)


def worker_exit(_server: Any, _worker: Any) -> None:
    """Let the schedule end first: a thread that is cut off in a write holds locks that the end of the process wants."""
    ticking.acquire(timeout=5)


def run_schedule(app: Any) -> None:
    """Do what is due, every two seconds (docs/decisions/0028-a-schedule-in-a-worker.md).

    One worker of the machine does: the kernel frees the lock of one that ends, and the next one goes on.
    """
    from api.cron import run_tick
    from cli import sweep

    with open_lock(app.config["DATA_DIR"] / "schedule.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for seconds in itertools.count(step=2):
            with ticking, app.app_context():
                run_tick(seconds, sweep)
            time.sleep(2)


def open_lock(path: Path) -> IO[bytes]:
    """Open a lock file, as soon as the disk takes one."""
    while True:
        with suppress(OSError):
            return path.open("ab")
        time.sleep(2)

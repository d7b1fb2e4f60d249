"""How the site is served; gunicorn reads this file by itself."""

import gc
import os
from pathlib import Path
from typing import Any

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 16  # as in app.py: every thread may hold a database connection
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  (heartbeats in memory, not on a disk)
control_socket_disable = True  # it would be written to a home directory that the container's user has not got
graceful_timeout = 10  # seconds for running requests when it is told to stop
loglevel = "warning"


def post_worker_init(_worker: Any) -> None:
    """Leave out of every search for garbage what the application consists of, and search less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)

"""How the site is served; gunicorn reads this file by itself."""

import os
from pathlib import Path

bind = f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = 16  # as in app.py: every thread may hold a database connection
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  (heartbeats in memory, not on a disk)
control_socket_disable = True  # it would be written to a home directory that the container's user has not got
graceful_timeout = 10  # seconds for running requests when it is told to stop
loglevel = "warning"

"""The real server, as processes of its own: for everything that one process cannot show."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from postgres import environment_of

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """A running gunicorn."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> int:
        """Stop it as an operator does, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


@contextmanager
def serving(
    data_dir: Path,
    *,
    application: str = "app:create_app()",
    workers: int = 2,
    threads: int = 8,
    ready: str = "/healthz",
    inside: Sequence[str] = (),
    **environment: str,
) -> Iterator[Server]:
    """Serve `application` on a free port with the data in `data_dir`, which must be prepared; `ready` answers soon.

    `inside` is a command that runs the one behind it, such as `unshare`.
    """
    port = free_port()
    log = data_dir / f"server-{port}.log"
    command = [*inside, sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}"]
    # A client that had to wait for a processor, between two requests, is not hung up on.
    command += ["--workers", str(workers), "--threads", str(threads), "--keep-alive", "30", application]
    env = {**os.environ, "DATA_DIR": str(data_dir), "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    env |= {"XRAY": "0", "LABS": "0", "MALLOC_ARENA_MAX": "1"}  # the last as in bin/start
    env |= environment_of(data_dir) | environment
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output)
    server = Server(f"http://127.0.0.1:{port}", port, process, log)
    try:
        _wait_until_ready(server, ready)
        yield server
    finally:
        if process.poll() is None:
            server.stop()


def _wait_until_ready(server: Server, path: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            with urllib.request.urlopen(f"{server.url}{path}", timeout=2):
                return
        except (OSError, HTTPException):
            time.sleep(0.05)
    raise RuntimeError(f"the server did not start:\n{server.log.read_text()}")

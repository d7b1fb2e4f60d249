"""What only the real server can show."""

import http.client
import os
import re
import runpy
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gunicorn.workers.gthread import ThreadWorker
from serving import ROOT, Server, serving

OWN_HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


def send(server: Server, body: bytes | Iterator[bytes]) -> tuple[int, str, str | None]:
    """Send a letter, and return status, page and Retry-After."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    headers = {**OWN_HEADERS, "Referer": f"{server.url}/contact"}
    connection.request("POST", "/_actions/messages.send_message", body, headers)
    answer = connection.getresponse()
    page = answer.read().decode()
    connection.close()
    return answer.status, page, answer.getheader("Retry-After")


def memory(server: Server) -> int:
    """Return what all workers hold in memory, in bytes."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    pages = [int(Path(f"/proc/{child}/statm").read_text().split()[1]) for child in children]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")


def test_fifty_megabytes_are_refused_with_a_page_and_not_kept(data_dir):
    with serving(data_dir) as server:
        for _ in range(10):
            send(server, b"name=x")
        before = memory(server)

        status, page, _ = send(server, b"message=" + b"x" * 50_000_000)

        assert status == 413
        assert "That is too much at once" in page
        assert memory(server) - before < 20 * 1024 * 1024


def test_body_without_a_length_is_read_whole_or_refused(data_dir):
    letter = (b"name=Ina&email=ina%40x.example", b"&message=In+two+pieces")
    with serving(data_dir) as server:
        assert send(server, iter(letter))[0] == 303
        assert send(server, iter([*letter, *(b"x" * 100_000 for _ in range(30))]))[0] == 413


@pytest.mark.sqlite("it holds the file")
def test_busy_database_refuses_writes_in_time_and_serves_readers(data_dir):
    with serving(data_dir) as server:
        other = sqlite3.connect(data_dir / "hallway.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        answers: list[tuple[int, str, str | None]] = []
        letter = b"name=Ina&email=ina%40x.example&message=A+long+letter"
        writers = [threading.Thread(target=lambda: answers.append(send(server, letter))) for _ in range(6)]
        for writer in writers:
            writer.start()
        reader = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        reader.request("GET", "/blog")
        assert reader.getresponse().status == 200
        reader.close()
        for writer in writers:
            writer.join()
        other.execute("ROLLBACK")
        other.close()

        assert [(status, again) for status, _, again in answers] == [(503, "2")] * 6
        assert all("A long letter</textarea>" in page for _, page, _ in answers)
        assert send(server, letter)[0] == 303


def test_interrupted_server_stops_cleanly(data_dir):
    with serving(data_dir) as server:
        assert send(server, b"name=x")[0] == 422

        assert server.stop() == 0
        assert not re.search("Traceback|Error", server.log.read_text())


SLOW_POOL = """
import time
from concurrent.futures import ThreadPoolExecutor
from app import create_app

start_thread = ThreadPoolExecutor._adjust_thread_count

def start_thread_slowly(pool):
    time.sleep(0.5)
    start_thread(pool)

ThreadPoolExecutor._adjust_thread_count = start_thread_slowly
"""


def test_ctrl_c_at_the_terminal_stops_everyone_at_once(data_dir, tmp_path):
    # The pool holds its lock while it starts a thread; gunicorn's own handler of SIGQUIT would wait for it, for ever.
    (tmp_path / "slow_pool.py").write_text(SLOW_POOL)
    path = f"{tmp_path}:{ROOT}"
    with serving(
        data_dir, application="slow_pool:create_app()", workers=1, inside=["setsid"], PYTHONPATH=path
    ) as server:
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        ignored = [re.search(r"SigIgn:\s+(\w+)", Path(f"/proc/{pid}/status").read_text())[1] for pid in children]
        with socket.create_connection(("127.0.0.1", server.port)):
            time.sleep(0.2)
            os.killpg(server.process.pid, signal.SIGINT)

        assert server.process.wait(30) == 0
        assert "SIGKILL" not in server.log.read_text()
        # Only the arbiter acts on it: a worker that the terminal tells as well sometimes waits for itself.
        assert [int(mask, 16) & 1 << signal.SIGINT - 1 for mask in ignored] == [2]


def test_worker_carries_no_migrations_no_other_database_no_decoders(data_dir):
    code = "import app, sys; app.create_app(); print(sorted({'alembic', 'mako', 'psycopg', 'PIL'} & set(sys.modules)))"
    environment = {**os.environ, "DATA_DIR": str(data_dir), "SERVER_SOFTWARE": "gunicorn"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)

    assert done.stdout == "[]\n", done.stderr


def test_one_that_starts_the_workers_carries_nothing_of_the_application(data_dir):
    with serving(data_dir, workers=1) as server:  # its only worker answers, so it has started
        (worker,) = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        carried = [Path(f"/proc/{pid}/maps").read_text() for pid in (server.process.pid, worker)]
        told = server.log.read_text()

    assert ["pydantic_core" in each for each in carried] == [False, True]
    assert told.count("Ctrl-C stops it.") == 1


def test_worker_with_connections_leaves_the_next_to_one_that_has_fewer(monkeypatch):
    config = runpy.run_path(str(ROOT / "gunicorn.conf.py"))
    waits, taken = [], []
    monkeypatch.setattr(time, "sleep", waits.append)
    monkeypatch.setattr(ThreadWorker, "accept", lambda _worker, listener: taken.append(listener))

    for connections in (0, 1, 5, 1000):
        worker = object.__new__(config["worker_class"])
        worker.nr_conns = connections
        worker.accept("the socket")

    assert waits[0] == 0
    assert waits == sorted(set(waits))
    assert waits[-1] < 0.001
    assert taken == ["the socket"] * 4

"""Two servers, each with a data directory of its own, on one PostgreSQL: one truth, whichever of them is asked."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psycopg
import pytest
from api_client import QUOTA
from postgres import FILE, create_database, drop_database, environment_of
from serving import ROOT, serving

from demo.seed import PARTNER_KEY

# Filling takes longer here than a writer waits elsewhere, as on a slow machine.
PREPARE = """
import time, demo.commands as commands
from flask.cli import main
seed = commands.seed
commands.seed = lambda: (filled := seed()) and (time.sleep(2.5) or filled)
main()
"""


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    """Two data directories that name one database, filled by whichever of two `flask prepare` came first."""
    folder = tmp_path_factory.mktemp("machines")
    directories = [folder / "one", folder / "other"]
    create_database(directories[0])
    directories[1].mkdir()
    shutil.copy(directories[0] / FILE, directories[1])
    command, pipe = [sys.executable, "-c", PREPARE, "prepare"], subprocess.PIPE
    both = [
        subprocess.Popen(command, cwd=ROOT, env=environment_with(directory), stdout=pipe, stderr=pipe, text=True)
        for directory in directories
    ]
    told = [process.communicate(timeout=120) for process in both]
    yield directories, told, [process.returncode for process in both]
    drop_database(directories[0])


def environment_with(directory):
    return {**os.environ, "DATA_DIR": str(directory), **environment_of(directory)}


@pytest.fixture
def pair(machines):
    """The two servers, running."""
    (one, other), _, _ = machines
    with serving(one, **QUOTA) as first, serving(other, **QUOTA) as second:
        yield first, second


def ask(server, path, method="GET", body=None, **headers):
    """Return status and text of an answer."""
    headers = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
    request = Request(f"{server.url}{path}", body and json.dumps(body).encode(), headers, method=method)
    try:
        with urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()


def write_post(server, title, **headers):
    """Write a draft, and publish it if it is no repetition; return what the first request was answered."""
    key = {"Authorization": f"Bearer {PARTNER_KEY}"}
    status, text = ask(server, "/api/v1/posts", "POST", {"title": title, "body": "Words"}, **key, **headers)
    if status == 201 and not headers:
        assert ask(server, f"/api/v1/posts/{json.loads(text)['slug']}/publication", "PUT", {}, **key)[0] == 200
    return status, text


def test_two_that_prepare_at_once_make_one_database(machines):
    _, told, codes = machines

    assert codes == [0, 0], told
    assert sum("The demo is filled" in output for output, _ in told) == 1


def test_what_one_has_written_the_other_shows_at_once(pair):
    for number in range(6):
        writer, reader = pair if number % 2 else pair[::-1]
        assert ask(reader, "/blog")[0] == 200

        status, text = write_post(writer, f"Written there {number}")

        assert status == 201, text
        slug = json.loads(text)["slug"]
        assert f"Written there {number}" in ask(reader, "/blog")[1]
        assert ask(reader, f"/blog/{slug}")[0] == 200


def test_key_sent_to_both_at_once_has_one_effect(pair):
    def send(key, which):
        return write_post(pair[which % 2], "Sent to both", Idempotency_Key=key)

    for number in range(5):
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(partial(send, f"both-{number}"), range(6)))

        assert {status for status, _ in answers} <= {201, 409}
        assert len({json.loads(text)["id"] for status, text in answers if status == 201}) == 1


def test_both_together_admit_exactly_the_quota(machines):
    (one, other), _, _ = machines
    quota = {"API_REQUESTS_PER_MINUTE": "40"}
    with serving(one, **quota) as first, serving(other, **quota) as second, ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda which: ask((first, second)[which % 2], "/api/v1/tags")[0], range(80))
        assert Counter(answers) == {200: 40, 429: 40}


def test_reader_and_writer_are_served_while_the_other_machine_is_dead(machines):
    (one, other), _, _ = machines
    with serving(one, **QUOTA) as first, serving(other) as second, ThreadPoolExecutor(4) as pool:
        crowd = [pool.submit(write_post, first, f"In the crowd {number}") for number in range(8)]
        workers = Path(f"/proc/{second.process.pid}/task/{second.process.pid}/children").read_text().split()
        for process in [second.process.pid, *map(int, workers)]:
            os.kill(process, signal.SIGKILL)
        second.process.wait(10)

        assert {answer.result()[0] for answer in crowd} == {201}
        assert "In the crowd 7" in ask(first, "/blog")[1]


def test_lost_connections_are_made_again(pair, machines):
    (one, _), _, _ = machines
    pages = ["/", "/blog", "/contact", "/api/v1/posts", "/readyz"]
    assert {ask(server, page)[0] for server in pair for page in pages for _ in range(4)} == {200}

    with psycopg.connect(environment_of(one)["DATABASE_URL"].replace("+psycopg", ""), autocommit=True) as connection:
        here = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {here}")

    assert {ask(server, page)[0] for server in pair for page in pages for _ in range(4)} == {200}
    assert {write_post(server, "After the loss")[0] for server in pair} == {201}

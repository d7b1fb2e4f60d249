"""Whatever is sent, the site answers as it should: hundreds of requests by chance, in `bin/prove hostile` thousands.

`HOSTILE_SEED` and `HOSTILE_REQUESTS` say which and how many. A failure prints its request; with `HOSTILE_ONLY` and its
number it is sent again, alone.
"""

import logging
import os
import random
import socket
import sqlite3
from collections import Counter
from contextlib import suppress
from urllib.request import urlopen

import pytest
from conftest import ON_POSTGRES
from hostile_answers import OF_GUNICORN, faults_of
from hostile_requests import CANARY, PLANTED, Place, make
from keys import PLENTY, READ, bearer, issue_key
from scenarios import DRAFT, PUBLISHED, SESSION, fingerprint, good_fields
from serving import serving
from test_hostile_forms import ALL
from test_structure import PARTS
from werkzeug.test import run_wsgi_app

from flask_revalidation import write
from models import User, UserSession

SEED, REQUESTS = int(os.environ.get("HOSTILE_SEED", "3")), int(os.environ.get("HOSTILE_REQUESTS", "300"))
ONLY = os.environ.get("HOSTILE_ONLY", "")
NUMBERS = [int(ONLY)] if ONLY else range(REQUESTS)
ROUND = 200  # requests, and then everyone signs in again


@pytest.fixture
def app(make_app):
    return make_app(testing=False, API_REQUESTS_PER_MINUTE=PLENTY)


def places_of(app):
    """Return every address that the application has, and every action but the one that empties it."""
    parts, found = PARTS | {"session_id": SESSION}, []
    for rule in sorted(app.url_map.iter_rules(), key=str):
        for slug in [PUBLISHED, DRAFT] if "slug" in rule.arguments else [""]:
            path = rule.build({name: slug or parts[name] for name in rule.arguments})[1]
            found.append(Place(path, sorted(rule.methods), {"title": "A new one"} if "/posts" in path else {}))
    return found + [
        Place(f"/_actions/{name}", ["POST"], good_fields(app, name)) for name in ALL if name != "demo.reset"
    ]


def callers(app):
    """Return who comes, as the headers that they send."""
    keys = {"write key": issue_key(app, "ada"), "read key": issue_key(app, "bob", READ)}
    with app.app_context(), write(by="tests"):
        people = {name: UserSession.start(User.find_author(name)) for name in ("ada", "bob", "cleo")}
    found = {name: [("Cookie", f"session={token}")] for name, token in people.items()}
    found |= {name: list(bearer(key).items()) for name, key in keys.items()}
    return found | {"nobody": [], "planted": PLANTED}


def witness_of(app, data_dir):
    """Return a function that says something else as soon as anything has been written."""
    if ON_POSTGRES:
        return lambda: fingerprint(app)
    connection = sqlite3.connect(data_dir / "hallway.db")
    return lambda: connection.execute("PRAGMA data_version").fetchone()


def test_no_request_by_chance_gets_what_it_should_not(app, data_dir, caplog):
    caplog.set_level(logging.ERROR)
    places, witness, answered = places_of(app), witness_of(app, data_dir), Counter()
    for number in NUMBERS:
        if ONLY or number % ROUND == 0:
            people = callers(app)
        request = make(SEED, number, places, people)
        before = witness()

        body, status, headers = run_wsgi_app(app, request.environ(f"198.51.{number >> 8 & 255}.{number & 255}"), True)
        text = b"".join(body).decode("utf-8", "replace")

        wrong = faults_of(int(status[:3]), list(headers), text, target=request.target)
        wrong += [f"the log: {record.getMessage()[:300]} {record.exc_text or ''}" for record in caplog.records]
        if not request.may_write and witness() != before:
            wrong.append("it has written")
        assert wrong == [], f"HOSTILE_SEED={SEED} HOSTILE_ONLY={number}: {request}\n{status} {text[:300]}"
        answered[int(status[:3])] += 1
    print(f"answered in process: {dict(answered.most_common())}")  # noqa: T201
    assert ONLY or len(answered) > 10, "what is sent is refused too early to say anything"


def talk(port, sent):
    """Send bytes, no more of them, and return what is answered until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, suppress(ConnectionError):
        connection.sendall(sent)
        with suppress(OSError):  # it may have hung up already
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))
    return b""  # it has hung up before it had read all


def test_no_bytes_by_chance_trouble_the_real_server(data_dir, app):
    places, people, answered = places_of(app), callers(app), Counter()
    with serving(data_dir, workers=2, DEMO="1", API_REQUESTS_PER_MINUTE=PLENTY) as server:
        for number in [int(ONLY)] if ONLY else range(REQUESTS // 10):
            request = make(SEED, number, places, people)
            sent = request.as_bytes(random.Random(f"{SEED} {number}"))

            head, _, body = talk(server.port, sent).decode("utf-8", "replace").partition("\r\n\r\n")
            status = int(head[9:12] or 0)
            headers = [tuple(line.split(": ", 1)) for line in head.split("\r\n")[1:]]

            of_gunicorn = "content-security-policy" not in head.lower() and status in OF_GUNICORN
            wrong = [] if of_gunicorn or not head else faults_of(status, headers, body, target=request.target)
            wrong += ["its words"] * (CANARY in body + head) + ["a trace"] * ("Traceback" in body)
            assert wrong == [], f"HOSTILE_SEED={SEED} HOSTILE_ONLY={number}: {sent[:3000]}\n{head}\n{body[:300]}"
            answered[status] += 1
        assert urlopen(f"{server.url}/readyz", timeout=5).status == 200
        log = server.log.read_text()
    print(f"answered over the wire: {dict(answered.most_common())}")  # noqa: T201
    assert "Traceback" not in log, log[-3000:]

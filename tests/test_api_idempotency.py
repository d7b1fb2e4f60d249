"""A request that is sent again has one effect and gets its first answer again, whatever happened in between."""

import http.client
import json
import os
import random
import signal
import threading
import time
from datetime import timedelta

import pytest
import time_machine
from api_client import QUOTA, Caller, issue_key, refusal, slugs
from scenarios import fingerprint, rows
from serving import serving

import api.v1.posts
from models import now

NEW = {"title": "Once", "body": "Only once.", "tags": ["once"]}

KEPT = timedelta(days=2)


@pytest.fixture
def ada(app):
    """The owner, at the door."""
    return Caller(app, issue_key(app, "ada"))


def posts_called(caller, title):
    """Count the posts of a title."""
    return [post["title"] for post in caller.every("/posts?limit=100")].count(title)


def told(answer):
    """Return all of an answer that a client could rely on."""
    changing = ("RateLimit", "Idempotency-Replayed", "Date")
    return answer.status_code, answer.data, {name: value for name, value in answer.headers if name not in changing}


def test_same_request_gets_the_same_answer_and_writes_nothing_again(app, make_app, ada):
    first = ada.post("/posts", NEW, Idempotency_Key="k1")
    ada.patch("/posts/once", {"title": "Changed since"})
    before = fingerprint(app)

    again = ada.post("/posts", NEW, Idempotency_Key="k1")
    elsewhere = Caller(make_app(), ada.headers["Authorization"].split()[1]).post("/posts", NEW, Idempotency_Key="k1")

    assert first.status_code == 201
    assert told(first) == told(again) == told(elsewhere)
    assert {"ETag", "Location", "Content-Type"} <= {name for name, _ in again.headers}
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert fingerprint(app) == before


def test_quotes_around_the_key_are_not_part_of_it(ada):
    bare = ada.post("/posts", NEW, Idempotency_Key="8e03978e")

    assert told(ada.post("/posts", NEW, Idempotency_Key='"8e03978e"')) == told(bare)


def test_same_key_with_another_body_is_422(app, ada):
    ada.post("/posts", NEW, Idempotency_Key="k1")
    before = fingerprint(app)

    for other in ({**NEW, "title": "Other"}, {"title": "Once"}, dict(reversed(NEW.items()))):
        assert refusal(ada.post("/posts", other, Idempotency_Key="k1")) == (422, "key-reused")
    assert fingerprint(app) == before


def test_same_key_of_another_caller_is_another_request(app, ada):
    again = Caller(app, issue_key(app, "ada"))
    bob = Caller(app, issue_key(app, "bob"))

    made = [caller.post("/posts", NEW, Idempotency_Key="k1").json["slug"] for caller in (ada, again, bob)]

    assert made == ["once", "once-2", "once-3"]
    assert bob.get("/posts/once").status_code == 404


def test_without_a_key_every_request_is_a_new_one(ada):
    assert ada.post("/posts", NEW).json["id"] != ada.post("/posts", NEW).json["id"]


@pytest.mark.parametrize(
    "malformed", ["", '""', '"', '"a', 'a"', 'a"b', "a b", "é", "x" * 256, "a\tb", "a,b", '"a","b"', '"a";p=1']
)
def test_malformed_key_is_400(app, ada, malformed):
    before = fingerprint(app)

    answer = ada.post("/posts", NEW, Idempotency_Key=malformed)

    assert refusal(answer) == (400, "bad-request")
    assert answer.json["errors"][0]["header"] == "Idempotency-Key"
    assert fingerprint(app) == before


def test_refusals_are_not_kept(app, ada):
    taken = {"title": "T", "slug": "taken"}
    ada.post("/posts", taken)
    before = rows(app, "idempotency_key")

    assert refusal(ada.post("/posts", {"title": ""}, Idempotency_Key="k1"))[0] == 422
    assert refusal(ada.post("/posts", taken, Idempotency_Key="k1"))[0] == 409
    assert rows(app, "idempotency_key") == before == 0

    ada.delete("/posts/taken")
    assert ada.post("/posts", taken, Idempotency_Key="k1").status_code == 201


def test_answer_is_for_the_key_that_asked_and_only_while_it_opens_the_door(app, ada):
    ada.post("/posts", NEW, Idempotency_Key="k1")

    assert refusal(Caller(app).post("/posts", NEW, Idempotency_Key="k1")) == (401, "key-needed")
    assert refusal(Caller(app, "hd_x").post("/posts", NEW, Idempotency_Key="k1")) == (401, "key-needed")


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_requests_ends_as_a_simple_model_says(make_app, seed):
    app, chance = make_app(testing=False, **QUOTA), random.Random(seed)
    callers = [Caller(app, issue_key(app, handle)) for handle in ("ada", "bob")]
    bodies = [{"title": f"Model {number}"} for number in range(3)]
    kept, effects = {}, 0

    for _ in range(60):
        who, key, body = chance.randrange(2), f"k{chance.randrange(6)}", chance.randrange(3)
        answer = callers[who].post("/posts", bodies[body], Idempotency_Key=key)
        first = kept.setdefault((who, key), (body, told(answer)))
        if first[0] != body:
            assert refusal(answer) == (422, "key-reused")
        else:
            assert told(answer) == first[1]
    effects = len(kept)

    assert len([slug for slug in slugs(callers[0].every("/posts?limit=100")) if slug.startswith("model-")]) == effects


def test_sweep_forgets_after_two_days_and_not_before(app, ada):
    first = ada.post("/posts", NEW, Idempotency_Key="k1")

    def sweep_after(age):
        with time_machine.travel(now() + age, tick=False):
            assert app.test_cli_runner().invoke(args=["sweep"], catch_exceptions=False).exit_code == 0

    sweep_after(KEPT - timedelta(minutes=1))
    assert told(ada.post("/posts", NEW, Idempotency_Key="k1")) == told(first)
    sweep_after(KEPT + timedelta(minutes=1))
    assert ada.post("/posts", NEW, Idempotency_Key="k1").json["slug"] == "once-2"


# --- at the same time -----------------------------------------------------------------------------------------------


def together(requests):
    """Run the requests at the same moment, and return their answers."""
    gate, answers = threading.Barrier(len(requests)), []

    def run(request):
        gate.wait()
        answers.append(request())

    threads = [threading.Thread(target=run, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_second_request_is_409_while_the_first_is_running(make_app, monkeypatch):
    app = make_app(testing=False)
    ada = Caller(app, issue_key(app, "ada"))
    running, go_on = threading.Event(), threading.Event()
    answer, firsts = api.v1.posts._answer, []

    def wait_and_answer(*args, **rest):
        running.set()
        assert go_on.wait(10)
        return answer(*args, **rest)

    monkeypatch.setattr("api.v1.posts._answer", wait_and_answer)
    first = threading.Thread(target=lambda: firsts.append(ada.post("/posts", NEW, Idempotency_Key="k1")))
    first.start()
    assert running.wait(10)

    second = Caller(app, ada.headers["Authorization"].split()[1]).post("/posts", NEW, Idempotency_Key="k1")
    go_on.set()
    first.join()

    assert refusal(second) == (409, "still-running")
    assert second.headers["Retry-After"] == "1"
    assert firsts[0].status_code == 201
    assert told(ada.post("/posts", NEW, Idempotency_Key="k1")) == told(firsts[0])


def test_claim_is_free_again_after_a_failure(make_app, monkeypatch):
    app = make_app(testing=False)
    ada = Caller(app, issue_key(app, "ada"))
    monkeypatch.setattr("api.v1.posts._answer", lambda *_, **__: 1 / 0)

    assert refusal(ada.post("/posts", NEW, Idempotency_Key="k1")) == (500, "fault")
    monkeypatch.undo()
    assert ada.post("/posts", NEW, Idempotency_Key="k1").status_code == 201


def test_many_at_once_in_one_process_have_one_effect(make_app):
    app = make_app(testing=False)
    key = issue_key(app, "ada")
    callers = [Caller(app, key) for _ in range(8)]

    answers = together([lambda c=caller: c.post("/posts", NEW, Idempotency_Key="k1") for caller in callers])

    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.data for answer in answers if answer.status_code == 201}) == 1
    assert posts_called(callers[0], "Once") == 1


def test_over_processes_there_is_one_effect_even_when_a_worker_dies(app, data_dir):
    key = issue_key(app, "ada")
    hold, held, kill = (data_dir / name for name in ("HOLD", "HELD", "KILL"))

    with serving(data_dir, application="slow_api_app:application()", **QUOTA) as server:

        def send(title, chosen):
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Idempotency-Key": chosen}
            try:
                connection.request("POST", "/api/v1/posts", json.dumps({"title": title}), headers)
                answer = connection.getresponse()
                return answer.status, answer.read(), answer.headers["X-Worker"]
            finally:
                connection.close()

        crowd = together([lambda: send("Crowd", "k1")] * 16)
        crowd.append(send("Crowd", "k1"))
        assert {status for status, _, _ in crowd} <= {201, 409}
        assert len({body for status, body, _ in crowd if status == 201}) == 1

        hold.touch()
        first = []
        runner = threading.Thread(target=lambda: first.append(send("Held", "k2")))
        runner.start()
        while not (held.exists() and held.read_text()):
            time.sleep(0.01)
        os.kill(int(held.read_text()), signal.SIGSTOP)  # so that the other worker answers
        repeated = [send("Held", "k2") for _ in range(3)]
        os.kill(int(held.read_text()), signal.SIGCONT)
        hold.unlink()
        runner.join()
        assert [status for status, _, _ in repeated] == [409] * 3
        assert first[0][2] not in {worker for _, _, worker in repeated}
        assert send("Held", "k2")[:2] == first[0][:2]

        kill.touch()
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            send("Killed", "k3")
        status, body, _ = send("Killed", "k3")
        while status == 409:  # of a process that dies, the kernel may close the connection before the claim
            time.sleep(0.05)
            status, body, _ = send("Killed", "k3")
        assert (status, json.loads(body)["title"]) == (201, "Killed")
        assert send("Killed", "k3")[:2] == (status, body)

    ada = Caller(app, key)
    assert [posts_called(ada, title) for title in ("Crowd", "Held", "Killed")] == [1, 1, 1]


def test_lock_files_are_few_and_private(app, ada, data_dir):
    for number in range(8):
        assert ada.post("/posts", {"title": "T"}, Idempotency_Key=f"k{number}").status_code == 201

    files = list((data_dir / "idempotency").iterdir())
    assert 0 < len(files) <= 8
    assert all(len(file.name) == 3 and file.stat().st_mode & 0o077 == 0 for file in files)

"""Everyone has a share of the door: counted exactly over all workers, by key or by address, and told in each answer."""

import http.client
import logging
import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from api_client import Caller, issue_key, refusal
from serving import serving

from web.rate_limiter import MINUTE

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def told(answer):
    """Return what an answer says of the quota: limit, left, seconds."""
    limit, window = re.fullmatch(r'"requests";q=(\d+);w=(\d+)', answer.headers["RateLimit-Policy"]).groups()
    left, reset = re.fullmatch(r'"requests";r=(\d+);t=(\d+)', answer.headers["RateLimit"]).groups()
    assert int(window) == MINUTE
    assert 0 < int(reset) <= MINUTE
    return int(limit), int(left), int(reset)


@pytest.fixture
def few(make_app):
    """A worker whose callers have five requests a minute; the clock stands still."""
    with time_machine.travel(NOON + timedelta(seconds=20), tick=False):
        yield make_app(testing=False, API_REQUESTS_PER_MINUTE="5")


def from_address(app, address, **headers):
    """Ask from an address, and return the answer."""
    return app.test_client().get("/api/v1/tags", environ_base={"REMOTE_ADDR": address}, headers=headers)


def test_quota_is_told_and_never_rises_within_a_window(few):
    stranger = Caller(few)

    answers = [stranger.get("/tags") for _ in range(8)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 3
    assert [told(answer) for answer in answers] == [(5, left, 60) for left in (4, 3, 2, 1, 0, 0, 0, 0)]
    assert refusal(answers[-1]) == (429, "too-many-requests")
    assert answers[-1].headers["Retry-After"] == "60"


def test_full_quota_is_back_with_the_next_window_and_not_before(few):
    stranger = Caller(few)
    for _ in range(9):
        stranger.get("/tags")

    with time_machine.travel(NOON + timedelta(seconds=79.9), tick=False):
        late = stranger.get("/tags")
    with time_machine.travel(NOON + timedelta(seconds=80), tick=False):
        next_one = stranger.get("/tags")

    assert (late.status_code, late.headers["Retry-After"]) == (429, "1")
    assert (next_one.status_code, told(next_one)) == (200, (5, 4, 60))


def test_each_key_and_each_address_has_a_quota_of_its_own(few):
    callers = [Caller(few, issue_key(few, handle)) for handle in ("ada", "ada", "bob")]
    for caller in callers:
        assert [caller.get("/tags").status_code for _ in range(6)] == [200] * 5 + [429]

    assert [told(from_address(few, address))[1] for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1")] == [4, 4, 3]


def test_refused_requests_count_and_bad_keys_count_against_the_address(few):
    def left(caller, path="/me"):
        return told(caller.get(path))[1]

    assert left(Caller(few, "hd_wrong")) == 4
    assert left(Caller(few, Authorization="Basic x")) == 3
    assert left(Caller(few), "/me?api_key=x") == 2
    assert left(Caller(few), "/posts/none") == 1
    assert left(Caller(few), "/posts?limit=0") == 0
    assert refusal(Caller(few, "hd_wrong").get("/me")) == (429, "too-many-requests")
    assert Caller(few, issue_key(few, "ada")).get("/me").status_code == 200


def test_household_with_many_ipv6_addresses_has_one_quota(few):
    lefts = [told(from_address(few, f"2001:db8:0:7::{n:x}"))[1] for n in (1, 2, 0xFFFF)]

    assert lefts == [4, 3, 2]
    assert told(from_address(few, "2001:db8:0:8::1"))[1] == 4


def test_ipv4_address_is_the_same_on_an_ipv6_socket_and_not_everybodys(few):
    assert told(from_address(few, "192.0.2.1"))[1] == 4
    assert told(from_address(few, "::ffff:192.0.2.1"))[1] == 3
    assert told(from_address(few, "::ffff:192.0.2.2"))[1] == 4


@pytest.mark.parametrize("address", ["", "unix:", "unknown", "192.0.2.1:443", "fe80::1%eth0", "\x00"])
def test_address_that_is_none_is_counted_and_not_a_fault(few, address):
    assert [told(from_address(few, address))[1] for _ in range(2)] == [4, 3]


SPOOFS = ["10.0.0.1", "10.0.0.2", "::1", "x", "1.2.3.4, 5.6.7.8", "", "127.0.0.1"]


def test_forwarded_for_is_not_believed_without_a_proxy(few):
    answers = [from_address(few, "192.0.2.9", **{"X-Forwarded-For": spoof}) for spoof in SPOOFS]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2


def test_behind_a_proxy_only_what_the_proxy_wrote_counts(make_app):
    with time_machine.travel(NOON, tick=False):
        app = make_app(testing=False, API_REQUESTS_PER_MINUTE="5", TRUSTED_PROXIES="1")
        forwarded = [f"{spoof}, 192.0.2.1" for spoof in SPOOFS]
        mine = [from_address(app, "127.0.0.1", **{"X-Forwarded-For": value}) for value in forwarded]
        other = from_address(app, "127.0.0.1", **{"X-Forwarded-For": "192.0.2.1, 192.0.2.2"})

    assert [answer.status_code for answer in mine] == [200] * 5 + [429] * 2
    assert told(other)[1] == 4


@pytest.mark.sqlite("the counts are in a file")
def test_rate_limiter_that_cannot_count_does_not_close_the_api(make_app, data_dir, caplog):
    (data_dir / "rate-limits.db").write_bytes(b"this is no database" * 100)
    app = make_app(testing=False, API_REQUESTS_PER_MINUTE="1")

    answers = [Caller(app).get("/tags") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200] * 3
    assert not any("RateLimit" in answer.headers for answer in answers)
    assert "requests and tries are not being counted" in caplog.text
    assert {record.levelno for record in caplog.records} == {logging.ERROR}


# --- over processes -------------------------------------------------------------------------------------------------

QUOTA, CLIENTS, EACH = 50, 20, 10


def crowd(server, key):
    """Send CLIENTS x EACH requests at once, and return (status, left) of each."""
    answers, gate = [], threading.Barrier(CLIENTS)

    def ask(number):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        gate.wait()
        for turn in range(EACH):
            headers = {"Authorization": f"Bearer {key}", "X-Forwarded-For": f"10.0.{number}.{turn}"}
            connection.request("GET", "/api/v1/me", headers=headers)
            answer = connection.getresponse()
            answer.read()
            answers.append((answer.status, told(answer)[1]))
        connection.close()

    clients = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    return answers


def test_four_workers_together_admit_exactly_the_quota(app, data_dir):
    with serving(data_dir, workers=4, API_REQUESTS_PER_MINUTE=str(QUOTA)) as server:
        answers = crowd(server, issue_key(app, "ada"))
        log = server.log.read_text()

    assert sorted(left for status, left in answers if status == 200) == list(range(QUOTA))
    assert [answer for answer in answers if answer[0] != 200] == [(429, 0)] * (CLIENTS * EACH - QUOTA)
    assert "not being counted" not in log

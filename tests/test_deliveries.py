"""The inbox as a model: failures that are counted, replays, what is shown of a payload, and what is forgotten."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from webhooks import encoded, event, inbox, member, release, send, send_github

from flask_revalidation import revalidate_tag, write
from models import Delivery, DeliveryStatus, Message, NotFound, db, now
from models.delivery import EFFECTS, MAX_ATTEMPTS
from pages.redact import redact

PAID = ("stripe", "invoice.paid")


def replay(app, event_id="evt_1"):
    """Do what the dashboard's action does; return the tags."""
    with app.app_context(), write(by="test"):
        tags = Delivery.known("stripe", event_id).replay()
        revalidate_tag(*tags)
        return tags


def write_and_fail(_payload):
    Message.send(name="half", email="h@x.example", body="half an effect")
    db.session.flush()
    raise ValueError("CANARY of the payload")


def test_w28_effect_that_fails_is_rolled_back_and_counted(app, visitor, monkeypatch):
    monkeypatch.setitem(EFFECTS, PAID, write_and_fail)

    answer = send(visitor, event(event_id="evt_1"))

    assert answer.status_code == 500
    assert answer.json["type"].endswith("/api/problems/fault")
    assert inbox(app) == [("stripe", "evt_1", "failed", 1)]
    with app.app_context():
        assert db.session.scalar(select(Message).where(Message.name == "half")) is None
        assert Delivery.known("stripe", "evt_1").last_error.startswith("ValueError in write_and_fail")


def write_what_the_database_refuses(_payload):
    db.session.add(Message(name="half", email="h@x.example", body=None))
    db.session.flush()


def test_w28_effect_that_the_database_refuses_is_kept_and_counted(app, visitor, monkeypatch):
    monkeypatch.setitem(EFFECTS, PAID, write_what_the_database_refuses)

    assert send(visitor, event(event_id="evt_1")).status_code == 500
    assert inbox(app) == [("stripe", "evt_1", "failed", 1)]


def test_w28_retry_works_once_the_fault_is_mended(app, visitor, monkeypatch):
    it = event(event_id="evt_1")
    with monkeypatch.context() as broken:
        broken.setitem(EFFECTS, PAID, write_and_fail)
        send(visitor, it)

    assert send(visitor, it).json == {"received": True, "outcome": "applied"}
    assert inbox(app) == [("stripe", "evt_1", "applied", 1)]
    assert member(app)[3] == 1


def test_w28_after_ten_attempts_it_is_dead_and_the_sender_is_told_to_stop(app, visitor, monkeypatch):
    monkeypatch.setitem(EFFECTS, PAID, write_and_fail)
    it = event(event_id="evt_1")

    statuses = [send(visitor, it).status_code for _ in range(MAX_ATTEMPTS + 2)]

    assert statuses == [500] * (MAX_ATTEMPTS - 1) + [200] * 3
    assert inbox(app) == [("stripe", "evt_1", "dead", MAX_ATTEMPTS)]


def test_database_that_fails_keeps_nothing_and_the_sender_tries_again(make_app, monkeypatch):
    def locked(_payload):
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    app = make_app(testing=False)
    monkeypatch.setitem(EFFECTS, PAID, locked)

    answer = send(app.test_client(), event(event_id="evt_1"))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert inbox(app) == []


def test_dead_delivery_is_replayed(app, visitor, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setitem(EFFECTS, PAID, write_and_fail)
        for _ in range(MAX_ATTEMPTS):
            send(visitor, event(event_id="evt_1"))

    assert replay(app) == {"members", "deliveries"}
    assert inbox(app) == [("stripe", "evt_1", "applied", MAX_ATTEMPTS)]
    assert member(app)[3] == 1


def test_replay_that_fails_leaves_it_dead(app, visitor, monkeypatch):
    monkeypatch.setitem(EFFECTS, PAID, write_and_fail)
    for _ in range(MAX_ATTEMPTS):
        send(visitor, event(event_id="evt_1"))

    assert replay(app) == {"deliveries"}
    assert inbox(app) == [("stripe", "evt_1", "dead", MAX_ATTEMPTS + 1)]


def test_applied_delivery_does_not_act_twice(app, visitor, monkeypatch):
    send(visitor, event(event_id="evt_1"))
    monkeypatch.setitem(EFFECTS, PAID, write_and_fail)

    assert replay(app) == set()
    assert inbox(app) == [("stripe", "evt_1", "applied", 0)]


def test_dead_delivery_of_the_demo_can_be_replayed(app):
    with app.app_context():
        dead = db.session.scalar(select(Delivery).where(Delivery.status == DeliveryStatus.DEAD))
        assert dead.last_error
        event_id = dead.event_id

    assert replay(app, event_id) == {"members", "deliveries"}


def test_second_receipt_is_the_first_row(app):
    told = {"source": "stripe", "event_id": "evt_1", "type": "ping"}
    with app.app_context(), write(by="test"):
        first = Delivery.receive(**told, body=b"first").id
        second = Delivery.receive(**told, body=b"second")

        assert (second.id, second.body) == (first, b"first")
        assert Delivery.receive(**{**told, "source": "github"}, body=b"other").id != first


def test_inbox_is_read_newest_first_in_pages(app, visitor):
    for number in range(5):
        send(visitor, event(event_id=f"evt_{number}"))

    with app.app_context():
        first = Delivery.latest(per_page=3)
        second = Delivery.latest(first.older, per_page=3)
        assert [[row.event_id for row in page.rows] for page in (first, second)] == [
            ["evt_4", "evt_3", "evt_2"],
            ["evt_1", "evt_0", "evt_demo0003"],
        ]
        assert second.newer == 0
        assert len(Delivery.latest(per_page=100).rows) == 8
        with pytest.raises(NotFound), write(by="test"):
            Delivery.find(10_000)


def test_sweep_forgets_old_events_but_no_id_that_guards_against_a_replay(app, visitor):
    send(visitor, event(event_id="evt_old"))
    send(visitor, event(event_id="evt_new"))
    send_github(visitor, release(), delivery="d-old")
    old = Delivery.event_id.in_(["evt_old", "d-old"])
    with app.app_context(), write(by="test") as session:
        session.execute(update(Delivery).where(old).values(received_at=now() - timedelta(days=36)))

    assert app.test_cli_runner().invoke(args=["sweep"]).exit_code == 0

    assert {row[1] for row in inbox(app)} == {"evt_new", "d-old"}
    with app.app_context():
        assert Delivery.known("github", "d-old").body == b""
        assert redact(Delivery.known("github", "d-old").body) == "No payload is kept."
        assert Delivery.known("stripe", "evt_new").body != b""


def test_sweep_keeps_what_was_never_processed(app, visitor, monkeypatch):
    monkeypatch.setitem(EFFECTS, PAID, write_and_fail)
    send(visitor, event(event_id="evt_1"))
    with app.app_context(), write(by="test") as session:
        session.execute(update(Delivery).values(received_at=now() - timedelta(days=99)))

    app.test_cli_runner().invoke(args=["sweep"])

    assert inbox(app) == [("stripe", "evt_1", "failed", 1)]


def test_payload_is_shown_without_what_is_personal_or_secret():
    told = event(email="CANARY@post.example", event_id="evt_1")
    about = told["data"]["object"]
    about |= {"client_secret": "CANARY", "metadata": {"note": "CANARY", "CANARY@x": 1, "phone": 4917}, "tax": [4917]}
    about["status"] = "CANARY with spaces, which no status has"

    shown = redact(encoded(told))

    assert "CANARY" not in shown
    assert "4917" not in shown
    read = json.loads(shown)
    assert (read["id"], read["type"], read["livemode"]) == ("evt_1", "invoice.paid", False)
    assert read["data"]["object"]["amount_paid"] == 600
    assert read["data"]["object"]["customer_email"] == "•••"
    assert shown.startswith('{\n  "id": "evt_1"')


@pytest.mark.parametrize(
    ("body", "shown"),
    [(b"Hello, World!", "13 bytes that are no JSON"), (b"\xff", "1 bytes that are no JSON"),
     (b"", "No payload is kept."),
     (b"[" * 100_000, "100000 bytes that are no JSON"), (b'"CANARY"', '"•••"'), (b"[4242]", '[\n  "•••"\n]')],
)  # fmt: skip
def test_payload_that_is_no_object_is_described_or_hidden(body, shown):
    assert redact(body) == shown

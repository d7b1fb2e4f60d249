"""The edges of what guards the site: bytes, names, pixels, days; and what happens right beside them."""

from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from types import SimpleNamespace

import pytest
from PIL import Image
from sqlalchemy import select
from webhooks import encoded, event, inbox
from werkzeug.exceptions import RequestEntityTooLarge

from actions.rate_limit import RateLimit, account, enforce, forget_tries
from api.webhooks import receive, stripe
from flask_revalidation import ENTRY, Busy, write
from flask_revalidation.store import Entry
from flask_server_actions import Result
from models import Delivery, Picture, User, db, now
from web import gate, pictures
from web.fast_hits import MAX_NAME
from web.problems import Problem
from web.rate_limiter import counted


def test_body_may_have_as_many_bytes_as_it_may_and_not_one_more(app):
    for length in ({"CONTENT_LENGTH": "10"}, {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}):
        request = {"method": "POST", "input_stream": BytesIO(b"x" * 10), "environ_overrides": length}
        with app.test_request_context("/", **request):
            assert gate.body(10) == b"x" * 10
        request["input_stream"] = BytesIO(b"x" * 10)
        with app.test_request_context("/", **request), pytest.raises(RequestEntityTooLarge):
            gate.body(9)
    with app.test_request_context("/", method="POST", data=b"x" * 1000):
        assert len(gate.body()) == 1000


@pytest.mark.parametrize(
    ("site", "secure", "name"),
    [
        ("http://localhost:8000", False, "session"),
        ("http://localhost", False, "session"),
        ("http://localhost:8001", False, "session_8001"),
        ("https://hallway.example", True, "__Host-session"),
        ("https://hallway.example:8001", True, "__Host-session"),
    ],
)
def test_cookie_is_this_hosts_and_this_ports_alone(app, site, secure, name):
    app.config.update(SITE=site, SESSION_COOKIE_SECURE=secure)
    with app.test_request_context("/"):
        cookie = gate.cookie("session", "x", 5)
        signed, options = gate.sign_cookie("session", "x")[name]

    told = {"path": "/", "secure": secure, "httponly": True, "samesite": "Lax"}
    assert cookie == {name: ("x", told | {"max_age": 5})}
    assert options == told | {"max_age": 31_536_000}
    with app.test_request_context("/", headers={"Cookie": f"{name}={signed}"}):
        assert (gate.signed_cookie("session"), gate.signed_cookie("visitor")) == ("x", "")
        assert gate.session_token() == signed


def test_limiter_counts_over_one_connection_and_opens_another_after_a_fault(app):
    limiter = app.extensions["rate_limiter"]
    limiter.count("x", 10)
    first = limiter._connection
    assert limiter.count("x", 10).left == 8
    assert limiter._connection is first
    first.close()

    assert limiter.count("x", 10) is None
    assert limiter.count("x", 10).left == 7


def test_who_has_proved_to_be_right_is_forgotten_and_others_count_on(app):
    def one(_form):
        return "one"

    def two(_form):
        return "two"

    limits = [RateLimit(3, 60, two), RateLimit(2, 60, one), RateLimit(1, 60, one, unless=two), RateLimit(1, 60, nobody)]
    action, seen = SimpleNamespace(name="a.b", rate_limit=limits), []
    with app.app_context(), counted.connected_to(lambda bucket, reading: seen.append(reading.left)):
        enforce(action, None)
        enforce(action, None)
        forget_tries(action, None, one)
        enforce(action, None)
        with pytest.raises(Result, match="tried too often"):
            enforce(action, None)
    assert seen == [2, 1, 1, 0, 0, 1, -1]


def test_account_of_a_limit_is_the_person_and_a_stranger_has_none(app, monkeypatch):
    found = []
    for handle in ("ada", "bob", None):
        with app.test_request_context("/"):
            user = User.find_author(handle) if handle else None
            monkeypatch.setattr("actions.rate_limit.current_user", lambda user=user: user)
            found.append(account(None))
    assert len({*found}) == 3
    assert found[2] is None


def nobody(_form):
    return None


def test_answer_with_a_cookie_or_for_others_than_we_look_at_is_never_given_again(app, fast_hits):
    hits, entry = app.wsgi_app, Entry("page", {"": "1"})
    for kept, headers in enumerate(
        (
            [("Vary", "Accept-Encoding, Cookie"), ("Set-Cookie", "a=b")],
            [("Vary", "Accept-Encoding, Cookie, Accept-Language")],
            [("Vary", "Accept-Encoding, Cookie")],
        )
    ):

        def answer(environ, start, headers=headers):
            environ[ENTRY] = entry
            start("200 OK", headers)
            return BytesIO(b"body")

        hits.flask = answer
        assert app.test_client().get("/blog").data == b"body"
        assert len(hits._answers) == (kept == 2)
    for characters in (MAX_NAME, MAX_NAME + 1):
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "x" * (characters - 3)}
        assert (hits._name(environ) is not None) == (characters == MAX_NAME)


def test_connection_that_has_failed_is_let_go_of_and_flask_answers(app, visitor):
    hits, closed = app.wsgi_app, []
    visitor.get("/blog")
    visitor.get("/blog")
    hits.close()
    hits._connection = SimpleNamespace(close=lambda: closed.append(1))  # which cannot be asked

    assert visitor.get("/blog").status_code == 200
    assert closed == [1]
    assert visitor.get("/blog").status_code == 200
    assert not isinstance(hits._connection, SimpleNamespace)


def test_picture_may_have_as_many_pixels_as_it_may_and_not_one_row_more():
    def drawn(rows, kind="PNG", mode="1", **options):
        Image.new(mode, (3000, rows)).save(file := BytesIO(), kind, **options)
        made = pictures.draw_anew(file.getvalue(), ValueError)
        assert Image.open(BytesIO(made["content"])).mode == "RGB"
        return made["height"]

    assert drawn(3000) == 2000
    assert drawn(3001, "JPEG", "L") == 1501
    assert drawn(3, "JPEG", "L", progressive=True) == 2
    refused = [(3001, "PNG", {"mode": "1"}), (1334, "WEBP", {"mode": "RGB"})]
    for rows, kind, options in (*refused, (3001, "JPEG", {"mode": "L", "progressive": True})):
        with pytest.raises(ValueError, match="up to 64 million pixels"):
            drawn(rows, kind, **options)


@pytest.mark.parametrize(("progressive", "layers"), [(False, False), (True, True)])
def test_jpeg_in_layers_is_told_from_one_that_is_read_in_one_go(progressive, layers):
    Image.new("RGB", (9, 9), "red").save(file := BytesIO(), "JPEG", progressive=progressive, comment="Words")
    assert pictures._in_layers(Image.open(file), file.getvalue()) == layers


def test_first_picture_of_a_camera_that_takes_two_is_a_jpeg():
    first, second = (Image.new("RGB", (9, 9), colour) for colour in ("red", "blue"))
    first.save(file := BytesIO(), "MPO", save_all=True, append_images=[second])

    assert Image.open(file).format == "MPO"
    assert pictures.draw_anew(file.getvalue(), ValueError)["kind"] == "jpeg"


def test_picture_that_nobody_names_stays_for_a_day_after_it_was_added_last(app):
    told = {"kind": "png", "content": b"x", "width": 1, "height": 1}
    with app.app_context(), write(by="test"):
        ada = User.find_author("ada")
        picture = Picture.add(ada.id, alt="One", **told)
        db.session.flush()
        assert now() - picture.created_at < timedelta(minutes=1)
        ages = {}
        for minutes in (30, 90, 47 * 60):
            picture.created_at = now() - timedelta(minutes=minutes)
            assert Picture.add(ada.id, alt="Two", **told) is picture
            ages[minutes] = round((now() - picture.created_at) / timedelta(minutes=1))
        assert ages == {30: 30, 90: 60, 47 * 60: 60}
        picture.alt = r"a [b] \c"
        assert picture.markdown == f"![a (b) /c]({picture.path})"
        for hours, swept in ((23, 0), (25, 1)):
            picture.created_at = now() - timedelta(hours=hours)
            db.session.flush()
            assert Picture.sweep() == swept
        db.session.expunge_all()  # it is gone
        for number in range(21):
            Picture.add(ada.id, alt="", **(told | {"content": b"%d" % number})).created_at = now() - timedelta(days=2)
        db.session.flush()
        assert [Picture.sweep(), Picture.sweep()] == [20, 1]


def test_database_that_is_busy_leaves_the_pending_to_the_next_call(app, monkeypatch):
    def busy(_delivery):
        raise Busy

    it = event("invoice.paid", event_id="evt_1")
    with app.app_context():
        with write(by="test"):
            row = Delivery.receive(source="stripe", event_id="evt_1", type=it["type"], body=encoded(it))
            row.received_at = now() - timedelta(seconds=61)
        with monkeypatch.context() as broken:
            broken.setattr(receive, "_process", busy)
            assert receive.finish_pending() == 0
        assert db.session.scalar(select(Delivery.attempts).where(Delivery.event_id == "evt_1")) == 0
        assert receive.finish_pending() >= 1
    assert inbox(app) == [("stripe", "evt_1", "applied", 0)]


def test_event_that_is_to_be_ignored_is_kept_and_done_with(app):
    with app.app_context(), write(by="test"):
        told = {"source": "stripe", "type": "t", "body": b"{}"}
        rows = [Delivery.receive(event_id=f"evt_{ignore}", ignore=ignore, **told) for ignore in (True, False)]
        assert [(row.status, row.processed_at is None, row.is_open) for row in rows] == [
            ("ignored", False, False),
            ("pending", True, True),
        ]
        assert [Delivery.known(source, "evt_True") for source in ("stripe", "github")] == [rows[0], None]
        assert Delivery.known("stripe", "evt_other") is None


def test_event_is_called_what_its_sender_calls_it_as_far_as_there_is_room(app):
    with app.app_context():
        told = {"id": "e" * 255, "type": "t" * 101, "api_version": "v" * 41, "livemode": True}
        assert stripe.identify(told) == receive.Event("e" * 255, "t" * 100, "v" * 40, livemode=True)
        assert stripe.identify({"id": "e", "type": 7}) == receive.Event("e", "")
        assert stripe.identify({"id": "e", "type": "t", "object": "v2.core.event"}).ignore
        for odd in ("", "e" * 256, "e e", 7, None):
            with pytest.raises(Problem):
                stripe.identify({"id": odd, "type": "t"})


def test_sender_without_an_effect_of_its_own_stops_the_start():
    stripe.SENDER.require_complete({"stripe": ["s"]})
    for sender, configured in (
        (replace(stripe.SENDER, name="other"), {"other": ["s"]}),
        (stripe.SENDER, {"other": ["s"]}),
    ):
        with pytest.raises(receive.BadSender, match=sender.name):
            sender.require_complete(configured)

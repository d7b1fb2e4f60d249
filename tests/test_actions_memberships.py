"""From the membership page to the checkout: the real Stripe client, with only Stripe's side of HTTP played."""

import json
import logging
import re
import time
from urllib.parse import parse_qsl

import pytest
import requests
import responses
from scenarios import SESSION, fingerprint, form_key, rows
from test_settings import STRONG

from models import Member, Payment, db

STRIPE = {"DEMO": "1", "STRIPE_SECRET_KEY": "sk_test_canary", "STRIPE_PRICE_ID": "price_1"}
STRIPE |= {"STRIPE_WEBHOOK_SECRET": "whsec_for_the_tests"}
PRODUCTION = {"SECRET_KEY": STRONG, "PUBLIC_URL": "http://localhost", "TRUSTED_HOSTS": "localhost"}
SESSIONS = "https://api.stripe.com/v1/checkout/sessions"
CHECKOUT = "https://checkout.stripe.com/c/pay/cs_test_1"
START = "memberships.start_checkout"


@pytest.fixture
def stripe(monkeypatch):
    """Stripe's side of the conversation; nothing reaches the network, and retries do not wait."""
    monkeypatch.setattr("stripe._http_client.HTTPClient._sleep_time_seconds", lambda *_, **__: 0)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as played:
        yield played


def opens(stripe, url=CHECKOUT):
    stripe.post(SESSIONS, json={"id": "cs_test_1", "object": "checkout.session", "url": url})


@pytest.fixture
def reader(make_app):
    """A visitor of a site that takes payments."""
    return make_app(**STRIPE).test_client()


def test_plain_form_is_led_to_the_checkout(reader, stripe):
    opens(stripe)

    answer = reader.act(START, page="/support")

    assert (answer.status_code, answer.headers["Location"]) == (303, CHECKOUT)
    sent = dict(parse_qsl(stripe.calls[0].request.body))
    assert (sent["mode"], sent["line_items[0][price]"], sent["line_items[0][quantity]"]) == (
        "subscription",
        "price_1",
        "1",
    )
    assert sent["success_url"] == "http://127.0.0.1:8000/support?thanks=1"
    assert sent["cancel_url"] == "http://127.0.0.1:8000/support"


def test_htmx_is_told_to_go_there(reader, stripe):
    opens(stripe)

    answer = reader.act(START, page="/support", htmx=True)

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, CHECKOUT)


def test_form_sent_twice_asks_for_one_and_the_same_checkout(reader, stripe):
    opens(stripe)
    one, other = (form_key(reader.get("/support").text) for _ in range(2))

    ends = [reader.act(START, page="/support", _key=key).headers["Location"] for key in (one, one, other)]

    keys = [call.request.headers["Idempotency-Key"] for call in stripe.calls]
    assert ends == [CHECKOUT] * 3
    assert keys[0] == keys[1] != keys[2]
    assert one not in "".join(keys)


def test_retry_after_a_lost_answer_carries_the_same_key(reader, stripe):
    stripe.post(SESSIONS, body=requests.exceptions.ConnectionError("canary"))
    opens(stripe)

    answer = reader.act(START, page="/support", _key="k")

    assert answer.headers["Location"] == CHECKOUT
    assert len({call.request.headers["Idempotency-Key"] for call in stripe.calls}) == 1
    assert len(stripe.calls) == 2


TROUBLE = {
    "down": ({"body": requests.exceptions.ConnectionError("canary")}, 503, "does not answer"),
    "slow": ({"body": requests.exceptions.ReadTimeout("canary")}, 503, "does not answer"),
    "ill": ({"status": 500, "json": {"error": {"message": "canary"}}}, 503, "does not answer"),
    "busy": ({"status": 429, "json": {"error": {"message": "canary"}}}, 503, "does not answer"),
    "refusing": ({"status": 400, "json": {"error": {"message": "no such price: canary"}}}, 502, "did not take"),
    "wrong key": ({"status": 401, "json": {"error": {"message": "Invalid API Key: sk_canary"}}}, 502, "did not take"),
}


@pytest.mark.parametrize("kind", TROUBLE)
def test_trouble_at_stripe_is_a_page_that_says_nothing_was_charged(reader, stripe, caplog, kind):
    answer_of_stripe, status, sentence = TROUBLE[kind]
    stripe.post(SESSIONS, **answer_of_stripe)
    caplog.set_level(logging.WARNING)

    answer = reader.act(START, page="/support")

    assert answer.status_code == status
    assert sentence in answer.text
    assert "Nothing was charged" in answer.text
    assert "Members keep this house open" in answer.text
    assert ("Retry-After" in answer.headers) == (status == 503)
    assert re.search(r"stripe: \w+Error, status", caplog.text)
    assert "canary" not in answer.text + caplog.text


@pytest.mark.parametrize(
    "url", ["https://checkout.stripe.com.evil.example/", "http://checkout.stripe.com/", "/x", None]
)
def test_only_stripes_checkout_is_gone_to(reader, stripe, url):
    opens(stripe, url)

    answer = reader.act(START, page="/support")

    assert answer.status_code == 502
    assert "Nothing was charged" in answer.text


def test_stripe_is_waited_for_outside_the_transaction(make_app, stripe):
    app, held = make_app(**STRIPE), []

    def look(_request):
        with app.app_context():
            held.append(db.engine.pool.checkedout())
        return (200, {}, json.dumps({"object": "checkout.session", "url": CHECKOUT}))

    stripe.add_callback("POST", SESSIONS, look)

    assert app.test_client().act(START, page="/support").status_code == 303
    assert held == [0]


def test_checkouts_without_end_are_slowed_down_even_if_they_fail(reader, stripe):
    stripe.post(SESSIONS, status=400, json={"error": {"message": "no"}})

    statuses = [reader.act(START, page="/support").status_code for _ in range(21)]

    assert statuses == [502] * 20 + [429]
    assert len(stripe.calls) == 20


def test_production_without_stripe_is_not_open_yet(make_app, stripe):
    reader = make_app(**PRODUCTION).test_client()

    answer = reader.act(START, page="/support")

    assert answer.status_code == 409
    assert "Memberships are not open yet" in answer.text
    assert "<button" not in reader.get("/support").text.split("<main")[1]


def test_only_this_page_lets_a_form_lead_to_stripe(reader, stripe):
    stripe.post(SESSIONS, status=400, json={"error": {"message": "no"}})
    policies = {path: reader.get(path).headers["Content-Security-Policy"] for path in ("/support", "/", "/contact")}
    refused = reader.act(START, page="/support").headers["Content-Security-Policy"]

    assert "form-action 'self' https://checkout.stripe.com;" in policies["/support"]
    assert refused == policies["/support"]
    assert policies["/"] == policies["/contact"] == policies["/support"].replace(" https://checkout.stripe.com", "")


def test_invitation_leads_here(visitor):
    assert 'href="/support">Become a member' in visitor.get("/").text


# The demo: its own page stands in for Stripe's, and the real webhook hears of it.


def paid(app):
    with app.app_context():
        member = db.session.query(Member).filter_by(email="dana@post.example").one_or_none()
        payments = db.session.query(Payment).filter_by(member_id=member.id).count() if member else 0
        return (member.status if member else None, payments)


def test_demo_leads_to_a_page_that_says_it_is_not_stripe(visitor, cleo):
    start = visitor.act(START, page="/support", _key="k")
    again = visitor.act(START, page="/support", _key="k")
    page = visitor.get(start.headers["Location"])

    assert re.fullmatch(r"/support/checkout/cs_demo_[0-9a-f]{24}", start.headers["Location"])
    assert again.headers["Location"] == start.headers["Location"]
    assert "This is not Stripe" in page.text
    assert 'value="cleo@hallway.example"' in cleo.get(start.headers["Location"]).text


def test_paying_in_the_demo_makes_a_member_through_the_webhook(app, ada, visitor):
    ada.get("/dashboard/members")

    answer = visitor.act("demo.pay", page=f"/support/checkout/{SESSION}", session=SESSION, email="dana@post.example")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/support?thanks=1")
    assert "Thank you" in visitor.get("/support?thanks=1").text
    assert paid(app) == ("active", 1)
    assert "dana@post.example" in ada.get("/dashboard/members").text


def test_paying_twice_for_one_checkout_counts_once(app, visitor):
    before = rows(app, "delivery")
    for _ in range(2):
        visitor.act("demo.pay", session=SESSION, email="dana@post.example")

    assert paid(app) == ("active", 1)
    assert rows(app, "delivery") == before + 3


def test_webhook_that_refuses_is_told(app, visitor, monkeypatch):
    before = fingerprint(app)
    monkeypatch.setattr("demo.stripe_events.sign", lambda *_: f"t={int(time.time())},v1={'0' * 64}")

    answer = visitor.act("demo.pay", page=f"/support/checkout/{SESSION}", session=SESSION, email="d@post.example")

    assert answer.status_code == 502
    assert "The webhook answered 401" in answer.text
    assert fingerprint(app) == before


@pytest.mark.parametrize("session", ["cs_live_1", "cs_demo_", "cs_demo_0123456789ABCDEF01234567", f"{SESSION}0"])
def test_only_the_demos_own_checkouts_are_played(visitor, session):
    assert visitor.get(f"/support/checkout/{session}").status_code == 404
    assert visitor.act("demo.pay", session=session, email="d@post.example").status_code == 422


def test_nobody_plays_stripe_where_the_real_one_is_or_in_production(make_app):
    real, production = make_app(**STRIPE).test_client(), make_app(**PRODUCTION).test_client()

    for site in (real, production):
        assert site.get(f"/support/checkout/{SESSION}").status_code == 404
        assert site.act("demo.pay", session=SESSION, email="d@post.example").status_code == 404

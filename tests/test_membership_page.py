"""The page that knows its member: by the browser that paid, by the account, and by nothing else."""

import re
from urllib.parse import parse_qsl

import pytest
import webhooks
from scenarios import SESSION
from test_actions_memberships import CHECKOUT, START, STRIPE, opens, stripe  # noqa: F401

from flask_revalidation import revalidate_tag, write
from models import Member, Payment, Subscription, db

PORTAL = "memberships.open_portal"
SESSIONS = "https://api.stripe.com/v1/billing_portal/sessions"


@pytest.fixture
def paying(app):
    """A browser without an account that has paid, by the demo's own pages."""
    browser = app.test_client()
    start = browser.act(START, page="/support").headers["Location"]
    browser.act("demo.pay", page=start, session=start.rpartition("/")[2], email="dana@post.example")
    return browser


def flat(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page.split("<main")[1].split("</main")[0]).split())


def test_page_tells_its_member_plan_and_next_payment_and_offers_no_other(paying, app):
    page = flat(paying.get("/support").text)

    with app.app_context():
        due = db.session.query(Subscription.renews_at).filter_by(buyer=Subscription.buyer).order_by(
            Subscription.id.desc()).first()[0]  # fmt: skip
    assert "Monthly" in page
    assert f"Next payment {due:%-d %B %Y}" in page
    assert "6.00 EUR" in page
    assert "Manage or cancel" in page
    assert "Become a member" not in page
    assert "Become a member" in flat(app.test_client().get("/support").text)


def test_after_paying_one_page_says_one_thing(paying, visitor):
    page = flat(paying.get("/support?thanks=1").text)

    assert "Thank you You are a member" in page
    assert "within a minute" not in page
    assert "Become a member" not in page
    waiting = flat(visitor.get("/support?thanks=1").text)
    assert "within a minute" in waiting
    assert "Become a member" not in waiting
    assert "Manage" not in waiting


@pytest.mark.parametrize("htmx", [False, True])
def test_checkout_is_refused_to_a_member_and_leads_to_the_membership(paying, htmx):
    answer = paying.act(START, page="/support", htmx=htmx)

    assert answer.status_code == 409
    assert "You are a member already" in answer.text
    assert "Manage or cancel" in answer.text


def test_account_is_known_by_its_address_or_by_having_paid(app, cleo, sign_in, visitor):
    assert "Become a member" in cleo.get("/support").text
    webhooks.send(visitor, webhooks.event("checkout.session.completed", email="CLEO@hallway.example"))
    assert "Your membership" in cleo.get("/support").text
    assert cleo.act(START, page="/support").status_code == 409

    bob = sign_in("bob")
    start = bob.act(START, page="/support").headers["Location"]
    bob.act("demo.pay", page=start, session=start.rpartition("/")[2], email="elsewhere@post.example")
    assert "elsewhere@post.example" in sign_in("bob").get("/support").text
    assert "Become a member" in sign_in("edith").get("/support").text


def test_paying_with_anothers_address_shows_nothing_of_the_other(app, paying):
    mallory = app.test_client()
    start = mallory.act(START, page="/support").headers["Location"]
    mallory.act("demo.pay", page=start, session=start.rpartition("/")[2], email="dana@post.example")
    with app.app_context(), write(by="test"):
        first, _ = db.session.query(Member).filter_by(email="dana@post.example").order_by(Member.id)
        db.session.query(Payment).filter_by(member_id=first.id).update({"amount": 777})
        revalidate_tag("members")

    assert "7.77 EUR" in paying.get("/support").text
    assert "7.77 EUR" not in mallory.get("/support").text
    mallory.act("demo.cancel", page="/support/portal")
    assert "Your membership" in paying.get("/support").text


def test_browser_says_of_itself_who_it_is_only_with_our_signature(paying, visitor):
    mark = paying.get_cookie("visitor").value
    visitor.set_cookie("visitor", mark[:-1] + ("a" if mark[-1] != "a" else "b"))

    assert "Become a member" in visitor.get("/support").text


def test_what_a_member_got_back_is_on_their_page(paying, visitor, app):
    with app.app_context():
        customer = db.session.query(Member.stripe_customer).filter_by(email="dana@post.example").scalar()
    refunded = webhooks.event("charge.refunded", customer=customer, charge="ch_dana")
    refunded["data"]["object"]["amount_refunded"] = 250
    webhooks.send(visitor, refunded)
    webhooks.send(visitor, webhooks.event("charge.dispute.created", customer=customer, charge="ch_dana", amount=350))

    page = flat(paying.get("/support").text)

    assert "refund -2.50 EUR" in page
    assert "dispute -3.50 EUR" in page


def test_who_leaves_at_the_end_of_the_month_sees_when(paying, visitor, app):
    with app.app_context():
        subscription = db.session.query(Subscription).order_by(Subscription.id.desc()).first()
        ids = {"customer": subscription.member.stripe_customer, "subscription": subscription.stripe_id}
        ends = f"{subscription.renews_at:%-d %B %Y}"
    leaving = webhooks.event("customer.subscription.updated", **ids)
    leaving["data"]["object"]["cancel_at_period_end"] = True
    webhooks.send(visitor, leaving)

    page = flat(paying.get("/support").text)

    assert f"Ends on {ends}" in page
    assert "Next payment" not in page


def test_demo_plays_the_customer_portal_and_its_event_comes_through_the_webhook(paying, app, ada):
    answer = paying.act(PORTAL, page="/support")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/support/portal")
    portal = paying.get("/support/portal").text
    assert "This is not Stripe" in portal
    assert "dana@post.example" in portal

    paying.act("demo.cancel", page="/support/portal")

    assert webhooks.inbox(app)[-1][2] == "applied"
    assert "Become a member" in paying.get("/support").text
    assert "dana@post.example" in ada.get("/dashboard/members?status=canceled").text
    assert paying.get("/support/portal").status_code == 303
    assert paying.act("demo.cancel", page="/support").status_code == 404


def test_member_is_led_to_stripes_customer_portal(make_app, stripe):  # noqa: F811
    app = make_app(**STRIPE)
    reader, secret = app.test_client(), STRIPE["STRIPE_WEBHOOK_SECRET"]
    opens(stripe)
    reader.act(START, page="/support")
    name = dict(parse_qsl(stripe.calls[0].request.body))["client_reference_id"]
    for told in (webhooks.event("checkout.session.completed", buyer=name), webhooks.event("invoice.paid")):
        webhooks.send(reader, told, header=webhooks.signed(told, secret=secret))
    stripe.post(SESSIONS, json={"object": "billing_portal.session", "url": "https://billing.stripe.com/p/session/1"})

    plain, htmx = (reader.act(PORTAL, page="/support", htmx=htmx) for htmx in (False, True))

    assert (plain.status_code, plain.headers["Location"]) == (303, "https://billing.stripe.com/p/session/1")
    assert htmx.headers["HX-Redirect"] == "https://billing.stripe.com/p/session/1"
    assert dict(parse_qsl(stripe.calls[1].request.body)) == {
        "customer": "cus_ina", "return_url": "http://127.0.0.1:8000/support"
    }  # fmt: skip
    policy = reader.get("/support").headers["Content-Security-Policy"]
    assert "form-action 'self' https://billing.stripe.com;" in policy
    assert reader.act(START, page="/support").status_code == 409
    assert reader.get("/support/portal").status_code == 303
    assert reader.act("demo.cancel", page="/support").status_code == 404


@pytest.mark.parametrize("url", ["https://billing.stripe.com.evil.example/", CHECKOUT, None])
def test_only_stripes_portal_is_gone_to(make_app, stripe, url):  # noqa: F811
    reader = make_app(**STRIPE).test_client()
    opens(stripe)
    reader.act(START, page="/support")
    told = webhooks.event("checkout.session.completed", buyer=dict(parse_qsl(stripe.calls[0].request.body))[
        "client_reference_id"])  # fmt: skip
    webhooks.send(reader, told, header=webhooks.signed(told, secret=STRIPE["STRIPE_WEBHOOK_SECRET"]))
    stripe.post(SESSIONS, json={"object": "billing_portal.session", "url": url})

    assert reader.act(PORTAL, page="/support").status_code == 502


def test_nobodys_membership_is_managed_by_nobody(visitor):
    assert visitor.act(PORTAL, page="/support").status_code == 409
    assert visitor.act("demo.cancel", page="/support").status_code == 404
    assert visitor.get("/support/portal").status_code == 303


def test_address_of_the_stand_in_pays_for_whoever_comes_there(visitor):
    visitor.act("demo.pay", page=f"/support/checkout/{SESSION}", session=SESSION, email="eli@post.example")

    assert "eli@post.example" in visitor.get("/support").text

"""What Stripe's events do to members: the same, in whatever order and however often they come."""

import itertools
import random
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from webhooks import SCALE, encoded, event, member, members, send, subscriptions

from flask_revalidation import write
from models import Delivery, Member, Payment, db, now

START = now().replace(microsecond=0) - timedelta(days=3)


def at(hours):
    return START + timedelta(hours=hours)


def story():
    """The five types, as they happen to someone who joins, moves to yearly, fails to pay and leaves."""
    return [
        event("checkout.session.completed", at=at(0)),
        event("invoice.paid", at=at(0), invoice="in_1"),
        event("customer.subscription.updated", at=at(1), plan="yearly"),
        event("invoice.payment_failed", at=at(2), invoice="in_2", email="new@post.example"),
        event("customer.subscription.deleted", at=at(3), plan="yearly"),
    ]


def forget(app):
    with app.app_context(), write(by="test") as session:
        for table in ("payment", "subscription", "delivery", "member"):
            session.execute(text(f"DELETE FROM {table}"))


def test_checkout_makes_a_member_before_any_invoice_and_invents_no_plan(app, visitor):
    send(visitor, event("checkout.session.completed", plan="yearly"))

    assert member(app) == ("ina@post.example", "", "active", 0)


def test_checkout_that_is_paid_later_leaves_the_member_pending(app, visitor):
    unpaid = event("checkout.session.completed", at=at(0))
    unpaid["data"]["object"]["payment_status"] = "unpaid"

    send(visitor, unpaid)
    assert member(app)[2] == "pending"
    send(visitor, event("invoice.paid", at=at(30)))

    assert member(app)[2:] == ("active", 1)


def test_payment_is_recorded_in_minor_units_at_the_time_it_was_made(app, visitor):
    send(visitor, event("invoice.paid", at=at(5), invoice="in_9", plan="yearly"))

    assert members(app)[0][2] == [("in_9", 6000, "eur", at(5))]


def test_invoice_over_nothing_is_no_payment(app, visitor):
    trial = event("invoice.paid")
    trial["data"]["object"] |= {"amount_paid": 0, "amount_due": 0}

    send(visitor, trial)

    assert member(app) == ("ina@post.example", "", "active", 0)


def test_invoice_of_an_older_api_version_names_its_subscription_at_the_top(app, visitor):
    old = event("invoice.paid", subscription="sub_old")
    del old["data"]["object"]["parent"]
    old["data"]["object"]["subscription"] = "sub_old"

    send(visitor, old)

    assert members(app)[0][1][0][0] == "sub_old"


@pytest.mark.parametrize("type", ["checkout.session.completed", "invoice.paid"])
def test_purchase_that_is_no_membership_makes_no_member(app, visitor, type):
    single = event(type)
    single["data"]["object"] |= {"subscription": None, "parent": None}

    answer = send(visitor, single)

    assert answer.json["outcome"] == "ignored"
    assert member(app) is None


@pytest.mark.parametrize(
    ("told", "shown"),
    [("trialing", "active"), ("past_due", "past_due"), ("unpaid", "past_due"), ("incomplete", "not_joined"),
     ("incomplete_expired", "not_joined"), ("paused", "pending"), ("a_new_one", "pending")],
)  # fmt: skip
def test_status_is_told_in_the_words_of_the_house(app, visitor, told, shown):
    send(visitor, event("customer.subscription.updated", status=told))

    assert member(app)[2] == shown


def test_failed_payment_makes_a_member_past_due_and_a_later_one_mends_it(app, visitor):
    send(visitor, event("invoice.payment_failed", at=at(1), invoice="in_2"))
    assert member(app)[2:] == ("not_joined", 0)

    send(visitor, event("invoice.paid", at=at(0), invoice="in_1"))
    assert member(app)[2:] == ("past_due", 1)
    send(visitor, event("invoice.paid", at=at(2), invoice="in_2"))

    assert member(app)[2:] == ("active", 2)


@pytest.mark.parametrize("hours", [1, 3, 30])
def test_payment_never_revives_what_has_ended(app, visitor, hours):
    send(visitor, event("customer.subscription.deleted", at=at(3)))

    send(visitor, event("invoice.paid", at=at(hours)))
    send(visitor, event("customer.subscription.updated", at=at(hours), status="active"))

    assert member(app)[2:] == ("canceled", 1)


def test_second_subscription_makes_a_member_active_again(app, visitor):
    send(visitor, event("customer.subscription.deleted", at=at(1), subscription="sub_1"))
    send(visitor, event("customer.subscription.updated", at=at(2), subscription="sub_2", plan="yearly"))

    assert member(app) == ("", "yearly", "active", 0)
    assert subscriptions(app) == 2


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_accounts_of_one_invoice_the_earlier_counts(app, visitor, order):
    told = [event("invoice.paid", at=at(hours), invoice="in_9") for hours in (1, 2)]
    told[1]["data"]["object"]["amount_paid"] = 700

    for place in order:
        send(visitor, told[place])

    assert members(app)[0][2] == [("in_9", 600, "eur", at(1))]


def test_two_events_of_one_second_end_alike_in_both_orders(app, visitor):
    pair = [event("invoice.payment_failed", at=at(1)), event("customer.subscription.updated", at=at(1))]
    ends = []
    for order in (pair, pair[::-1]):
        forget(app)
        for each in order:
            send(visitor, each)
        ends.append(members(app))

    assert ends[0] == ends[1]
    assert ends[0][0][0][4] == "active"


def test_two_ends_of_one_subscription_are_the_first(app, visitor):
    pair = [event("customer.subscription.deleted", at=at(hours)) for hours in (4, 5)]
    ends = []
    for order in (pair, pair[::-1]):
        forget(app)
        for each in order:
            send(visitor, each)
        ends.append(members(app))

    assert ends[0] == ends[1]
    assert ends[0][0][1][0][5] == at(4)


def test_event_about_a_member_of_old_changes_that_member(app, visitor):
    with app.app_context():
        before = db.session.scalar(select(Member).where(Member.stripe_customer == "cus_demo0001"))
        joined, people = before.joined_at, len(db.session.scalars(select(Member.id)).all())

    send(visitor, event("customer.subscription.deleted", customer="cus_demo0001"))

    with app.app_context():
        after = db.session.scalar(select(Member).where(Member.stripe_customer == "cus_demo0001"))
        assert (after.status, after.joined_at) == ("canceled", joined)
        assert len(db.session.scalars(select(Member.id)).all()) == people


def test_number_of_members_on_the_front_page_is_fresh(app, visitor):
    assert "167 readers pay for this" in visitor.get("/").text

    send(visitor, event("checkout.session.completed"))

    assert "168 readers pay for this" in visitor.get("/").text


def test_w24_another_event_about_the_same_fact_changes_nothing(app, visitor):
    first, second = (event("invoice.paid", at=at(1), invoice="in_1", event_id=f"evt_{n}") for n in "ab")
    send(visitor, first)
    before = members(app)

    answer = send(visitor, second)

    assert answer.json == {"received": True, "outcome": "applied"}
    assert members(app)[0][0][3:] == before[0][0][3:]
    assert members(app)[0][2] == before[0][2]


def test_w26_newer_state_of_one_object_wins_whichever_event_comes_first(app, visitor):
    told = [event("customer.subscription.updated", at=at(n), status=s) for n, s in ((1, "active"), (2, "past_due"))]
    ends = []
    for order in (told, told[::-1]):
        forget(app)
        assert [send(visitor, each).json["outcome"] for each in order] == ["applied", "applied"]
        ends.append(members(app))

    assert ends[0] == ends[1]
    assert ends[0][0][0][4] == "past_due"


def test_w27_every_order_of_five_events_ends_in_the_same_rows(app):
    chance = random.Random(27)
    orders = list(itertools.permutations(story())) * SCALE
    ends = set()
    for order in orders:
        deliveries = [each for each in order for _ in range(chance.randint(1, 3))]
        if chance.random() < 0.5:
            late = deliveries[:]
            chance.shuffle(late)
            deliveries = [*order, *late]
        ends.add(after(app, deliveries))

    assert len(orders) >= 120
    assert len(ends) == 1
    ((person, subscribed, paid),) = ends.pop()
    assert person[1:5:2] == ("new@post.example", "yearly")
    assert person[4:] == ("canceled", at(0))
    assert subscribed[0][5] == at(3)
    assert [payment[0] for payment in paid] == ["in_1"]


def after(app, deliveries):
    """Return the rows that a sequence of deliveries leads to: through inbox and effects, without HTTP."""
    forget(app)
    with app.app_context(), write(by="test"):
        for each in deliveries:
            row = Delivery.receive(source="stripe", event_id=each["id"], type=each["type"], body=encoded(each))
            row.process()
    return tuple((person, tuple(subscribed), tuple(paid)) for person, subscribed, paid in members(app))


LONG = {
    "invoice.paid": [("customer_email", "é" * 256 + "@post.example"), ("customer_email", ["no", "text"])],
    "checkout.session.completed": [("payment_status", "p" * 300), ("customer_details", {"email": "x" * 300})],
    "customer.subscription.updated": [("status", "s" * 300)],
}


@pytest.mark.parametrize(("type", "field", "value"), [(type, *pair) for type, pairs in LONG.items() for pair in pairs])
def test_field_that_is_for_show_never_costs_the_event(app, visitor, type, field, value):
    told = event(type, at=at(0), invoice="in_1")
    told["data"]["object"][field] = value

    assert send(visitor, told).json["outcome"] == "applied"
    assert member(app)[3] == (1 if type == "invoice.paid" else 0)


def test_amount_of_a_small_currency_is_kept(app, visitor):
    told = event("invoice.paid", at=at(0), invoice="in_1")
    told["data"]["object"] |= {"amount_paid": 9_000_000_000, "currency": "idr"}

    assert send(visitor, told).json["outcome"] == "applied"
    with app.app_context():
        assert db.session.scalar(select(Payment.amount).where(Payment.provider_id == "in_1")) == 9_000_000_000

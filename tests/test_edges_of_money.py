"""What one event says of money and standing, fact by fact; how facts meet is in test_billing.py and test_money.py."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from sqlalchemy import select
from webhooks import CUSTOMER, event, member, members, send

from flask_revalidation import write
from models import Member, Payment, Subscription, db
from models.billing import Event, _facts, charge_changed, dispute_changed, membership_changed
from models.delivery import EFFECTS

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=30)


def told(type="customer.subscription.updated", **changed):
    """Return an event as it is read, with some fields of its object changed; None takes one out."""
    payload = event(type, at=NOON, event_id="evt_1")
    payload["data"]["object"] |= changed
    payload["data"]["object"] = {name: value for name, value in payload["data"]["object"].items() if value is not None}
    return Event.model_validate(payload)


def seconds(moment):
    return int(moment.timestamp())


def test_every_event_that_tells_of_money_or_standing_has_an_effect():
    subscription = [f"customer.subscription.{what}" for what in ("created", "updated", "deleted")]
    paid = ["checkout.session.completed", "invoice.paid", "invoice.payment_failed", "charge.succeeded"]
    back = ["charge.refunded", *(f"refund.{what}" for what in ("created", "updated", "failed"))]
    dispute = [f"charge.dispute.{it}" for it in ("created", "closed", "funds_withdrawn", "funds_reinstated")]

    assert {*subscription, *paid, *back, *dispute} <= {type for source, type in EFFECTS if source == "stripe"}


def test_what_an_event_does_not_say_is_nothing():
    event = Event.model_validate({"id": "evt_1", "type": "invoice.paid", "created": seconds(NOON)})

    assert (event.id, event.amount, event.refunded, event.currency) == ("evt_1", 0, 0, "eur")
    assert (event.status, event.email, event.buyer, event.plan, event.cancels) == ("", "", "", "", False)
    assert (event.customer, event.charge, event.subscription, event.cancel_at, event.period_end) == (None,) * 5


ENDS = [
    ({"cancel_at": None, "cancel_at_period_end": False}, None),
    ({"cancel_at": None, "cancel_at_period_end": True}, LATER),
    ({"cancel_at": seconds(NOON), "cancel_at_period_end": False}, NOON),
    ({"cancel_at": seconds(NOON), "cancel_at_period_end": True}, NOON),
]


@pytest.mark.parametrize(("fields", "ends_at"), ENDS)
def test_subscription_ends_when_it_says_and_is_renewed_when_it_says(fields, ends_at):
    facts = _facts(told(status="active", current_period_end=seconds(LATER), items=None, **fields), own=True)

    assert facts == {"status": "active", "plan": "", "renews_at": LATER, "ends_at": ends_at}


STATUSES = {"active": "active", "trialing": "active", "past_due": "past_due", "unpaid": "past_due"}
STATUSES |= {
    "canceled": "canceled",
    "incomplete": "not_joined",
    "incomplete_expired": "not_joined",
    "paused": "pending",
}


@pytest.mark.parametrize("status", STATUSES)
def test_subscription_stands_as_stripe_says_and_an_end_ends_it(status):
    assert _facts(told(status=status), own=True)["status"] == STATUSES[status]
    ended = _facts(told("customer.subscription.deleted", status=status), own=True)
    assert ended["status"] == ("not_joined" if STATUSES[status] == "not_joined" else "canceled")
    assert ended["ends_at"] == NOON


def test_checkout_that_waits_for_money_is_pending_and_every_other_is_active():
    for status, standing in (("unpaid", "pending"), ("paid", "active"), ("no_payment_required", "active")):
        assert _facts(told("checkout.session.completed", payment_status=status), own=False) == {"status": standing}


def test_greater_stamps_are_those_that_weigh_more_then_those_that_are_later_and_of_ends_the_earlier():
    def stamp(type, hours=0):
        payload = event(type, at=NOON + timedelta(hours=hours), event_id="evt_1")
        return Event.model_validate(payload).stamp

    subscription = "customer.subscription."
    rising = [stamp("checkout.session.completed"), stamp("invoice.payment_failed"), stamp("invoice.paid")]
    rising += [stamp("checkout.session.completed", 1), stamp(f"{subscription}created"), stamp(f"{subscription}updated")]
    rising += [stamp(f"{subscription}created", 1), stamp(f"{subscription}deleted", 1), stamp(f"{subscription}deleted")]

    assert rising == sorted(rising)
    assert len({*rising}) == 9
    assert {text.rpartition(".")[2] for text in rising} == {"evt_1"}


def test_subscription_says_its_next_payment_or_its_first_item_does():
    item = {"data": [{"current_period_end": seconds(LATER)}]}

    assert told(current_period_end=None, items=item).period_end == LATER
    assert told(current_period_end=seconds(NOON), items=None).period_end == NOON


PLANS = [("day", 1, "daily"), ("week", 1, "weekly"), ("year", 1, "yearly"), ("eon", 1, "")]
PLANS += [("month", 1, "monthly"), ("month", 1_234_567, "every 1234567 months"), ("month", 12_345_678, "")]


@pytest.mark.parametrize(("interval", "count", "plan"), PLANS)
def test_plan_is_as_long_as_its_column(interval, count, plan):
    items = {"data": [{"price": {"recurring": {"interval": interval, "interval_count": count}}}]}

    assert told(items=items).plan == plan
    assert told(items={"data": [{"price": {"recurring": {"interval": "month"}}}]}).plan == "monthly"


def test_what_is_for_show_is_cut_or_left_out_and_the_rest_is_exact():
    assert told("checkout.session.completed", client_reference_id="x" * 61).buyer == "x" * 60
    assert told("invoice.paid", customer_email="x" * 254).email == "x" * 254
    assert told("invoice.paid", customer_email="x" * 255).email == ""
    for moment, kept in ((0, True), (10**10 - 1, True), (10**10, False), (-1, False), (True, False), ("5", False)):
        assert (told(cancel_at=moment).cancel_at is not None) == kept, moment


@pytest.mark.parametrize(
    "odd",
    [{"customer": "cus ina"}, {"customer": "x" * 81}, {"customer": ""}, {"amount_paid": -1},
     {"amount_paid": 10**12 + 1}, {"amount_paid": "much"}, {"currency": "EUR"}, {"currency": "euro"},
     {"currency": "eu"}],
)  # fmt: skip
def test_event_whose_money_or_customer_is_odd_is_none(odd):
    with pytest.raises(ValidationError):
        told("invoice.paid", **odd)


def test_event_at_the_edges_of_its_fields_is_taken():
    most = told("invoice.paid", customer="x" * 80, amount_paid=10**12)

    assert (most.customer, most.amount, most.currency) == ("x" * 80, 10**12, "eur")
    assert told("invoice.paid", currency=None, amount_paid=None, amount=None).amount == 0


def test_greater_stamp_alone_changes_a_subscription_and_of_several_the_best_counts():
    one, two, silent = (Subscription(as_of="", failed_as_of="", status="", plan="") for _ in range(3))
    one.learn("1", status="active", plan="monthly")
    one.learn("1", status="canceled")
    one.learn("0", status="canceled")
    assert (one.status, one.as_of, one.standing) == ("active", "1", "active")
    for failed, standing in (("0", "active"), ("1", "active"), ("2", "past_due")):
        one.failed_as_of = failed
        assert one.standing == standing
    two.learn("2", status="canceled", plan="yearly")
    member = Member(status="not_joined", plan="")
    member.subscriptions = [silent]
    member.follow_subscriptions()
    assert (member.status, member.plan, member.subscription) == ("not_joined", "", None)

    member.subscriptions = [silent, two, one]
    member.follow_subscriptions()
    assert (member.status, member.plan) == ("past_due", "monthly")
    two.learn("3", status="past_due")
    member.follow_subscriptions()
    assert (member.status, member.plan, member.subscription) == ("past_due", "yearly", two)


def test_member_joined_with_the_first_event_and_keeps_the_newest_address_and_every_name(app, visitor):
    for hours, email, buyer in ((5, "Late@post.example", "user_1"), (1, "early@post.example", None), (9, "", "")):
        made = event("checkout.session.completed", at=NOON + timedelta(hours=hours), event_id=f"evt_{hours}")
        made["data"]["object"] |= {"client_reference_id": buyer, "customer_details": {"email": email}}
        assert send(visitor, made).json["outcome"] == "applied"

    ((person, subscribed, _),) = members(app)
    assert (person[1], person[5]) == ("late@post.example", NOON + timedelta(hours=1))
    assert [row[4] for row in subscribed] == ["user_1"]
    with app.app_context():
        for buyers, email, known in (
            (["user_1"], "", True),
            (["", "user_2"], "", False),
            ([], "LATE@post.example", True),
        ):
            assert (Member.known_as(buyers, email) is not None) == known


DISPUTES = [("created", "warning_needs_response", []), ("created", "prevented", []), ("closed", "lost", [-600]),
            ("funds_withdrawn", "prevented", [-600]), ("funds_reinstated", "under_review", [-600, 600]),
            ("closed", "won", [-600, 600])]  # fmt: skip


def test_dispute_takes_money_unless_it_only_asks_and_brings_it_back_once_it_is_won(app):
    for number, (what, status, amounts) in enumerate(DISPUTES):
        payload = event(f"charge.dispute.{what}", at=NOON, event_id=f"evt_{number}")
        payload["data"]["object"] |= {"id": f"dp_{number}", "status": status, "amount": 600}
        with app.app_context(), write(by="test"):
            tags = dispute_changed(payload)
            found = select(Payment.amount).where(Payment.provider_id == f"dp_{number}").order_by(Payment.amount)
            assert (tags, list(db.session.scalars(found))) == ({"members"} if amounts else set(), amounts)


REFUNDS = [("failed", "refund failed"), ("canceled", "refund failed"), ("pending", "refund")]


@pytest.mark.parametrize(("status", "kind"), REFUNDS)
def test_refund_that_does_not_come_about_is_no_refund(app, status, kind):
    payload = event("charge.refunded", at=NOON, event_id="evt_1")
    payload["type"], amount = "refund.updated", 200
    payload["data"]["object"] |= {"id": "re_1", "charge": "ch_1", "amount": amount, "status": status}
    with app.app_context(), write(by="test"):
        assert charge_changed(payload) == {"members"}
        row = db.session.scalar(select(Payment).where(Payment.provider_id.in_(["re_1", "ch_1"])))
        assert (row.kind, row.amount) == (kind, amount if kind == "refund failed" else -amount)


def test_payment_that_fails_casts_a_doubt_until_one_is_made_and_one_over_nothing_is_none(app):
    story = [("checkout.session.completed", 0, "active", 0), ("invoice.payment_failed", 1, "past_due", 0)]
    story += [
        ("invoice.paid", 0, "active", 0),
        ("invoice.payment_failed", 1, "past_due", 0),
        ("invoice.paid", 600, "active", 1),
    ]
    for hours, (type, amount, standing, payments) in enumerate(story):
        payload = event(type, at=NOON + timedelta(hours=hours), event_id=f"evt_{hours}", invoice=f"in_{hours}")
        payload["data"]["object"] |= {"amount_paid": amount}
        with app.app_context(), write(by="test"):
            assert membership_changed(payload) == {"members"}
        assert member(app)[2:] == (standing, payments), hours
    with app.app_context():
        months = Member.joined_by_month()
        assert months
        assert months == sorted(months)
        ina = db.session.scalar(select(Member).where(Member.stripe_customer == CUSTOMER))
        assert {payment.member for payment in Payment.latest(50, ina)} == {ina}


def test_purchase_without_a_subscription_or_a_customer_makes_no_member(app):
    for name in ("subscription", "customer"):
        payload = event("checkout.session.completed", at=NOON, event_id="evt_1", customer="cus_new")
        payload["data"]["object"][name] = None
        with app.app_context(), write(by="test"):
            assert membership_changed(payload) == set()
            assert db.session.scalar(select(Member).where(Member.stripe_customer == "cus_new")) is None

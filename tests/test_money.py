"""Money as Stripe tells it: in its own currency, coming and going back, apart from who stands how."""

import itertools
import re

import pytest
from test_billing import after, at
from webhooks import event, member, members, send

from flask_revalidation import write
from models import Member, Payment, db
from web.templating import money

ZERO = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"  # https://docs.stripe.com/currencies#zero-decimal
THREE = "BHD JOD KWD OMR TND"
TWO = "EUR USD CHF GBP HUF TWD ISK UGX IDR COP RSD LBP MMK ALL AFN YER SOS INR BRL MXN ZAR"


def ledger(app, *, shown=True):
    """Return (kind, amount, currency) of what is kept for Ina, or with `shown` of what the desk would list of it."""
    with app.app_context():
        rows = [row for row in Payment.latest(500) if row.member and row.member.stripe_customer == "cus_ina"]
        kept = db.session.query(Payment).join(Member).filter(Member.stripe_customer == "cus_ina")
        return sorted((row.kind, row.amount, row.currency) for row in (rows if shown else kept))


def told(type, hours, event_id, **changed):
    """Return an event whose object has these fields changed."""
    payload = event(type, at=at(hours), event_id=event_id)
    payload["data"]["object"] |= changed
    return payload


def orders(events, limit=200):
    """Yield orders of some events, the last one delivered twice."""
    for order in itertools.islice(itertools.permutations(events), limit):
        yield [*order, order[-1]]


@pytest.mark.parametrize(("codes", "shown"), [(ZERO, "1,234,567"), (TWO, "12,345.67"), (THREE, "1,234.567")])
def test_minor_units_are_as_many_as_the_currency_has(codes, shown):
    assert {money(1234567, code.lower()) for code in codes.split()} == {f"{shown} {code}" for code in codes.split()}
    assert money(-5, codes.split()[0]).startswith("-")


def test_amounts_of_several_currencies_stand_side_by_side_and_are_never_added_up(app, ada, visitor):
    euros = re.search(r"([\d,]+\.\d\d) EUR</strong>", ada.get("/dashboard").text)[1]
    for number, (amount, currency) in enumerate([(90000, "clp"), (90000, "clp"), (4500, "tnd")]):
        paid = event("invoice.paid", invoice=f"in_{number}", amount=amount, currency=currency)
        assert send(visitor, paid).json["outcome"] == "applied"

    numbers, desk = ada.get("/dashboard").text, ada.get("/dashboard/members").text

    assert re.findall(r"<strong>([^<]*)</strong>", numbers) == ["180,000 CLP", f"{euros} EUR", "4.500 TND"]
    assert "What members paid" in numbers
    assert re.findall(r'<span class="sum">([^<]*)', desk) == ["180,000 CLP", f"{euros} EUR", "4.500 TND"]
    assert desk.count(">90,000 CLP") == 2
    assert "4.500 TND" in desk


RHYTHMS = [("day", 1, "daily"), ("week", 1, "weekly"), ("week", 2, "every 2 weeks"), ("month", 1, "monthly"),
           ("month", 6, "every 6 months"), ("year", 1, "yearly"), ("year", 2, "every 2 years"), ("month", None, ""),
           ("lustrum", 1, ""), (None, None, ""), ("month", "x", "")]  # fmt: skip


@pytest.mark.parametrize(("interval", "count", "shown"), RHYTHMS)
def test_plan_is_how_often_stripe_says_it_is_due_and_no_other(app, ada, visitor, interval, count, shown):
    made = event("customer.subscription.created")
    made["data"]["object"]["items"]["data"][0]["price"]["recurring"] = {"interval": interval, "interval_count": count}

    assert send(visitor, made).json["outcome"] == "applied"
    send(visitor, event("invoice.paid", invoice="in_1"))

    assert member(app)[1:] == (shown, "active", 1)
    row = ada.get("/dashboard/members").text.split("ina@post.example")[1].split("</li>")[0]
    assert f"{shown.capitalize()}, since" in row if shown else "Since <time" in row


def test_old_invoice_that_is_paid_does_not_mend_a_subscription_that_is_past_due(app):
    story = [
        told("customer.subscription.created", 0, "evt_1", status="active"),
        told("customer.subscription.updated", 4, "evt_2", status="past_due"),
        event("invoice.paid", at=at(0), invoice="in_1", event_id="evt_3"),
        event("invoice.payment_failed", at=at(3), invoice="in_2", event_id="evt_4"),
        event("invoice.paid", at=at(9), invoice="in_1b", event_id="evt_5"),
    ]
    ends = {after(app, order) for order in orders(story, 120)}

    assert len(ends) == 1
    assert member(app) == ("ina@post.example", "monthly", "past_due", 2)


@pytest.mark.parametrize("end", ["incomplete", "incomplete_expired"])
def test_first_payment_that_fails_makes_nobody_a_member(app, ada, visitor, end):
    story = [
        told("customer.subscription.created", 0, "evt_1", status="incomplete"),
        event("invoice.payment_failed", at=at(0), invoice="in_1", event_id="evt_2"),
        told("customer.subscription.updated", 24, "evt_3", status=end),
    ]
    ends = {after(app, order) for order in orders(story)}

    assert len(ends) == 1
    assert member(app) == ("ina@post.example", "monthly", "not_joined", 0)
    with app.app_context():
        assert Member.count_by_status() == dict.fromkeys(Member.count_by_status(), 0) | {"not_joined": 1}
    for each in story:
        send(visitor, each)
    page = ada.get("/dashboard/members").text
    assert "not joined" in page
    assert "past due" not in page.lower()


REFUNDS = {
    "in full": ([600], [("payment", 600), ("refund", -600)]),
    "in part": ([250], [("payment", 600), ("refund", -250)]),
    "several times": ([100, 250, 600], [("payment", 600), ("refund", -600)]),
}


@pytest.mark.parametrize("kind", REFUNDS)
def test_refund_goes_back_once_in_every_order(app, ada, visitor, kind):
    steps, expected = REFUNDS[kind]
    story = [
        told("charge.refunded", 2 + n, f"evt_{n}", amount_refunded=total, refunded=total == 600)
        for n, total in enumerate(steps)
    ]
    story += [told("charge.succeeded", 0, "evt_c"), event("invoice.paid", at=at(0), invoice="in_1", event_id="evt_i")]
    ends = {(after(app, order), tuple(ledger(app))) for order in orders(story, 60)}

    assert len(ends) == 1
    assert [(row[0], row[1]) for row in ledger(app)] == expected
    send(visitor, told("charge.refunded", 9, "evt_again", amount_refunded=steps[-1]))
    page = ada.get("/dashboard/members").text
    assert f"{expected[1][1] / 100:.2f} EUR" in page
    assert '<span class="status">refund</span>' in page


def refund(hours, status, *, type="refund.created", amount=200):
    payload = event("charge.refunded", at=at(hours), event_id=f"evt_{type}_{hours}")
    payload["type"] = type
    about = {"id": "re_1", "object": "refund", "amount": amount, "currency": "eur", "status": status}
    payload["data"]["object"] = about | {"charge": "ch_ina", "customer": "cus_ina", "created": payload["created"]}
    return payload


def test_refund_told_by_itself_counts_once_and_comes_back_where_a_bank_refuses_it(app):
    paid = event("invoice.paid", at=at(0), invoice="in_1", event_id="evt_i")
    story = [paid, refund(1, "pending"), told("charge.refunded", 1, "evt_r", amount_refunded=200)]
    assert {tuple(ledger(app)) for order in orders(story) if after(app, order)} == {
        (("payment", 600, "eur"), ("refund", -200, "eur"))
    }

    story.append(refund(30, "failed", type="refund.failed"))
    assert {tuple(ledger(app)) for order in orders(story) if after(app, order)} == {
        (("payment", 600, "eur"), ("refund", -200, "eur"), ("refund failed", 200, "eur"))
    }


DISPUTES = {
    "lost": (["created needs_response", "funds_withdrawn needs_response", "closed lost"], [-600]),
    "won": (["created needs_response", "funds_withdrawn under_review", "funds_reinstated won"], [-600, 600]),
    "closed as won": (["created needs_response", "closed won", "funds_reinstated won"], [-600, 600]),
    "an inquiry": (["created warning_needs_response", "closed warning_closed"], []),
    "only begun": (["created under_review"], [-600]),
    "only withdrawn": (["funds_withdrawn warning_under_review"], [-600]),
}


@pytest.mark.parametrize("kind", DISPUTES)
def test_dispute_takes_its_money_once_in_every_order(app, ada, visitor, kind):
    """A dispute names a charge and no customer; whose it is, another event says, before or after it."""
    steps, expected = DISPUTES[kind]
    story = [
        told(f"charge.dispute.{step.split()[0]}", 5 + n, f"evt_{n}", status=step.split()[1])
        for n, step in enumerate(steps)
    ]
    story += [told("charge.succeeded", 0, "evt_c"), event("invoice.paid", at=at(0), invoice="in_1", event_id="evt_i")]
    ends = {(after(app, order), tuple(ledger(app))) for order in orders(story, 60)}

    assert len(ends) == 1
    assert sorted(amount for kind, amount, _ in ledger(app) if kind != "payment") == sorted(expected)
    assert sum(amount for _, amount, _ in ledger(app)) == 600 + sum(expected)
    assert member(app)[2] == "active"
    if expected:
        send(visitor, told("charge.dispute.closed", 50, "evt_again", status="lost"))
        assert "-6.00 EUR" in ada.get("/dashboard/members").text


def test_dispute_of_an_unknown_charge_is_on_the_desk_all_the_same(ada, visitor):
    send(visitor, event("charge.dispute.created", customer="cus_nobody", charge="ch_unheard"))

    page = ada.get("/dashboard/members").text

    assert "-6.00 EUR" in page
    assert '<span class="status">dispute</span>' in page


def test_customers_of_other_things_are_neither_members_nor_their_refunds_ours(app, ada, visitor):
    ada.get("/dashboard/members")
    before = [ada.get(page).text.count("member_") for page in ("/dashboard", "/dashboard/members")]
    for type in ("charge.succeeded", "charge.refunded"):
        send(visitor, event(type, customer="cus_tourist", charge="ch_tourist"))

    assert "-6.00 EUR" not in ada.get("/dashboard/members").text
    assert [ada.get(page).text.count("member_") for page in ("/dashboard", "/dashboard/members")] == before
    assert members(app, "cus_tourist")[0][0][5] is None
    send(visitor, event("invoice.paid", customer="cus_tourist", email="t@post.example", at=at(3)))

    assert "-6.00 EUR" in ada.get("/dashboard/members").text
    assert members(app, "cus_tourist")[0][0][5] == at(3)


def test_one_address_that_pays_twice_is_one_member(app, ada, visitor):
    count = re.compile(r"(\d+) readers pay for this")
    before = int(count.search(visitor.get("/").text)[1])
    for name in ("one", "two"):
        paid = {"customer": f"cus_{name}", "email": "Same@Post.example"}
        for type in ("checkout.session.completed", "customer.subscription.created", "invoice.paid"):
            send(visitor, event(type, **paid))

    assert int(count.search(visitor.get("/").text)[1]) == before + 1
    assert ada.get("/dashboard/members?status=active").text.count(">same@post.example</span>") == 1
    send(visitor, event("customer.subscription.deleted", customer="cus_one"))
    assert int(count.search(visitor.get("/").text)[1]) == before + 1
    send(visitor, event("customer.subscription.deleted", customer="cus_two"))
    assert int(count.search(visitor.get("/").text)[1]) == before


@pytest.mark.parametrize("odd", [None, "x" * 300, -1, 10**15, [], {"a": 1}, 1.5, True])
@pytest.mark.parametrize("field", ["cancel_at", "current_period_end", "items"])
def test_field_for_show_never_costs_a_subscription(visitor, field, odd):
    made = told("customer.subscription.updated", 0, "evt_1", **{field: odd})

    assert send(visitor, made).json["outcome"] == "applied"


def test_sums_of_a_month_in_which_more_went_back_make_no_bar(app, ada, visitor):
    with app.app_context(), write(by="test"):
        db.session.query(Payment).delete()
    send(visitor, event("invoice.paid", invoice="in_1", amount=100))
    send(visitor, event("charge.refunded", amount=600))

    page = ada.get("/dashboard").text

    assert "-5.00 EUR" in page
    assert 'height="-' not in page


@pytest.mark.parametrize("type", ["checkout.session.completed", "invoice.paid"])
def test_object_that_does_not_say_its_id_counts_all_the_same(app, visitor, type):
    thin = event(type, subscription="sub_1")
    del thin["data"]["object"]["id"]

    assert send(visitor, thin).json["outcome"] == "applied"
    assert member(app)[2] == "active"

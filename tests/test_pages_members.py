"""Members and payments, for those who run the house."""

import re

import pytest
import webhooks
from scenarios import pages_of
from sqlalchemy import delete

from flask_revalidation import revalidate_everything, revalidate_tag, write
from models import Member, Payment, db, now


def test_members_are_listed_newest_first_and_paged(ada):
    pages = pages_of(ada, "/dashboard/members")
    seen = [re.findall(r'id="member_(\d+)', page) for page in pages]
    dates = re.findall(r'since <time datetime="([^"]*)"', "".join(pages))

    assert [len(ids) for ids in seen] == [20] * 9 + [6]
    assert sorted(int(member) for ids in seen for member in ids) == list(range(1, 187))
    assert dates == sorted(dates, reverse=True)


def test_filter_is_in_the_address_and_says_how_many(ada):
    page = ada.get("/dashboard/members?status=canceled").text

    assert set(re.findall(r'<span class="status (\w+)', page)) == {"canceled"}
    assert 'href="/dashboard/members?status=active"' in page
    assert len(pages_of(ada, "/dashboard/members?status=active")) > 1
    assert "No member with this status" in ada.get("/dashboard/members?status=nonsense").text


@pytest.mark.parametrize("query", ["?before=0", "?before=x", "?status=A%20B", "?status=%27--", "?before=9999999999"])
def test_address_that_makes_no_sense_is_not_found(ada, query):
    assert ada.get(f"/dashboard/members{query}").status_code == 404


def test_new_member_and_payment_are_seen_at_once(app, ada):
    ada.get("/dashboard/members")

    with app.app_context(), write(by="test"):
        member = Member(email="", plan="yearly", status="past_due", stripe_customer="cus_new")
        db.session.add(Payment(provider_id="in_new", member=member, amount=123456, at=now()))
        revalidate_tag("members")
    page = ada.get("/dashboard/members").text

    assert "1,234.56 EUR" in page
    assert page.count("address not known yet") == 2
    assert '<span class="status past_due">past due</span>' in page


def test_house_without_members_says_what_to_do(app, ada):
    with app.app_context(), write(by="test"):
        db.session.execute(delete(Payment))
        db.session.execute(delete(Member))
        revalidate_everything()

    assert '<a href="/support">the membership page</a>' in ada.get("/dashboard/members").text


@pytest.mark.parametrize(("person", "status"), [("ada", 200), ("edith", 200), ("bob", 403), ("cleo", 403)])
def test_only_owner_and_editors_see_members(sign_in, person, status):
    assert sign_in(person).get("/dashboard/members").status_code == status


def test_what_a_webhook_tells_is_on_every_page_at_once(ada, visitor):
    pages = ((ada, "/dashboard/members"), (ada, "/dashboard"), (visitor, "/"))
    before = [browser.get(page).text for browser, page in pages]

    webhooks.send(visitor, webhooks.event("checkout.session.completed", email="new@post.example"))

    members, numbers, front = (browser.get(page).text for browser, page in pages)
    assert "new@post.example" in members
    assert numbers != before[1]
    assert front != before[2]

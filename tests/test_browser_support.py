"""Becoming a member before a real browser: with htmx, and as plain forms without script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from browsing_steps import Flows, OpenPage, Steps, both_ends, press, refused, said
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from browsing import House

pytest_plugins = ["browsing"]

KINDS = ("htmx", "plain")
CHECKOUT = "https://checkout.stripe.com/c/pay/cs_test_1"

FLOWS = Flows()


def pay(page: Page, email: str) -> None:
    page.goto("/")
    page.get_by_role("link", name="Become a member").click()
    press(page, "Become a member")
    expect(page.get_by_text("This is not Stripe.")).to_be_visible()
    page.get_by_label("Your e-mail address").fill(email)
    press(page, "Pay")


@pytest.mark.parametrize("kind", KINDS)
def test_who_pays_in_the_demo_is_a_member_at_once(open_page: OpenPage, house: House, kind: str) -> None:
    ada, reader = open_page(kind, "ada"), open_page(kind)
    ada.goto("/dashboard/members")
    expect(ada.get_by_text("dana@post.example")).to_have_count(0)

    pay(reader, "dana@post.example")

    said(reader, re.compile("^Welcome"))
    expect(reader.get_by_role("heading", name="Thank you")).to_be_visible()
    expect(reader).to_have_url(f"{house.server.url}/support?thanks=1")
    ada.reload()
    member = ada.locator(".row", has_text="dana@post.example")
    expect(member.locator(".status")).to_have_text("active")
    expect(ada.get_by_role("region", name="Latest payments")).to_contain_text("dana@post.example")


@pytest.mark.parametrize("kind", KINDS)
def test_address_that_is_none_is_asked_for_again(open_page: OpenPage, kind: str) -> None:
    page = open_page(kind)
    pay(page, "dana@nowhere")

    refused(page, page.get_by_label("Your e-mail address"), "This does not have the expected form.")
    expect(page.get_by_text("This is not Stripe.")).to_be_visible()


@pytest.mark.parametrize("kind", KINDS)
def test_browser_lets_this_form_lead_to_stripe(open_page: OpenPage, kind: str) -> None:
    page = open_page(kind, tolerate=("net::ERR_INTERNET_DISCONNECTED",))
    page.goto("/support")
    there = {"HX-Redirect": CHECKOUT} if kind == "htmx" else {"Location": CHECKOUT}
    status = 200 if kind == "htmx" else 303
    page.route("**/_actions/memberships.start_checkout*", lambda route: route.fulfill(status=status, headers=there))
    page.context.set_offline(True)  # it sets out, and arrives nowhere
    with page.expect_request(CHECKOUT) as leaving:
        press(page, "Become a member")

    assert leaving.value.is_navigation_request()


@FLOWS.by("edith")
def looking_through_members(page: Page) -> None:
    page.goto("/dashboard")
    page.get_by_role("link", name="Members", exact=True).click()
    page.get_by_role("link", name="Canceled").click()

    expect(page.locator(".row .status").first).to_have_text("canceled")
    expect(page).to_have_url(re.compile(r"/dashboard/members\?status=canceled$"))


@pytest.mark.parametrize(("person", "steps"), FLOWS)
def test_htmx_and_plain_form_end_alike(house: House, open_page: OpenPage, person: str, steps: Steps) -> None:
    with_htmx, as_plain_form = both_ends(house, open_page, person, steps)

    assert with_htmx == as_plain_form


@pytest.mark.parametrize("path", ["/support", "/dashboard/members"])
def test_nothing_is_wider_than_a_phone(open_page: OpenPage, path: str) -> None:
    page = open_page("htmx", "ada")
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(path)

    assert page.evaluate("document.documentElement.scrollWidth") == 360

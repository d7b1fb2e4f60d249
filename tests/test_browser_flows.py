"""What readers do here, each written once and done twice: with htmx, and as plain forms without script.

Both end in the same rows, the same text and the same address. A flow that is refused on its way goes on until it is
mended: there a plain form stands at the action's own address (422 is no redirect), and only the text can be the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from browsing_steps import LIVE, Flows, OpenPage, Steps, both_ends, press, refused, said
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from browsing import House

pytest_plugins = ["browsing"]

FLOWS = Flows()


@FLOWS.by()
def signing_in(page: Page) -> None:
    page.goto("/sign-in?next=/dashboard/inbox")
    page.get_by_label("Address").fill("ada@hallway.example")
    page.get_by_label("Password").fill("open-the-door")
    press(page, "Sign in")

    said(page, "Welcome, Ada.")
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()


@FLOWS.by()
def signing_in_at_the_second_attempt(page: Page) -> None:
    page.goto("/sign-in")
    page.get_by_label("Address").fill("ada@hallway.example")
    page.get_by_label("Password").fill("open-the-window")
    press(page, "Sign in")

    refused(page, page.get_by_label("Password"), "Address and password do not match.")
    expect(page.get_by_label("Address")).to_have_value("ada@hallway.example")
    expect(page.get_by_label("Password")).to_have_value("")
    page.get_by_label("Password").fill("open-the-door")
    press(page, "Sign in")
    said(page, "Welcome, Ada.")


@FLOWS.by("ada")
def signing_out(page: Page) -> None:
    page.goto("/dashboard")
    press(page, "Sign out Ada")

    said(page, "You are signed out.")
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


@FLOWS.by()
def becoming_someone_of_the_demo(page: Page) -> None:
    page.goto("/blog")
    press(page, "Bob author")

    said(page, "You are Bob now.")
    expect(page.get_by_role("heading", name="Posts", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Sign out Bob")).to_be_visible()


@FLOWS.by("cleo")
def commenting_and_taking_it_back(page: Page) -> None:
    page.goto(LIVE)
    page.get_by_label("Your comment").fill("Read twice.\nThen once more.")
    press(page, "Say it")

    said(page, "Your comment is there.")
    comment = page.locator(".comment", has_text="Read twice.")
    expect(page.get_by_label("Your comment")).to_have_value("")
    comment.get_by_role("button", name="Delete").click()
    said(page, "The comment is gone.")
    expect(comment).to_have_count(0)


@FLOWS.by()
def commenting_before_signing_in(page: Page) -> None:
    page.goto(LIVE)
    page.get_by_label("Your comment").fill("Written by\nsomebody.")
    press(page, "Say it")
    said(page, "Please sign in to go on; what you wrote is kept.")
    page.get_by_label("Address").fill("cleo@hallway.example")
    page.get_by_label("Password").fill("open-the-door")
    press(page, "Sign in")

    said(page, "Welcome, Cleo.")
    expect(page.get_by_label("Your comment")).to_have_value("Written by\nsomebody.")
    press(page, "Say it")
    said(page, "Your comment is there.")


@FLOWS.by()
def liking_without_an_account(page: Page) -> None:
    page.goto(LIVE)
    like = page.get_by_role("button", name="Like")
    count = int(like.locator("[data-count]").inner_text())
    like.click()

    said(page, "Liked. Thank you.")
    expect(like).to_have_attribute("aria-pressed", "true")
    expect(like.locator("[data-count]")).to_have_text(str(count + 1))


@FLOWS.by()
def writing_a_letter(page: Page) -> None:
    page.goto("/contact")
    page.get_by_label("Your name").fill("Mallory")
    page.get_by_label("Your address").fill("mallory@nowhere")
    page.get_by_label("Your letter").fill("Do you deliver?")
    press(page, "Send")

    refused(page, page.get_by_label("Your address"), "This does not have the expected form.")
    expect(page.get_by_label("Your letter")).to_have_value("Do you deliver?")
    page.get_by_label("Your address").fill("mallory@nowhere.example")
    press(page, "Send")
    said(page, "Thank you. Your letter has arrived, and a person will read it.")
    expect(page.get_by_label("Your letter")).to_have_value("")


@FLOWS.by("edith")
def reading_a_letter_and_putting_it_back(page: Page) -> None:
    page.goto("/dashboard/inbox?show=unread")
    press(page, re.compile("Mark as read.*Priya Nair"))
    said(page, "The letter from Priya Nair is read.")
    expect(page.get_by_role("heading", name="Priya Nair")).to_have_count(0)
    page.goto("/dashboard/inbox")
    press(page, re.compile("Mark as unread.*Priya Nair"))

    said(page, "The letter from Priya Nair is unread again.")


@FLOWS.by("ada")
def turning_a_switch(page: Page) -> None:
    page.goto("/dashboard/settings")
    page.get_by_role("switch", name="Readers may comment").click()

    said(page, "Readers may comment: off.")
    expect(page.get_by_role("switch", name="Readers may comment")).not_to_be_checked()


@pytest.mark.parametrize(("person", "steps"), FLOWS)
def test_htmx_and_plain_form_end_alike(house: House, open_page: OpenPage, person: str, steps: Steps) -> None:
    with_htmx, as_plain_form = both_ends(house, open_page, person, steps)

    assert with_htmx == as_plain_form

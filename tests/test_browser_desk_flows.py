"""What writers do at the desk, each written once and done twice: with htmx, and as plain forms without script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browsing_steps import DRAFT, Flows, OpenPage, Steps, both_ends, press, refused, said
from playwright.sync_api import Locator, Page, expect

if TYPE_CHECKING:
    from browsing import House

pytest_plugins = ["browsing"]

FLOWS = Flows()


def switch(page: Page, title: str) -> Locator:
    return page.get_by_role("switch", name=f"Published: {title}")


def edit(page: Page, title: str) -> None:
    page.goto("/dashboard/posts")
    page.get_by_role("link", name=title, exact=True).click()
    expect(page.get_by_role("heading", name="Edit")).to_be_visible()


def save_in_another_tab(page: Page, title: str, text: str) -> None:
    other = page.context.new_page()
    edit(other, title)
    other.get_by_label("Text").fill(text)
    press(other, "Save")
    said(other, f"“{title}” is saved.")
    other.close()


@FLOWS.by("bob")
def writing_a_draft(page: Page) -> None:
    page.goto("/dashboard/posts")
    page.get_by_label("New post").fill("Keys under doormats")
    press(page, "Save draft")

    said(page, "“Keys under doormats” is saved as a draft.")
    expect(page.get_by_role("link", name="Keys under doormats")).to_be_visible()
    expect(page.get_by_label("New post")).to_have_value("")


@FLOWS.by("bob")
def writing_a_draft_without_a_title_first(page: Page) -> None:
    page.goto("/dashboard/posts?status=draft")
    page.get_by_label("New post").fill("   ")
    press(page, "Save draft")

    refused(page, page.get_by_label("New post"), "Please fill this in.")
    page.get_by_label("New post").fill("Keys under doormats")
    press(page, "Save draft")
    said(page, "“Keys under doormats” is saved as a draft.")


@FLOWS.by("bob")
def editing_a_post(page: Page) -> None:
    edit(page, DRAFT)
    page.get_by_label("Title").fill("Names on bells")
    page.get_by_label("Text").fill("Press **one** of them.\n\n- Ada\n- Bob")
    page.get_by_label("Tags").fill("doors, names")
    page.get_by_label("Address").fill("names-on-bells")
    press(page, "Save")

    said(page, "“Names on bells” is saved.")
    expect(page.locator(".prose strong")).to_have_text("one")
    expect(page.get_by_label("Address")).to_have_value("names-on-bells")


@FLOWS.by("bob")
def editing_a_post_into_an_address_that_is_taken(page: Page) -> None:
    edit(page, DRAFT)
    page.get_by_label("Text").fill("Words that must not be lost.")
    page.get_by_label("Address").fill("commit-is-the-only-moment")
    press(page, "Save")

    refused(page, page.get_by_label("Address"), "Another post has this address.")
    expect(page.get_by_label("Text")).to_have_value("Words that must not be lost.")
    page.get_by_label("Address").fill("names-on-bells")
    press(page, "Save")
    said(page, f"“{DRAFT}” is saved.")


@FLOWS.by("bob")
def publishing_and_taking_back(page: Page) -> None:
    page.goto("/dashboard/posts")
    switch(page, DRAFT).click()

    said(page, f"“{DRAFT}” is live.")
    expect(switch(page, DRAFT)).to_be_checked()
    switch(page, DRAFT).click()
    said(page, f"“{DRAFT}” is a draft again.")
    expect(switch(page, DRAFT)).not_to_be_checked()


@FLOWS.by("bob")
def scheduling_after_a_moment_that_has_passed(page: Page) -> None:
    edit(page, DRAFT)
    page.get_by_label("Have it published at").fill("2020-02-29T12:00")
    press(page, "Schedule")

    refused(page, page.get_by_label("Have it published at"), "Please choose a time that is still to come.")
    expect(page.get_by_label("Have it published at")).to_have_value("2020-02-29T12:00")
    page.get_by_label("Have it published at").fill("2096-02-29T12:00")
    press(page, "Schedule")
    said(page, f"“{DRAFT}” will go live on 29 February 2096 at 12:00 UTC.")


@FLOWS.by("bob")
def deleting_a_post(page: Page) -> None:
    page.goto("/dashboard/posts")
    press(page, f"Delete “{DRAFT}”")

    said(page, f"“{DRAFT}” is deleted.")
    expect(page.get_by_role("link", name=DRAFT)).to_have_count(0)


@FLOWS.by("bob")
def saving_after_signing_out_in_another_tab(page: Page) -> None:
    edit(page, DRAFT)
    page.get_by_label("Text").fill("A whole evening's work.")
    other = page.context.new_page()
    other.goto("/")
    press(other, "Sign out Bob")
    said(other, "You are signed out.")
    press(page, "Save")
    said(page, "Please sign in to go on; what you wrote is kept.")
    page.get_by_label("Address").fill("bob@hallway.example")
    page.get_by_label("Password").fill("open-the-window")
    press(page, "Sign in")
    refused(page, page.get_by_label("Password"), "Address and password do not match.")
    page.get_by_label("Password").fill("open-the-door")
    press(page, "Sign in")

    expect(page.get_by_label("Text")).to_have_value("A whole evening's work.")
    press(page, "Save")
    said(page, f"“{DRAFT}” is saved.")


@FLOWS.by("edith")
def saving_what_someone_has_saved_meanwhile(page: Page) -> None:
    edit(page, DRAFT)
    page.get_by_label("Text").fill("My words.")
    save_in_another_tab(page, DRAFT, "Their words.")
    press(page, "Save")

    expect(page.get_by_role("heading", name="Someone saved this post while you were writing")).to_be_visible()
    expect(page.locator(".conflict")).to_be_focused()
    expect(page.get_by_label("Their text")).to_have_value("Their words.")
    expect(page.get_by_label("Text", exact=True)).to_have_value("My words.")
    page.get_by_label("Text", exact=True).fill("Their words, and mine.")
    press(page, "Save")
    said(page, f"“{DRAFT}” is saved.")


@FLOWS.by("edith")
def being_refused_while_someone_else_saves(page: Page) -> None:
    """The refused form must still know which version it began with, or the mended one would save over theirs."""
    edit(page, DRAFT)
    page.get_by_label("Title").fill("   ")
    page.get_by_label("Text").fill("My words.")
    save_in_another_tab(page, DRAFT, "Their words.")
    press(page, "Save")
    refused(page, page.get_by_label("Title"), "Please fill this in.")
    page.get_by_label("Title").fill(DRAFT)
    press(page, "Save")

    expect(page.get_by_label("Their text")).to_have_value("Their words.")
    press(page, "Save")
    said(page, f"“{DRAFT}” is saved.")


@pytest.mark.parametrize(("person", "steps"), FLOWS)
def test_htmx_and_plain_form_end_alike(house: House, open_page: OpenPage, person: str, steps: Steps) -> None:
    with_htmx, as_plain_form = both_ends(house, open_page, person, steps)

    assert with_htmx == as_plain_form

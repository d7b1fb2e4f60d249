"""A slow network, none at all, and a fault of ours: nothing typed is lost, and one submit stays one."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from browsing_steps import DRAFT, LIVE, OpenPage, caught, hold_back, press, said
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from browsing import House

pytest_plugins = ["browsing"]

SLOW = 2_000  # milliseconds until an answer comes
NETWORK = ("net::ERR_", "htmx:error")
FAULT = "That went wrong, and it is our fault"
TITLE = "Keys under doormats"


def count(house: House, title: str = TITLE) -> int:
    [(found,)] = house.query("SELECT count(*) FROM post WHERE title = ?", title)
    return int(found)


def send_twice(page: Page, how: str) -> None:
    if how == "double click":
        page.get_by_role("button", name="Save draft").dblclick(no_wait_after=True)
    else:
        page.get_by_label("New post").press("Enter", no_wait_after=True)
        page.keyboard.press("Enter")


@pytest.mark.parametrize("how", ["double click", "Enter twice"])
def test_a_slow_answer_shows_that_it_is_awaited_and_one_submit_stays_one(
    open_page: OpenPage, house: House, how: str
) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    held = hold_back(page, "posts.create_post")
    page.get_by_label("New post").fill(TITLE)
    send_twice(page, how)

    request = caught(page, held)
    expect(page.locator("form.new-post")).to_have_attribute("aria-busy", "true")
    expect(page.get_by_label("New post")).not_to_be_editable()
    page.wait_for_timeout(SLOW)
    said(page, "Waiting for the server …")
    expect(page.locator(".progress")).to_be_visible()
    expect(page.get_by_label("New post")).to_have_value(TITLE)
    request.continue_()
    said(page, f"“{TITLE}” is saved as a draft.")
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(page.get_by_label("New post")).to_be_editable()
    expect(page.locator(".progress")).to_be_hidden()
    assert count(house) == 1


@pytest.mark.parametrize("how", ["double click", "Enter twice"])
def test_a_slow_answer_without_script_is_one_submit_too(open_page: OpenPage, house: House, how: str) -> None:
    page = open_page("plain", "bob")
    page.goto("/dashboard/posts")
    page.route("**/_actions/**", lambda route: (page.wait_for_timeout(SLOW), route.continue_()))
    page.get_by_label("New post").fill(TITLE)
    send_twice(page, how)

    said(page, f"“{TITLE}” is saved as a draft.")
    assert count(house) == 1


def test_a_switch_waits_for_nobody_and_is_put_right(open_page: OpenPage) -> None:
    page = open_page(person="bob", tolerate=NETWORK)
    page.goto("/dashboard/posts")
    switch = page.get_by_role("switch", name=f"Published: {DRAFT}")
    held = hold_back(page, "posts.publish_post")
    switch.click()
    expect(switch).to_be_checked()
    request = caught(page, held)
    request.abort()

    expect(switch).not_to_be_checked()
    said(page, "The server cannot be reached. Nothing was saved; what you typed is still here.")


def test_an_undo_that_comes_late_is_offered_all_the_same(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    held = hold_back(page, "posts.delete_post")
    page.get_by_role("button", name=f"Delete “{DRAFT}”").click()
    early = caught(page, held).fetch()
    page.get_by_label("New post").fill(TITLE)
    press(page, "Save draft")
    expect(page.get_by_role("link", name=TITLE)).to_be_visible()
    held[0].fulfill(response=early)

    said(page, f"“{DRAFT}” is deleted.")
    expect(page.get_by_role("link", name=TITLE)).to_be_visible()
    press(page, f"Undo deleting “{DRAFT}”")
    said(page, f"“{DRAFT}” is back.")


def test_what_is_typed_beside_a_slow_preview_stays(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    page.get_by_role("link", name=DRAFT, exact=True).click()
    held = hold_back(page, "posts.preview_post")
    page.get_by_label("Text").fill("Press **one**")
    press(page, "Preview")
    request = caught(page, held)
    page.get_by_label("Tags").fill("typed meanwhile")
    request.continue_()

    expect(page.locator(".preview strong")).to_have_text("one")
    expect(page.get_by_label("Tags")).to_have_value("typed meanwhile")


@pytest.mark.parametrize(
    ("person", "path", "label", "button", "action"),
    [
        ("bob", "/dashboard/posts", "New post", "Save draft", "posts.create_post"),
        ("cleo", LIVE, "Your comment", "Say it", "comments.add_comment"),
        ("", "/contact", "Your letter", "Send", "messages.send_message"),
    ],
)
def test_no_network_loses_nothing_and_the_next_try_works(
    open_page: OpenPage, person: str, path: str, label: str, button: str, action: str
) -> None:
    page = open_page(person=person, tolerate=NETWORK)
    page.goto(path)
    if action == "messages.send_message":
        page.get_by_label("Your name").fill("Ina")
        page.get_by_label("Your address").fill("ina@letters.example")
    page.get_by_label(label).fill(TITLE)
    page.context.set_offline(True)
    press(page, button)
    said(page, re.compile("cannot be reached. Nothing was saved; what you typed is still here."))
    expect(page.get_by_label(label)).to_have_value(TITLE)
    page.context.set_offline(False)
    press(page, button)

    expect(page.locator("#notice:not(.failed)")).not_to_be_empty()
    expect(page.get_by_label(label)).to_have_value("")


@pytest.mark.parametrize("kind", ["htmx", "plain"])
def test_a_fault_of_ours_says_so_and_loses_nothing(open_page: OpenPage, house: House, kind: str) -> None:
    page = open_page(kind, "bob", tolerate=("status of 500",))
    page.goto("/dashboard/posts")
    page.get_by_label("New post").fill(TITLE)
    with closing(sqlite3.connect(house.database, timeout=10)) as database:
        database.execute("DROP TABLE tag")
        database.execute("DROP TABLE post_tag")
        database.execute("DROP TABLE form_key")
        database.commit()
    press(page, "Save draft")

    expect(page.get_by_text(FAULT)).to_be_visible()
    field = page.get_by_label("New post") if kind == "htmx" else page.get_by_label("Title")
    expect(field).to_have_value(TITLE)
    assert count(house) == 0

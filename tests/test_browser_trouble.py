"""When the server says no, is busy, or is not there: nothing typed is lost, and nothing shown is untrue."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from browsing_steps import DRAFT, LIVE, OpenPage, caught, hold_back, said
from playwright.sync_api import expect

from flask_revalidation import ForgottenRevalidation
from pages.error_pages import explain

if TYPE_CHECKING:
    from browsing import House
    from flask import Flask

pytest_plugins = ["browsing"]

NOT_REACHED = "The server cannot be reached. Nothing was saved; what you typed is still here."
NETWORK = ("net::ERR_", "htmx:error")  # what browser and htmx write when there is no answer


def test_a_setting_flips_before_the_answer(open_page: OpenPage) -> None:
    page = open_page(person="ada")
    page.goto("/dashboard/settings")
    held = hold_back(page, "settings.toggle_setting")
    switch = page.get_by_role("switch", name="Readers may comment")
    switch.click()

    expect(switch).not_to_be_checked()
    said(page, "")
    caught(page, held).continue_()
    said(page, "Readers may comment: off.")
    expect(switch).not_to_be_checked()


def test_a_setting_goes_back_when_the_server_says_no(open_page: OpenPage) -> None:
    page = open_page(person="ada")
    page.goto("/dashboard/settings")
    page.get_by_role("switch", name="Make the next save fail").click()
    said(page, "Make the next save fail: on.")
    held = hold_back(page, "settings.toggle_setting")
    switch = page.get_by_role("switch", name="Readers may comment")
    switch.click()
    expect(switch).not_to_be_checked()
    caught(page, held).continue_()

    said(page, "This save was made to fail, as you asked. The switch is back where it was.")
    expect(switch).to_be_checked()
    expect(switch).to_be_focused()


def test_a_heart_flips_before_the_answer_and_back_without_one(open_page: OpenPage) -> None:
    page = open_page(tolerate=NETWORK)
    page.goto(LIVE)
    held = hold_back(page, "likes.toggle_like")
    heart = page.get_by_role("button", name="Like")
    count = int(heart.locator("[data-count]").inner_text())
    heart.click()

    expect(heart).to_have_attribute("aria-pressed", "true")
    expect(heart.locator("[data-count]")).to_have_text(str(count + 1))
    caught(page, held).abort()
    expect(heart).to_have_attribute("aria-pressed", "false")
    expect(heart.locator("[data-count]")).to_have_text(str(count))
    said(page, NOT_REACHED)


def test_a_lost_connection_keeps_what_was_typed(open_page: OpenPage, house: House) -> None:
    page = open_page(person="bob", tolerate=NETWORK)
    page.goto("/dashboard/posts")
    held = hold_back(page, "posts.create_post")
    page.get_by_label("New post").fill("Keys under doormats")
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("[aria-busy]")).to_have_count(1)
    caught(page, held).abort()

    said(page, NOT_REACHED)
    expect(page.get_by_label("New post")).to_have_value("Keys under doormats")
    page.get_by_role("button", name="Save draft").click()
    said(page, "“Keys under doormats” is saved as a draft.")


def test_a_lost_answer_does_not_write_twice(open_page: OpenPage, house: House) -> None:
    page = open_page(person="bob", tolerate=NETWORK)
    page.goto("/dashboard/posts")
    held = hold_back(page, "posts.create_post")
    page.get_by_label("New post").fill("Keys under doormats")
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("[aria-busy]")).to_have_count(1)
    caught(page, held).fetch()  # the server has done it
    caught(page, held).abort()
    said(page, NOT_REACHED)
    page.get_by_role("button", name="Save draft").click()

    said(page, "“Keys under doormats” is saved as a draft.")
    assert house.query("SELECT count(*) FROM post WHERE title = 'Keys under doormats'") == [(1,)]


def test_a_busy_house_says_so_and_keeps_what_was_typed(open_page: OpenPage, house: House) -> None:
    page = open_page(person="bob", tolerate=("status of 503",))
    page.goto("/dashboard/posts")
    page.get_by_label("New post").fill("Keys under doormats")
    with closing(sqlite3.connect(house.database, isolation_level=None)) as hog:
        hog.execute("BEGIN IMMEDIATE")
        page.get_by_role("button", name="Save draft").click()
        expect(page.locator("#notice.failed")).not_to_be_empty()
        hog.execute("ROLLBACK")

    expect(page.get_by_label("New post")).to_have_value("Keys under doormats")
    page.get_by_role("button", name="Save draft").click()
    said(page, "“Keys under doormats” is saved as a draft.")
    expect(page.locator("#notice.failed")).to_have_count(0)


def test_a_fault_of_ours_keeps_the_page_and_development_says_what_was_forgotten(
    open_page: OpenPage, app: Flask
) -> None:
    message = 'posts.create_post changed table post. Add revalidate_tag("posts")'
    with app.test_request_context("/_actions/posts.create_post", method="POST"):
        explained = explain(ForgottenRevalidation(message)).get_data(as_text=True)
    page = open_page(person="bob", tolerate=("status of 50",))
    page.route("**/_actions/**", lambda route: route.fulfill(status=502, body="<h1>Bad Gateway</h1><hr>nginx"))
    page.goto("/dashboard/posts")
    page.get_by_label("New post").fill("Keys under doormats")
    page.get_by_role("button", name="Save draft").click()

    said(page, "That did not work. Nothing was saved; what you typed is still here.")
    expect(page.get_by_label("New post")).to_have_value("Keys under doormats")
    page.route("**/_actions/**", lambda route: route.fulfill(status=500, body=explained))
    page.get_by_role("button", name="Save draft").click()
    said(page, f"ForgottenRevalidation: {message}")
    expect(page.locator("#notice")).to_have_class(re.compile("failed"))
    expect(page.get_by_label("New post")).to_have_value("Keys under doormats")
    expect(page.locator("h1")).to_have_text("Posts")


def test_too_much_at_once_says_so_and_keeps_it(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    page.get_by_role("link", name=DRAFT, exact=True).click()
    long = "🚪" * 90_000  # twelve bytes each, on the way
    page.get_by_label("Text").evaluate("(field, text) => { field.value = text }", long)
    page.get_by_role("button", name="Save").click()

    said(page, "That is too much at once")
    assert page.get_by_label("Text").input_value() == long
    expect(page).to_have_title(f"Edit “{DRAFT}” · Hallway & Door")


def test_a_page_that_refuses_replaces_the_whole_page(open_page: OpenPage, house: House) -> None:
    page, other = open_page(person="bob"), open_page(person="ada")
    page.goto("/dashboard/posts")
    other.goto("/dashboard/posts")
    other.get_by_role("button", name=f"Delete “{DRAFT}”").click()
    said(other, f"“{DRAFT}” is deleted.")
    page.get_by_role("switch", name=f"Published: {DRAFT}").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    expect(page.locator("header.masthead")).to_have_count(1)
    expect(page.locator("main")).to_have_count(1)
    expect(page).to_have_title("There is nothing here · Hallway & Door")


def test_a_right_that_was_lost_shows_a_page_with_what_was_typed(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    page.get_by_label("New post").fill("Keys under doormats")
    other = page.context.new_page()
    other.goto("/")
    other.get_by_role("button", name="Cleo reader").click()
    said(other, "You are Cleo now.")
    page.get_by_role("button", name="Save draft").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("This is not yours to do")
    expect(page.get_by_label("Title")).to_have_value("Keys under doormats")
    expect(page.locator("header.masthead")).to_have_count(1)


def test_two_answers_in_the_wrong_order_leave_the_page_true(open_page: OpenPage) -> None:
    page = open_page(person="ada")
    page.goto("/dashboard/settings")
    held = hold_back(page, "settings.toggle_setting")
    comments = page.get_by_role("switch", name="Readers may comment")
    likes = page.get_by_role("switch", name="Likes are shown")
    comments.click()
    expect(comments).not_to_be_checked()
    early = caught(page, held).fetch()  # made before the second one is written, and late on its way
    likes.click()
    expect(page.locator("[aria-busy]", has=likes)).to_have_count(0)
    held[0].fulfill(response=early)

    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(comments).not_to_be_checked()
    expect(likes).not_to_be_checked()


def test_a_flip_in_flight_is_not_undone_by_another_answer(open_page: OpenPage) -> None:
    page = open_page(person="ada", tolerate=NETWORK)
    page.goto("/dashboard/settings")
    held = hold_back(page, "settings.toggle_setting")
    comments = page.get_by_role("switch", name="Readers may comment")
    comments.click()
    expect(comments).not_to_be_checked()
    request = caught(page, held)
    page.get_by_role("switch", name="Likes are shown").click()
    said(page, "Likes are shown: off.")
    expect(comments).not_to_be_checked()
    request.abort()

    said(page, NOT_REACHED)
    expect(comments).to_be_checked()


def test_what_went_wrong_is_said_where_it_is_seen(open_page: OpenPage) -> None:
    page = open_page(person="cleo", tolerate=NETWORK)
    page.set_viewport_size({"width": 600, "height": 400})
    page.goto(LIVE)
    page.route("**/_actions/**", lambda route: route.abort())
    page.get_by_label("Your comment").fill("Read twice.")
    page.get_by_role("button", name="Say it").click()

    said(page, NOT_REACHED)
    expect(page.locator("#notice")).to_be_in_viewport()


def test_another_page_begins_at_its_beginning(open_page: OpenPage) -> None:
    page = open_page()
    page.set_viewport_size({"width": 600, "height": 250})
    page.goto(LIVE)
    page.get_by_label("Your comment").fill("Read twice.")
    page.get_by_role("button", name="Say it").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_in_viewport()

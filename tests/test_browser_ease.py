"""Comfort that can be relied on: undo, unsent text, preview, two versions, and an address that says what is shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from browsing_steps import DRAFT, LIVE, OpenPage, press, said
from playwright.sync_api import Browser, Dialog, Page, expect

if TYPE_CHECKING:
    from browsing import House

pytest_plugins = ["browsing"]

DESK = "/dashboard/posts"
HINT = "Unsent text from before is kept here."


def undo_of(page: Page, title: str) -> str:
    return f"Undo deleting “{title}”"


def edit(page: Page, title: str = DRAFT) -> None:
    page.goto(f"{DESK}?q={title.split()[0]}")
    page.get_by_role("link", name=title, exact=True).click()
    expect(page.get_by_role("heading", name="Edit")).to_be_visible()


@pytest.mark.parametrize("kind", ["htmx", "plain"])
def test_undo_brings_a_deleted_post_back(open_page: OpenPage, house: House, kind: str) -> None:
    page = open_page(kind, "bob")
    page.goto(DESK)
    press(page, f"Delete “{DRAFT}”")
    said(page, f"“{DRAFT}” is deleted.")
    press(page, undo_of(page, DRAFT))

    said(page, f"“{DRAFT}” is back.")
    expect(page.locator("li.row", has_text=DRAFT)).to_be_focused()
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)
    assert house.query("SELECT count(*) FROM post WHERE title = ?", DRAFT) == [(1,)]


def test_undo_is_offered_as_long_as_the_page_is_open(open_page: OpenPage) -> None:
    page = open_page(person="ada")
    page.goto(DESK)
    titles = [page.locator("li.row .what > a").nth(number).inner_text() for number in (0, 1)]
    for title in titles:
        press(page, f"Delete “{title}”")
        said(page, f"“{title}” is deleted.")
    page.get_by_label("New post").fill("Something else")
    press(page, "Save draft")
    said(page, "“Something else” is saved as a draft.")

    for title in titles:
        press(page, undo_of(page, title))
        said(page, f"“{title}” is back.")
    expect(page.get_by_role("button", name="Undo")).to_have_count(0)


def test_the_new_post_has_the_focus_and_after_deleting_the_next(open_page: OpenPage) -> None:
    page = open_page(person="ada")
    page.goto(DESK)
    page.get_by_label("New post").fill("Keys under doormats")
    page.get_by_label("New post").press("Enter")
    expect(page.locator("li.row", has_text="Keys under doormats")).to_be_focused()
    page.get_by_role("button", name="Delete “Keys under doormats”").press("Enter")

    said(page, "“Keys under doormats” is deleted.")
    expect(page.locator("li.row").first.get_by_role("link").first).to_be_focused()


def test_unsent_text_is_offered_after_a_crash(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    edit(page)
    page.get_by_label("Text").fill("Half an evening's work.")
    again = page.context.new_page()
    page.close()  # without asking, as a crash does
    again.goto(page.url)
    expect(again.get_by_text(HINT)).to_be_visible()
    expect(again.get_by_label("Text")).not_to_have_value("Half an evening's work.")
    press(again, "Restore")

    expect(again.get_by_label("Text")).to_have_value("Half an evening's work.")
    press(again, "Save")
    said(again, f"“{DRAFT}” is saved.")
    again.reload()
    expect(again.get_by_text(HINT)).to_have_count(0)


def test_restored_words_do_not_write_over_what_was_saved_since(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    edit(page)
    page.get_by_label("Text").fill("My words.")
    other = page.context.new_page()
    other.goto(page.url)
    press(other, "Discard")  # of the first page, in this one
    other.get_by_label("Title").fill(f"{DRAFT}!")
    press(other, "Save")
    said(other, f"“{DRAFT}!” is saved.")
    page.get_by_label("Text").fill("My words, again.")
    other.reload()
    press(other, "Restore")
    press(other, "Save")

    expect(other.locator(".conflict")).to_be_focused()


def test_discarded_text_is_not_offered_again(open_page: OpenPage) -> None:
    page = open_page(person="cleo")
    page.goto(LIVE)
    page.get_by_label("Your comment").fill("Read twice.")
    page.reload()
    press(page, "Discard")
    expect(page.get_by_text(HINT)).to_have_count(0)
    page.reload()

    expect(page.get_by_text(HINT)).to_have_count(0)


def test_signing_out_forgets_unsent_text_and_nobody_else_is_offered_it(open_page: OpenPage) -> None:
    page = open_page(person="cleo")
    page.goto(LIVE)
    page.get_by_label("Your comment").fill("Between us.")
    press(page, "Bob author")
    said(page, "You are Bob now.")
    expect(page.get_by_label("Your comment")).to_have_value("")
    expect(page.get_by_text(HINT)).to_have_count(0)
    assert page.evaluate("Object.values(localStorage).join()").count("Between us.") == 1
    press(page, "Sign out Bob")
    said(page, "You are signed out.")

    assert page.evaluate("localStorage.length") == 0


def test_passwords_are_never_kept(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/sign-in")
    page.get_by_label("Address").fill("bob@hallway.example")
    page.get_by_label("Password").fill("open-the-door")

    assert page.evaluate("localStorage.length") == 0


def test_leaving_asks_only_when_something_is_unsent(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    page.on("dialog", answer)
    page.goto(DESK)
    page.get_by_label("New post").press_sequentially("Kept")
    press(page, "Save draft")
    said(page, "“Kept” is saved as a draft.")
    page.reload()
    assert asked == []
    page.get_by_label("New post").press_sequentially("Unsent")
    page.reload()

    assert asked == ["beforeunload"]


@pytest.mark.parametrize("key", ["Control+Enter", "Meta+Enter"])
def test_a_key_sends_the_form_one_is_in(open_page: OpenPage, key: str) -> None:
    page = open_page(person="bob")
    edit(page)
    page.get_by_label("Text").fill("Sent by a key.")
    page.get_by_label("Text").press(key)

    said(page, f"“{DRAFT}” is saved.")


@pytest.mark.parametrize("kind", ["htmx", "plain"])
def test_post_is_deleted_from_its_editor_and_brought_back(open_page: OpenPage, house: House, kind: str) -> None:
    page = open_page(kind, "bob")
    edit(page)
    press(page, "Delete this post")

    said(page, f"“{DRAFT}” is deleted.")
    expect(page).to_have_url(re.compile(f"{DESK}$"))
    expect(page.locator("li.row", has_text=DRAFT)).to_have_count(0)
    press(page, undo_of(page, DRAFT))
    expect(page.locator("li.row", has_text=DRAFT)).to_have_count(1)


@pytest.mark.parametrize("kind", ["htmx", "plain"])
def test_preview_shows_unsaved_words_and_leaves_them(open_page: OpenPage, house: House, kind: str) -> None:
    page = open_page(kind, "bob")
    edit(page)
    before = house.query("SELECT body FROM post WHERE title = ?", DRAFT)
    for word in ("one", "two"):
        page.get_by_label("Text").fill(f"Press **{word}** of them.")
        page.get_by_label("Tags").fill("bells")
        press(page, "Preview")

        expect(page.locator(".preview strong")).to_have_text(word)
        expect(page.get_by_label("Text")).to_have_value(f"Press **{word}** of them.")
        expect(page.get_by_label("Tags")).to_have_value("bells")
    assert house.query("SELECT body FROM post WHERE title = ?", DRAFT) == before
    press(page, "Save")
    said(page, f"“{DRAFT}” is saved.")


@pytest.mark.parametrize("kind", ["htmx", "plain"])
@pytest.mark.parametrize("choice", ["Take theirs", "Keep mine"])
def test_whoever_saves_second_chooses(open_page: OpenPage, house: House, kind: str, choice: str) -> None:
    page = open_page(kind, "edith")
    edit(page)
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_label("Text").fill("Their words.")
    press(other, "Save")
    said(other, f"“{DRAFT}” is saved.")
    page.get_by_label("Text").fill("My words.")
    press(page, "Save")
    expect(page.get_by_label("Their text")).to_have_value("Their words.")
    expect(page.get_by_label("Your text")).to_have_value("My words.")
    page.get_by_role("button" if choice == "Keep mine" else "link", name=choice).click()

    expect(page.locator(".conflict")).to_have_count(0)
    kept = "My words." if choice == "Keep mine" else "Their words."
    expect(page.get_by_label("Text", exact=True)).to_have_value(kept)
    expect(page.get_by_text(HINT)).to_have_count(0)
    assert house.query("SELECT body FROM post WHERE title = ?", DRAFT) == [(kept,)]


@pytest.mark.parametrize("person_is_in", ["Asia/Tokyo", "America/St_Johns"])
def test_times_are_those_of_the_person_and_named(house: House, chromium: Browser, person_is_in: str) -> None:
    from browsing import become

    context = chromium.new_context(base_url=house.server.url, timezone_id=person_is_in)
    become(context, house, "bob")
    page = context.new_page()
    edit(page)
    expect(page.get_by_label("Have it published at")).to_have_accessible_description(f"Your time ({person_is_in})")
    page.get_by_label("Have it published at").fill("2096-02-29T12:00")
    press(page, "Schedule")

    utc = {"Asia/Tokyo": "03:00", "America/St_Johns": "15:30"}[person_is_in]
    expect(page.locator(".byline [data-moment]")).to_have_text(f"29 February 2096 at 12:00 ({person_is_in})")
    assert house.query("SELECT publish_at FROM post WHERE title = ?", DRAFT) == [(f"2096-02-29 {utc}:00.000000",)]
    context.close()


def test_an_open_panel_is_part_of_the_address(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    page.goto(f"{DESK}?status=draft")
    row = page.locator("li.row", has_text=DRAFT)
    row.locator("summary").click()
    expect(page).to_have_url(re.compile(r"\?status=draft&open=later_\d+$"))
    page.reload()
    expect(row.get_by_label("Have it published at")).to_be_visible()
    plain = open_page("plain", "bob")
    plain.goto(page.url)
    expect(plain.locator("li.row", has_text=DRAFT).get_by_label("Have it published at")).to_be_visible()
    row.locator("summary").click()

    expect(page).to_have_url(re.compile(r"\?status=draft$"))


def test_search_filter_and_page_are_in_the_address_and_back_shows_them(open_page: OpenPage) -> None:
    page = open_page(person="ada")
    page.goto(DESK)
    page.get_by_role("link", name="Draft", exact=False).first.click()
    expect(page).to_have_url(re.compile(r"\?status=draft$"))
    page.get_by_label("Search the posts").fill("doorbells")
    expect(page).to_have_url(re.compile(r"\?(status=draft&q=doorbells|q=doorbells&status=draft)$"))
    expect(page.locator("li.row")).to_have_count(1)
    page.get_by_role("link", name=DRAFT, exact=True).click()
    expect(page.get_by_role("heading", name="Edit")).to_be_visible()
    page.evaluate("setTimeout(() => history.back())")

    expect(page.get_by_label("Search the posts")).to_have_value("doorbells")
    expect(page.locator("li.row")).to_have_count(1)


def test_draft_older_than_a_week_is_gone_from_the_browser(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/contact")
    page.evaluate("localStorage['draft  /contact old'] = JSON.stringify({at: Date.now() - 8 * 864e5, values: {}})")
    page.evaluate("localStorage['draft  /contact new'] = JSON.stringify({at: Date.now(), values: {}})")

    page.reload()

    assert page.evaluate("Object.keys(localStorage).filter(name => name.startsWith('draft'))") == [
        "draft  /contact new"
    ]

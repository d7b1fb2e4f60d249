"""Searching in a browser: as one types, by the button, and with Back."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from browsing_steps import OpenPage, said
from playwright.sync_api import Error, Page, Route, expect

if TYPE_CHECKING:
    from browsing import House

pytest_plugins = ["browsing"]


def travel(page: Page, pages: int) -> None:
    page.evaluate("pages => { setTimeout(() => history.go(pages)) }", pages)


def found(page: Page, query: str) -> None:
    """Expect the page to show what was found, its address to say so, and the field to keep the question."""
    expect(page.locator("#found")).to_contain_text(f"of “{query}”.")
    expect(page.get_by_role("searchbox")).to_have_value(query)


@pytest.mark.parametrize(("person", "path"), [("", "/blog"), ("ada", "/dashboard/posts")])
def test_the_list_follows_what_is_typed(open_page: OpenPage, house: House, person: str, path: str) -> None:
    page = open_page(person=person)
    page.goto("/contact")
    page.goto(path)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if "q=" in request.url else None)
    box = page.get_by_role("searchbox")
    box.press_sequentially("letter slot", delay=20)
    found(page, "letter slot")

    expect(page.get_by_role("link", name="The letter slot and the front desk", exact=True)).to_be_visible()
    expect(page).to_have_url(f"{house.server.url}{path}?q=letter+slot")
    expect(box).to_be_focused()
    assert len(requests) < 6  # of eleven letters: it waits until the typing rests, which a busy machine does by itself
    box.press("Home")
    box.press_sequentially("x")
    expect(page.locator("#found")).to_have_text("Nothing here speaks of “xletter slot”.")
    expect(box).to_be_focused()
    assert box.evaluate("box => box.selectionStart") == 1
    box.fill("")
    expect(page.locator("#found")).to_be_empty()
    travel(page, -1)
    expect(page).to_have_url(f"{house.server.url}/contact")


def test_back_from_an_article_shows_what_was_found(open_page: OpenPage, house: House) -> None:
    page = open_page()
    page.goto("/blog")
    page.get_by_role("searchbox").press_sequentially("letter slot")
    found(page, "letter slot")
    page.get_by_role("link", name="The letter slot and the front desk", exact=True).click()
    expect(page.locator("article.article")).to_be_visible()
    travel(page, -1)
    found(page, "letter slot")

    expect(page).to_have_url(f"{house.server.url}/blog?q=letter+slot")
    travel(page, 1)
    expect(page.locator("article.article")).to_be_visible()
    page.reload()
    travel(page, -1)
    found(page, "letter slot")


def test_a_late_answer_does_not_overwrite_a_newer_one(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/blog")
    held: list[Route] = []
    page.route("**/blog?q=letter", lambda route: held.append(route))
    box = page.get_by_role("searchbox")
    with page.expect_request("**/blog?q=letter"):
        box.press_sequentially("letter")
    box.press_sequentially(" slot")
    found(page, "letter slot")
    with suppress(Error):  # the browser may have given the question up
        held[0].continue_()
    page.wait_for_timeout(500)

    found(page, "letter slot")


def test_search_by_the_button_needs_no_script(open_page: OpenPage, house: House) -> None:
    page = open_page("plain")
    page.goto("/blog?tag=security")
    page.get_by_role("searchbox").fill("ticket")
    page.get_by_role("button", name="Search").click()
    found(page, "ticket")

    expect(page).to_have_url(f"{house.server.url}/blog?q=ticket&tag=security")
    expect(page.get_by_role("heading", name="Posts about security")).to_be_visible()


def test_the_button_works_with_script_too(open_page: OpenPage, house: House) -> None:
    page = open_page()
    page.goto("/blog")
    page.get_by_role("searchbox").fill("ticket")
    page.get_by_role("button", name="Search").click()
    found(page, "ticket")
    page.get_by_role("searchbox").fill("ledger")
    page.get_by_role("searchbox").press("Enter")
    found(page, "ledger")

    expect(page).to_have_url(f"{house.server.url}/blog?q=ledger")


def test_a_post_found_at_the_desk_is_published_there(open_page: OpenPage, house: House) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    page.get_by_role("searchbox").press_sequentially("doorbells")
    found(page, "doorbells")
    page.get_by_role("switch", name="Published: Names on doorbells").click()
    said(page, "“Names on doorbells” is live.")

    found(page, "doorbells")
    expect(page.get_by_role("switch", name="Published: Names on doorbells")).to_be_checked()
    expect(page).to_have_url(f"{house.server.url}/dashboard/posts?q=doorbells")

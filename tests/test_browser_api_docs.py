"""The documentation page of the API: from our own files, under the strict policy, and it really calls the API."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from browsing_steps import OpenPage
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from browsing import House

from demo.seed import PARTNER_KEY

pytest_plugins = ["browsing"]

LIST, CREATE = "#operations-posts-list_posts", "#operations-posts-create_post"


def open_operation(page: Page, operation: str) -> None:
    page.locator(f"{operation} .opblock-summary").click()
    page.locator(operation).get_by_role("button", name="Try it out").click()


def test_the_docs_need_nothing_from_elsewhere_and_no_exception(open_page: OpenPage, house: House) -> None:
    page = open_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto("/api/docs")
    open_operation(page, LIST)
    page.locator(LIST).get_by_role("button", name="Execute").click()

    expect(page.locator(f"{LIST} .live-responses-table tbody .response-col_status").first).to_contain_text("200")
    assert f"{house.server.url}/api/v1/openapi.json" in asked
    assert [url for url in asked if not url.startswith(house.server.url)] == []


def test_a_key_opens_the_operations_of_the_docs(open_page: OpenPage, house: House) -> None:
    page = open_page()
    page.goto("/api/docs")
    page.get_by_role("button", name="Authorize").click()
    page.locator(".modal-ux input").fill(PARTNER_KEY)
    page.locator(".modal-ux button[type=submit]").click()
    page.locator(".modal-ux button.btn-done").click()

    open_operation(page, CREATE)
    page.locator(f"{CREATE} textarea").fill(json.dumps({"title": "From the docs"}))
    page.locator(CREATE).get_by_role("button", name="Execute").click()

    expect(page.locator(f"{CREATE} .live-responses-table tbody .response-col_status").first).to_contain_text("201")
    assert house.query("SELECT status FROM post WHERE title = 'From the docs'") == [("draft",)]


@pytest.mark.parametrize("width", [390, 1440])
def test_a_refused_try_fits_a_few_screens_and_the_screen(open_page: OpenPage, width: int) -> None:
    page = open_page()
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/api/docs")
    open_operation(page, CREATE)
    page.locator(CREATE).get_by_role("button", name="Execute").click()
    expect(page.locator(f"{CREATE} .live-responses-table tbody .response-col_status").first).to_contain_text("401")

    tall, wide = page.locator(CREATE).evaluate("found => [found.offsetHeight, document.documentElement.scrollWidth]")
    assert tall < 4.5 * 900
    assert wide == width
    narrow = "found => found.map(cell => cell.offsetWidth).filter(width => width > 0 && width < 50)"
    assert page.locator(f"{CREATE} td:not(.headers td)").evaluate_all(narrow) == []
    expect(page.locator(".opblock .authorization__btn:visible")).to_have_count(0)


def test_the_docs_say_without_script_where_the_document_is(open_page: OpenPage) -> None:
    page = open_page("plain")

    page.goto("/api/docs")

    expect(page.get_by_text("the document itself needs none")).to_be_visible()
    expect(page.get_by_role("link", name="openapi.json")).to_have_attribute("href", "/api/v1/openapi.json")

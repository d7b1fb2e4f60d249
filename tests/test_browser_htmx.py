"""What only htmx can show: one request, and a page that changes without being torn from the hands that use it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from browsing_steps import DRAFT, LIVE, OpenPage, said
from playwright.sync_api import Page, Request, expect

if TYPE_CHECKING:
    from browsing import House

pytest_plugins = ["browsing"]


def pages_fetched(page: Page) -> list[str]:
    """Collect the page's requests from here on, leaving out styles, scripts and icons."""
    found: list[str] = []

    def note(request: Request) -> None:
        if request.resource_type in ("document", "fetch", "xhr") and "poll" not in request.headers:
            found.append(f"{request.method} {request.url.partition('/_actions')[2].partition('?')[0] or request.url}")

    page.context.on("request", note)
    return found


def has_posts(house: House, title: str) -> int:
    [(count,)] = house.query("SELECT count(*) FROM post WHERE title = ?", title)
    return int(count)


def test_an_action_costs_one_request(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    requests = pages_fetched(page)
    page.get_by_label("New post").fill("Keys under doormats")
    page.get_by_role("button", name="Save draft").click()

    said(page, "“Keys under doormats” is saved as a draft.")
    page.wait_for_load_state("networkidle")
    assert requests == ["POST /posts.create_post"]


def test_signing_in_costs_one_request_and_the_address_follows(open_page: OpenPage, house: House) -> None:
    page = open_page()
    page.goto("/sign-in?next=/dashboard/inbox")
    requests = pages_fetched(page)
    page.get_by_label("Address").fill("ada@hallway.example")
    page.get_by_label("Password").fill("open-the-door")
    page.get_by_role("button", name="Sign in").click()

    said(page, "Welcome, Ada.")
    expect(page).to_have_url(f"{house.server.url}/dashboard/inbox")
    expect(page).to_have_title("Inbox · Hallway & Door")
    page.wait_for_load_state("networkidle")
    assert requests == ["POST /accounts.sign_in"]


def test_a_double_click_creates_one_post(open_page: OpenPage, house: House) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    page.get_by_label("New post").fill("Keys under doormats")
    page.get_by_role("button", name="Save draft").dblclick()

    said(page, "“Keys under doormats” is saved as a draft.")
    expect(page.locator("[aria-busy]")).to_have_count(0)
    assert has_posts(house, "Keys under doormats") == 1


def test_a_double_click_without_script_creates_one_post(open_page: OpenPage, house: House) -> None:
    page = open_page("plain", "bob")
    page.goto("/dashboard/posts")
    page.get_by_label("New post").fill("Keys under doormats")
    page.get_by_role("button", name="Save draft").dblclick()

    said(page, "“Keys under doormats” is saved as a draft.")
    assert has_posts(house, "Keys under doormats") == 1


def test_focus_stays_on_the_switch_that_was_pressed(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    switch = page.get_by_role("switch", name=f"Published: {DRAFT}")
    for sentence in (f"“{DRAFT}” is live.", f"“{DRAFT}” is a draft again."):
        switch.press("Space")

        said(page, sentence)
        expect(switch).to_be_focused()


def test_panel_that_was_opened_stays_open(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    row = page.locator("li.row", has_text=DRAFT)
    row.locator("summary").click()
    row.get_by_label("Have it published at").fill("2020-01-01T08:00")
    row.get_by_role("button", name="Schedule", exact=True).click()
    expect(row.get_by_text("Please choose a time that is still to come.").first).to_be_visible()

    page.get_by_label("New post").fill("Something else")
    page.get_by_role("button", name="Save draft").click()

    said(page, "“Something else” is saved as a draft.")
    expect(row.get_by_label("Have it published at")).to_be_visible()


def test_focus_stays_on_the_letter_that_was_marked(open_page: OpenPage) -> None:
    page = open_page(person="edith")
    page.goto("/dashboard/inbox")
    page.get_by_role("button", name=re.compile("Mark as read.*Priya Nair")).press("Enter")

    said(page, "The letter from Priya Nair is read.")
    expect(page.get_by_role("button", name=re.compile("Mark as unread.*Priya Nair"))).to_be_focused()


def test_focus_stays_on_the_heart_and_on_the_setting(open_page: OpenPage) -> None:
    page = open_page(person="ada")
    for path, role, name in ((LIVE, "button", "Like"), ("/dashboard/settings", "switch", "Readers may comment")):
        page.goto(path)
        page.get_by_role(role, name=name).press("Enter")

        said(page, re.compile("."))
        expect(page.get_by_role(role, name=name)).to_be_focused()


def test_the_page_does_not_jump(open_page: OpenPage) -> None:
    page = open_page(person="edith")
    page.set_viewport_size({"width": 800, "height": 400})
    page.goto("/dashboard/inbox")
    button = page.get_by_role("button", name=re.compile("Mark as unread.*Wen Li"))
    button.scroll_into_view_if_needed()
    letter = page.get_by_role("heading", name="Wen Li")
    before = letter.bounding_box()
    assert page.evaluate("scrollY") > 0
    button.click()

    said(page, "The letter from Wen Li is unread again.")
    after = letter.bounding_box()
    assert before
    assert after
    assert abs(after["y"] - before["y"]) < 2  # less than that the eye does not see


def test_half_typed_text_survives_another_action(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    page.get_by_label("New post").press_sequentially("Half a tit")
    page.get_by_role("switch", name=f"Published: {DRAFT}").click()

    said(page, f"“{DRAFT}” is live.")
    expect(page.get_by_label("New post")).to_have_value("Half a tit")
    page.get_by_label("New post").press("End")
    page.get_by_label("New post").press_sequentially("le")
    page.get_by_role("button", name="Save draft").click()
    said(page, "“Half a title” is saved as a draft.")


def test_a_refused_form_does_not_take_the_focus_from_another_action(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    page.get_by_label("New post").fill("   ")
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator(".summary")).to_be_focused()
    page.get_by_label("New post").press_sequentially("Half")
    page.get_by_role("switch", name=f"Published: {DRAFT}").click()

    said(page, f"“{DRAFT}” is live.")
    expect(page.locator(".summary")).not_to_be_focused()


@pytest.mark.parametrize("how", ["button", "Enter"])
def test_a_success_empties_the_form(open_page: OpenPage, how: str) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    for title in ("Keys under doormats", "Keys in flowerpots"):
        field = page.get_by_label("New post")
        field.fill(title)
        if how == "Enter":
            field.press("Enter")
        else:
            page.get_by_role("button", name="Save draft").click()

        said(page, f"“{title}” is saved as a draft.")
        expect(field).to_have_value("")


def test_a_saved_field_shows_what_was_saved_while_it_has_the_focus(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    page.get_by_role("link", name=DRAFT, exact=True).click()
    page.get_by_label("Title").fill("  Names on bells  ")
    page.get_by_label("Title").press("Enter")

    said(page, "“Names on bells” is saved.")
    expect(page.get_by_label("Title")).to_have_value("Names on bells")
    expect(page.get_by_label("Title")).to_be_focused()


def test_a_refused_password_is_emptied_and_the_address_stays(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/sign-in")
    page.get_by_label("Address").fill("ada@hallway.example")
    page.get_by_label("Password").fill("open-the-window")
    page.get_by_label("Password").press("Enter")

    expect(page.locator(".summary")).to_be_focused()
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_label("Address")).to_have_value("ada@hallway.example")


def test_the_summary_leads_to_the_field(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/contact")
    page.get_by_label("Your name").fill("Mallory")
    page.get_by_label("Your address").fill("mallory@nowhere")
    page.get_by_label("Your letter").fill("Do you deliver?")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".summary")).to_be_focused()
    page.locator(".summary a").click()

    expect(page.get_by_label("Your address")).to_be_focused()

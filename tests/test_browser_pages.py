"""Looking at pages: no complaint from the browser on any of them, and Back never shows what is no longer so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from browsing_steps import DRAFT, LIVE, OpenPage
from playwright.sync_api import Browser, Page, expect

if TYPE_CHECKING:
    from browsing import House

pytest_plugins = ["browsing"]

READERS = ["/", "/blog", "/blog?tag=security", LIVE, "/contact", "/support", "/sign-in", "/nowhere"]
READERS += ["/support/checkout/cs_demo_0123456789abcdef01234567", "/_actions/likes.toggle_like"]
HOUSE = ["/dashboard", "/dashboard/posts", "/dashboard/posts/5/edit", "/dashboard/inbox", "/dashboard/settings"]
HOUSE += ["/dashboard/members", "/dashboard/developers"]


def travel(page: Page, pages: int) -> None:
    """Go back or forward. Playwright's own way waits for a load, and a page that was kept in memory has none."""
    page.evaluate("pages => { setTimeout(() => history.go(pages)) }", pages)


@pytest.mark.parametrize("kind", ["htmx", "plain"])
def test_the_browser_has_nothing_to_complain_about(open_page: OpenPage, kind: str) -> None:
    visitor, owner = open_page(kind), open_page(kind, "ada")
    for path in READERS:
        visitor.goto(path)
        expect(visitor.locator("h1")).to_have_count(1)
    for path in [*READERS, *HOUSE]:
        owner.goto(path)
        expect(owner.locator("h1")).to_have_count(1)


def test_a_blocked_script_would_be_noticed(open_page: OpenPage) -> None:
    page = open_page(tolerate=("Content Security Policy",))
    with page.expect_console_message(lambda line: line.type == "error" and "Content Security Policy" in line.text):
        page.goto("/")
        page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: '1'}))")


def test_back_shows_what_was_published_meanwhile(open_page: OpenPage) -> None:
    page = open_page(person="ada")
    page.goto("/blog")
    expect(page.get_by_role("link", name=DRAFT)).to_have_count(0)
    page.goto("/dashboard/posts")
    page.get_by_role("switch", name=f"Published: {DRAFT}").click()
    expect(page.locator("#notice")).to_have_text(f"“{DRAFT}” is live.")
    travel(page, -1)

    expect(page).to_have_title("Posts · Hallway & Door")
    expect(page.get_by_role("link", name=DRAFT)).to_have_count(1)


def test_back_to_the_desk_shows_the_switch_where_it_stands(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    page.get_by_role("switch", name=f"Published: {DRAFT}").click()
    expect(page.locator("#notice")).to_have_text(f"“{DRAFT}” is live.")
    page.get_by_role("link", name="Hallway & Door").click()
    expect(page.get_by_role("link", name=DRAFT)).to_be_visible()
    travel(page, -1)

    expect(page.get_by_role("switch", name=f"Published: {DRAFT}")).to_be_checked()
    expect(page.locator("#notice")).to_have_text("")


@pytest.mark.parametrize("kept", [True, False], ids=["from memory", "loaded anew"])
def test_back_shows_a_reader_what_others_published_meanwhile(
    open_page: OpenPage, house: House, chromium: Browser, kept: bool
) -> None:
    browser = chromium if kept else chromium.forgetful()  # type: ignore[attr-defined]
    reader, bob = browser.new_page(base_url=house.server.url), open_page(person="bob")
    # At once, not by the next question of an open page. A route would hold it back too, and switch the cache off.
    reader.add_init_script("addEventListener('DOMContentLoaded', () => document.getElementById('poll').remove())")
    reader.goto("/blog")
    reader.evaluate("window.kept = true")
    reader.goto("/contact")
    bob.goto("/dashboard/posts")
    bob.get_by_role("switch", name=f"Published: {DRAFT}").click()
    expect(bob.locator("#notice")).to_have_text(f"“{DRAFT}” is live.")
    travel(reader, -1)

    expect(reader).to_have_title("Posts · Hallway & Door")
    expect(reader.get_by_role("link", name=DRAFT)).to_have_count(1)
    assert reader.evaluate("window.kept") is (kept or None)
    reader.close() if kept else browser.close()


def test_back_keeps_what_was_typed(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    page.goto("/dashboard/posts")
    page.get_by_label("New post").press_sequentially("Half a title")
    page.get_by_role("link", name="Hallway & Door").click()
    expect(page).to_have_title("Hallway & Door")
    travel(page, -1)

    expect(page).to_have_title("Posts at the desk · Hallway & Door")
    expect(page.get_by_label("New post")).to_have_value("Half a title")


def test_back_over_a_redirect_shows_whole_and_fresh_pages(open_page: OpenPage, house: House) -> None:
    page = open_page()
    page.goto("/blog")
    page.goto("/sign-in?next=/dashboard/settings")
    page.get_by_label("Address").fill("ada@hallway.example")
    page.get_by_label("Password").fill("open-the-door")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    travel(page, -1)

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_role("button", name="Sign out Ada")).to_be_visible()
    expect(page.locator("header.masthead")).to_have_count(1)
    travel(page, 1)
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    expect(page).to_have_url(f"{house.server.url}/dashboard/settings")
    travel(page, -2)
    expect(page).to_have_title("Posts · Hallway & Door")


def test_a_page_from_the_sign_in_detour_can_be_used(open_page: OpenPage, house: House) -> None:
    page = open_page()
    page.goto(LIVE)
    page.get_by_label("Your comment").fill("Written by somebody.")
    page.get_by_role("button", name="Say it").click()
    expect(page).to_have_url(f"{house.server.url}/sign-in?next={LIVE}")
    page.get_by_label("Address").fill("cleo@hallway.example")
    page.get_by_label("Password").fill("open-the-door")
    page.get_by_role("button", name="Sign in").click()

    expect(page).to_have_url(f"{house.server.url}{LIVE}")
    expect(page.get_by_label("Your comment")).to_have_value("Written by somebody.")


def test_back_to_a_page_that_cannot_be_had_does_not_pretend(open_page: OpenPage) -> None:
    page = open_page(tolerate=("status of 503",))
    page.goto("/sign-in?next=/dashboard/settings")
    page.get_by_label("Address").fill("ada@hallway.example")
    page.get_by_label("Password").fill("open-the-door")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    page.route("**/sign-in**", lambda route: route.fulfill(status=503, body="<h1>The house is busy</h1>"))
    travel(page, -1)

    expect(page.get_by_role("heading", level=1)).to_have_text("The house is busy")

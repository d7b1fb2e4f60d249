"""What was found by looking, mended: keys can be copied, numbers lead somewhere, a time is taken back."""

from __future__ import annotations

from browsing_steps import OpenPage
from playwright.sync_api import expect

pytest_plugins = ["browsing"]


def test_new_key_is_copied_by_a_button_and_tried_by_a_line(open_page: OpenPage) -> None:
    page = open_page("htmx", "ada")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto("/dashboard/developers")
    page.get_by_label("Whom is it for?").fill("A partner")
    page.get_by_role("button", name="Cut a key").click()
    page.get_by_role("button", name="Copy the key").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()

    key = page.locator("textarea.key").input_value().strip()
    assert page.evaluate("navigator.clipboard.readText()") == key
    assert page.locator("pre").first.inner_text().endswith("/api/v1/me")


def test_numbers_lead_to_what_they_count(open_page: OpenPage) -> None:
    page = open_page("htmx", "ada")
    for number in range(4):
        page.goto("/dashboard")
        page.locator(".numbers a").nth(number).click()
        expect(page.locator("h1")).to_be_visible()
        assert "?s" in page.url


def test_author_is_not_told_how_many_letters_wait(open_page: OpenPage) -> None:
    page = open_page("htmx", "bob")
    page.goto("/dashboard")

    expect(page.locator(".numbers dt")).to_have_text(["Published", "On the desk", "Members"])


def test_what_is_scheduled_can_be_taken_back(open_page: OpenPage) -> None:
    page = open_page("htmx", "ada")
    page.goto("/dashboard/posts?status=scheduled")
    row = page.locator("li.row").first
    title = row.locator(".what > a").inner_text()
    row.get_by_role("button", name="Take").click()

    expect(page.locator("#notice")).to_contain_text("is a draft again")
    page.goto(f"/dashboard/posts?q={title.split()[0]}")
    expect(page.locator("li.row", has_text=title)).to_contain_text("draft")


def test_being_asked_to_sign_in_is_no_failure(open_page: OpenPage) -> None:
    page = open_page("htmx")
    page.goto("/blog/commit-is-the-only-moment")
    page.get_by_label("Your comment").fill("I see.")
    page.get_by_role("button", name="Say it").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.locator("#notice.failed")).to_have_count(0)


def test_heart_that_was_given_is_full(open_page: OpenPage) -> None:
    page = open_page("htmx")
    page.goto("/blog/commit-is-the-only-moment")
    heart = page.locator(".after-article .like")
    ink = "heart => getComputedStyle(heart.querySelector('svg')).fill"
    before = (heart.evaluate(ink), heart.screenshot())
    heart.click()
    expect(page.locator("#notice")).to_contain_text("Liked")

    assert heart.evaluate(ink) != before[0] == "none"
    assert (
        'fill="none"'
        not in page.request.get("/static/icons.svg").text().partition('id="heart"')[2].partition("</symbol>")[0]
    )

"""An open page stays fresh: windows side by side follow each other, and nothing moves under the hands that use one."""

from __future__ import annotations

from typing import Any

from browsing_steps import LIVE, OpenPage, press, said
from playwright.sync_api import Page, Route, expect

pytest_plugins = ["browsing"]
LOST = "Not connected; this page may be old."


def polled(page: Page) -> int:
    """Wait for the next poll of the page, and return what it was answered with."""
    with page.expect_response(lambda answer: "poll" in answer.request.headers) as answered:
        pass
    return answered.value.status


def test_two_windows_side_by_side_follow_each_other(open_page: OpenPage) -> None:
    editor, writer, reader = open_page(person="ada"), open_page(person="bob"), open_page()
    editor.goto("/dashboard/posts")
    writer.goto("/dashboard/posts")
    reader.goto("/blog")
    editor.get_by_label("New post").fill("half a thou")
    editor.get_by_label("New post").evaluate("field => field.setSelectionRange(2, 4)")
    assert polled(editor) == 304

    writer.get_by_label("New post").fill("From the other window")
    press(writer, "Save draft")
    said(writer, "“From the other window” is saved as a draft.")

    expect(editor.get_by_role("link", name="From the other window").first).to_be_attached()
    field = editor.get_by_label("New post")
    expect(field).to_have_value("half a thou")
    expect(field).to_be_focused()
    assert field.evaluate("field => [field.selectionStart, field.selectionEnd]") == [2, 4]
    expect(reader.get_by_role("link", name="From the other window")).to_have_count(0)
    said(writer, "“From the other window” is saved as a draft.")


def test_reader_follows_and_is_left_alone_while_selecting(open_page: OpenPage) -> None:
    writer, reader = open_page(person="ada"), open_page()
    reader.goto(LIVE)
    writer.goto(LIVE)
    reader.evaluate("getSelection().selectAllChildren(document.querySelector('h1'))")
    writer.get_by_label("Your comment").fill("Seen next door")
    writer.locator(".comments form button").first.click()
    expect(writer.get_by_text("Seen next door")).to_be_visible()
    reader.wait_for_timeout(4500)
    expect(reader.get_by_text("Seen next door")).to_have_count(0)

    reader.evaluate("getSelection().empty()")
    expect(reader.get_by_text("Seen next door")).to_be_visible()


def test_lost_connection_is_said_once_and_taken_back(open_page: OpenPage) -> None:
    page = open_page(person="ada", tolerate=("ERR_INTERNET_DISCONNECTED", "Failed to fetch"))
    page.goto("/dashboard")
    page.evaluate(
        "window.said = []; new MutationObserver(() => said.push(notice.textContent))"
        ".observe(notice, {childList: true, characterData: true, subtree: true})"
    )
    page.context.set_offline(True)
    said(page, LOST)
    page.wait_for_timeout(4500)
    page.context.set_offline(False)
    said(page, "")
    assert page.evaluate("said") == [LOST, ""]


def test_older_answer_never_replaces_a_newer_page(open_page: OpenPage) -> None:
    page, other = open_page(person="ada"), open_page(person="bob")
    page.goto("/dashboard/posts")
    other.goto("/dashboard/posts")
    late: list[tuple[Route, Any]] = []

    def hold(route: Route) -> None:
        answer = route.fetch()
        if answer.status == 200 and "poll" in route.request.headers and not late:
            late.append((route, answer))
        else:
            route.fulfill(response=answer)

    page.route("**/dashboard/posts", hold)
    other.get_by_label("New post").fill("Of the other")
    press(other, "Save draft")
    said(other, "“Of the other” is saved as a draft.")
    for _ in range(100):
        if not late:
            page.wait_for_timeout(100)
    page.get_by_label("New post").fill("My own")
    press(page, "Save draft")
    said(page, "“My own” is saved as a draft.")
    [(route, answer)] = late
    assert "My own" not in answer.text()
    route.fulfill(response=answer)

    page.wait_for_timeout(300)
    assert page.get_by_role("link", name="My own").count()  # at once: the next poll would mend it
    expect(page.get_by_role("link", name="Of the other").first).to_be_visible()

"""The X-ray in a browser: the strip after a press, the page seen through, the timeline that follows another window."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing_steps import DRAFT, LIVE, OpenPage, press
from playwright.sync_api import Page, expect
from serving import serving
from test_browser_look import look

if TYPE_CHECKING:
    from browsing import House

pytest.importorskip("xray.store", reason="the folder xray/ is taken out")
pytest_plugins = ["browsing"]

DESK = "/dashboard/posts"
FRESH = re.compile(r"so the two cannot drift apart\. Fresh by it: front page, list, post, .*: \d+ places, 1 request\.")


@pytest.fixture(scope="module")
def served(filled_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The server with the X-ray on."""
    from browsing import House

    directory = tmp_path_factory.mktemp("xray") / "data"
    shutil.copytree(filled_directory, directory)
    with serving(directory, XRAY="1") as server:
        yield House(server, filled_directory / "hallway.db", directory / "hallway.db")


def publish(page: Page) -> None:
    page.get_by_role("switch", name=f"Published: {DRAFT}").click()


def test_press_says_what_it_did_and_a_chip_opens_the_code(open_page: OpenPage) -> None:
    page = open_page(person="ada")
    page.goto(DESK)
    publish(page)
    said = page.locator(".xray-said")
    expect(said).to_contain_text(FRESH)
    expect(said).to_contain_text("Ada pressed “Publish” → posts.publish_post wrote and revalidated in one step")
    said.get_by_role("button", name="row at the desk").hover()
    frames = page.locator(".xray-frame")
    assert frames.count() == said.get_by_role("button", name="row at the desk").get_attribute("data-outlines").count(
        "row_"
    )
    assert frames.first.bounding_box()["width"] >= page.locator(".row").first.bounding_box()["width"]
    page.get_by_role("heading", level=1).hover()
    expect(frames).to_have_count(0)

    toggle = page.get_by_role("button", name="X-ray")
    toggle.click()
    expect(toggle).to_have_attribute("aria-pressed", "true")
    row = page.locator(".xray-part", has_text="row at the desk").first
    expect(row).to_contain_text(re.compile(r"row at the desk: /blog/.*, \d+ s old"))
    expect(page.get_by_role("button", name="GET /feed.json")).to_have_class(re.compile("door"))
    row = page.locator(".xray-stack:not(.low)").first
    expect(row.get_by_role("button", name="posts.delete_post")).to_be_hidden()
    row.get_by_role("button", name="2 actions of this row").press("Enter")
    expect(row.get_by_role("button", name="posts.delete_post · writers")).to_be_visible()
    page.get_by_role("button", name="posts.create_post · writers").press("Enter")
    side = page.locator(".xray-side")
    expect(side).to_be_focused()
    expect(side.locator(".declares")).to_contain_text("@action(allow=writers, prepare=render)")
    for heading in ("schema NewPost", "policy writers", "verb User.write"):
        expect(side.get_by_role("heading", name=heading)).to_be_visible()
    expect(side.locator("li").first).to_contain_text(re.compile(r"test_\w+\.py:\d+"))
    page.keyboard.press("Escape")
    expect(side).to_be_hidden()
    expect(toggle).to_be_focused()

    page.reload()  # it stays as one has left it
    page.locator(".xray-part button").first.click()
    expect(side.locator(".declares")).to_contain_text('cached("posts.list"')
    side.get_by_role("button", name="Close").click()
    assert look(page, "xray-on-the-desk") == []


def test_holding_a_key_shows_it_and_typing_does_not(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/contact")
    chip = page.get_by_role("button", name="messages.send_message · anyone")

    page.keyboard.down("x")
    expect(chip).to_be_visible()
    page.keyboard.up("x")
    expect(chip).to_have_count(0)
    page.get_by_label("Name").focus()
    page.keyboard.down("x")
    page.wait_for_timeout(300)
    expect(chip).to_have_count(0)


def test_every_form_shows_its_action_and_so_does_a_button_of_its_own(open_page: OpenPage) -> None:
    page = open_page(person="ada")
    page.goto(f"{DESK}/5/edit")
    page.get_by_role("button", name="X-ray").click()
    for name in ("posts.update_post", "posts.preview_post", "pictures.add_picture", "posts.delete_post"):
        expect(page.get_by_role("button", name=f"{name} · ")).to_be_visible()
    bar = page.locator(".xray-stack.low")
    bar.get_by_role("button", name="2 actions of this row").click()
    expect(bar.get_by_role("button", name="demo.switch_persona · anyone")).to_be_visible()
    bar.get_by_role("button", name="demo.reset · anyone").click()
    expect(page.locator(".xray-side")).to_contain_text("action demo.reset")
    page.keyboard.press("Escape")
    assert look(page, "xray-editor") == []


def test_chip_of_a_row_is_as_wide_as_its_words_and_beside_its_button(open_page: OpenPage) -> None:
    page = open_page(person="ada")
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto("/dashboard/settings")
    page.get_by_role("button", name="X-ray").click()
    chip, switch = page.get_by_role("button", name="settings.toggle_setting").first, page.get_by_role("switch").first
    expect(chip).to_be_visible()
    box, beside = chip.bounding_box(), switch.bounding_box()
    assert box["width"] < 300
    assert abs(box["y"] + box["height"] / 2 - beside["y"] - beside["height"] / 2) < 4
    assert box["x"] > beside["x"] + beside["width"]


def test_part_is_outlined_from_the_other_window_and_glows_when_it_is_stale(open_page: OpenPage) -> None:
    page, other = open_page(person="ada"), open_page(person="bob")
    page.goto("/dashboard")
    window = page.context.new_page()
    window.goto("/xray")
    window.locator("#timeline a", has_text="Ada read /dashboard").first.click()
    window.get_by_role("button", name="numbers").focus()
    expect(page.locator(".xray-frame")).to_have_count(1)

    page.bring_to_front()
    page.route("**/dashboard", lambda _: None)  # it would follow by itself
    page.get_by_role("button", name="X-ray").click()
    expect(page.locator(".xray-part")).to_have_count(3)
    own = {"Origin": page.url.removesuffix("/dashboard"), "Sec-Fetch-Site": "same-origin"}
    form = {"post_id": "1", "body": "Thank you."}
    assert other.request.post("/_actions/comments.add_comment", form=form, headers=own).ok

    page.set_viewport_size({"width": 1000, "height": 800})  # drawn anew at once
    glows = page.locator(".xray-part.stale")
    expect(glows).to_have_count(1)
    expect(glows).to_contain_text(re.compile("server says [0-9a-f]{6}, this says [0-9a-f]*"))
    assert "0px" not in glows.evaluate("part => getComputedStyle(part).outlineWidth")
    line = page.locator(".xray-stale")
    expect(line).to_have_text(
        re.compile(r"1 part of this page is older than the last write: what readers said \(comments\)\.")
    )
    assert look(page, "xray-stale") == []
    page.unroute("**/dashboard")
    page.reload()
    expect(page.locator(".xray-part")).to_have_count(3)
    expect(line).to_be_hidden()


def test_words_on_a_button_are_said_without_what_else_is_drawn_on_it(open_page: OpenPage) -> None:
    page, window = open_page(), open_page()
    page.goto(LIVE)
    window.goto("/xray?kind=action")
    for button, sentence in [
        (page.get_by_role("button", name="Like").first, "Somebody pressed “Like” → likes.toggle_like"),
        (page.get_by_role("button", name="Cleo reader"), "pressed “Cleo” → demo.switch_persona"),
    ]:
        button.click()
        expect(window.locator("#timeline li").first).to_contain_text(sentence)


def test_timeline_follows_the_other_window_and_leaves_what_is_read_alone(open_page: OpenPage) -> None:
    page, window = open_page(person="ada"), open_page()
    page.goto(DESK)
    window.goto("/xray")
    row = window.locator("#timeline a", has_text=f"Ada read {DESK}").first
    row.focus()

    publish(page)

    sentence = "Ada pressed “Publish” → posts.publish_post → 2 tags replaced"
    expect(window.locator("#timeline li").first).to_contain_text(sentence)
    expect(row).to_be_focused()
    window.keyboard.press("k")
    expect(window.locator("#timeline a", has_text="publish_post").first).to_be_focused()
    assert look(window, "xray-timeline") == []
    window.keyboard.press("p")
    page.goto("/blog?tag=security")
    window.wait_for_timeout(1500)
    expect(window.locator("#timeline")).not_to_contain_text("tag=security")
    window.keyboard.press("p")
    expect(window.locator("#timeline")).to_contain_text("tag=security")


def test_without_script_it_is_pages_and_the_copied_line_runs_in_a_terminal(open_page: OpenPage) -> None:
    page = open_page("plain", "ada")
    page.goto(DESK)
    publish(page)
    page.goto("/xray?kind=action")
    page.locator("#timeline a", has_text="publish_post").first.click()
    expect(page.locator(".intro")).to_contain_text(FRESH)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ada pressed “Publish” → posts.publish_post")
    line = page.locator("#as-curl").input_value()

    answer = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=20)
    press(page, "as nobody")

    assert answer.stdout.startswith("HTTP/1.1 401"), answer
    assert 'WWW-Authenticate: Form realm="sign-in"' in answer.stdout
    expect(page.locator(".intro")).to_contain_text(
        "called like a function does not stop it from being a server boundary"
    )
    press(page, "with role=owner added")
    title = "pressed “Publish” → posts.publish_post: refused. role: "
    expect(page.get_by_role("heading", level=1)).to_contain_text(title)
    with_script = open_page()
    with_script.goto(page.url)
    assert look(with_script, "xray-trace") == []

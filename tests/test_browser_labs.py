"""The labs in a browser: the tour, each lab's buttons, what only script shows, and how the pages look."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browsing_steps import DRAFT, OpenPage, press, said
from playwright.sync_api import Locator, Page, expect
from serving import serving
from test_browser_look import look

if TYPE_CHECKING:
    from browsing import House

pytest.importorskip("labs", reason="the folder labs/ is taken out")
pytest_plugins = ["browsing"]

PAGES = ["/", "/learn", "/decide?who=ours&need=page", "/decide/cards?like=handler"]
EDITHS = "Empty your pockets at the border"  # a draft
PAGES += ["/lab/stale?steps=wc", "/lab/attack", "/lab/outside", "/lab/stripe", "/lab/patterns"]


@pytest.fixture(scope="module")
def served(filled_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The server with the labs open. One worker: it makes one site to be attacked."""
    from browsing import House

    directory = tmp_path_factory.mktemp("labs") / "data"
    shutil.copytree(filled_directory, directory)
    with serving(directory, workers=1, LABS="1", XRAY="1") as server:
        yield House(server, filled_directory / "hallway.db", directory / "hallway.db")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name)


@pytest.mark.parametrize("kind", ["htmx", "plain"])
def test_tour_is_walked_by_pressing_what_it_points_at(open_page: OpenPage, house: House, kind: str) -> None:
    page, presses = open_page(kind), []

    def push(target: Locator) -> None:
        presses.append(target.inner_text() or target.get_attribute("aria-label"))
        target.click()

    if kind == "htmx":
        page.set_viewport_size({"width": 390, "height": 800})  # where tour and X-ray share the least room
    page.goto("/")
    push(button(page, "Take the tour"))
    expect(page.locator(".tour")).to_contain_text("Press “Publish” beside a draft.")
    draft = page.get_by_role("switch", name=f"Published: {EDITHS}")
    assert is_pointed_at(draft)
    push(draft)
    expect(page.locator(".tour.done")).to_contain_text("One request, one function of 6 lines.")
    if kind == "htmx":
        expect(page.locator(".xray-said")).to_contain_text("Replay as Bob")
    assert EDITHS in page.request.get("/").text()

    push(page.locator(".tour").get_by_role("button", name="Show the other way"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Two ways to publish")
    if kind == "htmx":
        there = page.locator("#client-posts .switch").first
        expect(page.locator("#client-drafts")).to_have_text(re.compile(r"\d"))
        assert is_pointed_at(there)
        push(there)
        expect(page.locator(".theirs .badge")).to_have_attribute(
            "data-note", re.compile(r"server says \d, page says \d")
        )
        expect(page.locator("#comparison")).to_contain_text("Stale: server says")

    push(button(page, "Next"))
    again = button(page, "as Bob")
    assert is_pointed_at(again)
    push(again)
    expect(page.locator(".tour.done")).to_contain_text("404, and there is the line that said no")
    expect(page.locator(".refuses")).to_contain_text("raise NotFound")

    push(button(page, "Next"))
    expect(page.locator(".tour")).to_contain_text("run it in a terminal")
    line = shlex.split(page.locator("#as-curl").input_value())
    assert f"{house.server.url}/_actions/posts.publish_post" in line
    if shutil.which(line[0]):
        assert "HTTP/1.1 401" in subprocess.run(line, capture_output=True, text=True, timeout=10).stdout
    if kind == "htmx":
        copy = button(page, "Copy as curl")
        assert is_pointed_at(copy)
        push(copy)
    push(button(page, "Finish"))
    expect(page.get_by_role("heading", level=1)).to_have_text("What there is to see")
    expect(page.locator(".tour")).to_have_count(0)
    print(f"the tour, {kind}: {len(presses)} presses: {', '.join(presses)}")  # noqa: T201
    assert len(presses) <= 10  # nine seconds for each, to read and to press, are ninety


def is_pointed_at(target: Locator) -> bool:
    return target.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"


def test_keyboard_alone_walks_the_first_step(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/")
    button(page, "Take the tour").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".tour")).to_be_visible()
    page.get_by_role("switch", name=f"Published: {DRAFT}").focus()
    page.keyboard.press("Enter")

    expect(page.locator(".tour.done")).to_be_visible()
    expect(page.get_by_role("switch", name=f"Published: {DRAFT}")).to_be_focused()


def test_two_ways_are_measured_and_only_what_was_forgotten_is_stale(open_page: OpenPage) -> None:
    page = open_page(tolerate=("status of 403",))
    page.goto("/lab/two-ways?badge=1")
    button(page, "Be Ada, and try it").click()
    expect(page.locator("#client-posts li")).to_have_count(4)
    for side, requests in (("ours", "1"), ("theirs", "4")):
        page.locator(f".{side} .switch").first.click()
        expect(page.locator(f"[data-side={side}] [data-figure=requests]")).to_have_text(requests)
        expect(page.locator(f"[data-side={side}] [data-figure=time]")).to_have_text(re.compile(r"\d+ ms"))
        expect(page.locator(".glows")).to_have_count(0)
        expect(page.locator(f"[data-strip={side}] a[href*='/xray/']")).to_have_count(int(requests))
    page.get_by_role("switch", name="and forgets something").click()
    expect(page).to_have_url(re.compile("forgets=1"))
    expect(page.locator("#client-drafts")).to_have_text(re.compile(r"\d"))
    page.locator(".theirs .switch").first.click()
    expect(page.locator(".theirs .badge.glows")).to_have_count(1)
    expect(page.locator(".ours .glows")).to_have_count(0)
    page.locator(".ours .switch").first.click()

    expect(page.locator(".glows")).to_have_count(0)  # the page that was asked knows all of it


NOTE_WHAT_IS_DRAWN = """
window.drawn = [];
const of = ({target}) => target.closest("[data-strategy]")?.dataset.strategy;
new MutationObserver((changes) => drawn.push(...changes.map(of)))
  .observe(document.getElementById("columns"), {childList: true, subtree: true})
"""


def test_counts_are_drawn_while_the_server_counts(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/lab/stale?steps=w")
    page.evaluate(NOTE_WHAT_IS_DRAWN)
    button(page, "Count stale reads").click()
    expect(page.locator("#live")).to_have_text("Counted, on this machine, just now.", timeout=20_000)
    drawn = page.evaluate("drawn")

    assert list(dict.fromkeys(drawn)) == ["transaction", "commit", "process", "forgotten"]
    assert min(drawn.count(name) for name in drawn) >= 4  # two numbers, and more than once
    expect(page.locator("[data-strategy=transaction] [data-count=stale]")).to_have_text("0")
    expect(page.locator("[data-strategy=forgotten] [data-count=stale]")).not_to_have_text("0")


@pytest.mark.parametrize("kind", ["htmx", "plain"])
def test_buttons_of_the_labs_work_with_and_without_script(open_page: OpenPage, kind: str) -> None:
    page = open_page(kind)
    page.goto("/lab/outside")
    button(page, "Call the action").click()
    expect(page.locator(".exchange .refused")).to_contain_text("403 FORBIDDEN")
    button(page, "Write to the API, with a key").click()
    expect(page.locator(".exchange .granted")).to_contain_text("201 CREATED")
    page.goto("/lab/stripe")
    for name, text in [("Flip one bit after signing", "401"), ("Sign and deliver", "200 OK")]:
        button(page, name).click()
        expect(page.locator("#answered-title")).to_have_text(name)
        expect(page.locator(".exchange strong")).to_contain_text(text)
        expect(page.locator(".answered")).to_contain_text("your browser" if kind == "htmx" else "the site itself")
    page.goto("/lab/stale")
    page.get_by_role("link", name="Write, and crash before invalidating").click()
    expect(page.locator(".strategy.commit .glows")).to_have_count(6)
    page.goto("/decide")
    page.get_by_label("A page of our own").check()
    page.get_by_label("The page, showing what has changed").check()
    press(page, "Decide")
    expect(page.locator("#answer-title")).to_have_text("Take the hallway: a server action")
    page.goto("/lab/attack?action=comments.delete_comment")
    button(page, "Nobody signed in").click()
    said(page, "Nobody signed in: 401.")


def test_browser_delivers_the_webhook_itself(open_page: OpenPage) -> None:
    page, sent = open_page(), []
    page.set_viewport_size({"width": 390, "height": 800})
    page.on("request", lambda request: sent.append(request) if "/api/webhooks/stripe" in request.url else None)
    page.goto("/lab/stripe")
    event = page.get_by_label("The event").input_value()
    button(page, "Deliver it twice").click()
    expect(page.locator("#answered-title")).to_have_text("Deliver it twice")
    expect(page.locator("#answered-title")).to_be_in_viewport()
    expect(page.locator(".exchange strong")).to_have_text(["HTTP/1.1 200 OK"] * 2)
    strip = page.locator(".xray-said")
    expect(strip).to_contain_text("what a handler is made for, and an action is not. It answered 200. Fresh by it: ")
    bodies = [request.post_data for request in sent]
    assert bodies == [event, event]
    assert [bool(request.headers["stripe-signature"]) for request in sent] == [True, True]
    page.get_by_role("link", name="What the X-ray saw of it").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("webhook Stripe knocked")
    page.goto("/lab/stripe")
    page.get_by_label("The event").fill(" ")
    button(page, "Sign and deliver").click()
    expect(page.get_by_label("The event")).to_have_attribute("aria-invalid", "true")
    assert len(sent) == 2


@pytest.mark.parametrize("person", ["", "ada"])
def test_every_page_of_the_labs_looks_right(open_page: OpenPage, person: str) -> None:
    page, found = open_page(person=person), []
    for path in PAGES if not person else ["/lab/two-ways?badge=1&forgets=1", "/dashboard/developers"]:
        page.goto(path)
        found += look(page, f"labs {person} {path}")
    if person:
        page.goto("/")
        button(page, "Take the tour").click()
        found += look(page, "labs tour")
        page.goto("/lab/attack")
        button(page, "Attack them all").click()
        expect(page.locator(".attacks")).to_be_visible(timeout=30_000)
        found += look(page, "labs attacked")

    assert found == []

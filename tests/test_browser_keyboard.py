"""Every action by keyboard alone, with script and without; every target large enough for a finger."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

import pytest
from browsing_steps import DRAFT, LIVE, OpenPage, said
from playwright.sync_api import Locator, Page, expect
from scenarios import SESSION
from test_browser_pages import HOUSE, READERS
from test_hostile_forms import ALL

if TYPE_CHECKING:
    from browsing import House

pytest_plugins = ["browsing"]

DESK, DEVELOPERS, INBOX = "/dashboard/posts?q=doorbells", "/dashboard/developers", "/dashboard/inbox"
LETTER = {"name": "Ina", "email": "ina@letters.example", "message": "May we print it?"}
ADA = {"email": "ada@hallway.example", "password": "open-the-door"}


class Step(NamedTuple):
    """Who does something, where, with which action, and what they type."""

    person: str
    page: str
    action: str
    typed: dict[str, str] = {}
    panel: str = ""


# In an order in which each finds what it needs.
STEPS = [
    Step("", "/contact", "messages.send_message", LETTER),
    Step("", LIVE, "likes.toggle_like"),
    Step("", "/sign-in", "accounts.sign_in", ADA),
    Step("cleo", LIVE, "comments.add_comment", {"body": "Read twice."}),
    Step("cleo", LIVE, "comments.delete_comment"),
    Step("cleo", "/support", "memberships.start_checkout"),
    Step("cleo", f"/support/checkout/{SESSION}", "demo.pay", {"email": "cleo@hallway.example"}),
    Step("cleo", "/support", "memberships.open_portal"),
    Step("cleo", "/support/portal", "demo.cancel"),
    Step("bob", DESK, "posts.create_post", {"title": "Keys under doormats"}),
    Step("bob", DESK, "posts.schedule_post", {"publish_at": "02292096→1200P"}, panel="later"),
    Step("bob", DESK, "posts.publish_post"),
    Step("bob", DESK, "posts.unpublish_post"),
    Step("bob", "/dashboard/posts/{draft}/edit", "posts.preview_post", {"body": "Press **it**."}),
    Step("bob", "/dashboard/posts/{draft}/edit", "posts.update_post", {"tags": "bells"}),
    Step("bob", DESK, "posts.delete_post"),
    Step("bob", "", "posts.restore_post"),
    Step("ada", INBOX, "messages.mark_read"),
    Step("ada", INBOX, "messages.mark_unread"),
    Step("ada", "/dashboard/settings", "settings.toggle_setting"),
    Step("ada", DEVELOPERS, "api_keys.create_key", {"name": "A partner"}),
    Step("ada", DEVELOPERS, "api_keys.revoke_key"),
    Step("ada", DEVELOPERS, "deliveries.replay_delivery"),
    Step("ada", "/", "accounts.sign_out"),
    Step("", "/", "demo.switch_persona"),
    Step("", "/", "demo.reset"),
]


def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the target has the focus, as one does who has no mouse."""
    wanted = target.element_handle()
    for _ in range(150):
        if wanted.evaluate("element => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {target}")


def skip_to_content(page: Page) -> None:
    """Take the link that the page begins with."""
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")


def do(page: Page, step: Step) -> None:
    """Reach the action's form, fill it in, and send it, all by keys."""
    button = page.locator(
        f'form[action^="/_actions/{step.action}"] button, button[formaction^="/_actions/{step.action}"]'
    )
    form = page.locator("form", has=page.locator(f'[formaction*="/{step.action}"]'))
    form = form if step.action == "posts.preview_post" else page.locator(f'form[action^="/_actions/{step.action}"]')
    if step.page and page.locator("main").locator(button).count():
        skip_to_content(page)
    if step.panel:
        tab_to(page, page.locator(f"details.{step.panel} summary").first)
        page.keyboard.press("Enter")
    for name, text in step.typed.items():
        tab_to(page, form.locator(f"[name={name}]").first)
        page.keyboard.press("Control+A")
        for part in re.split("(→)", text):  # from the year of a date to its hour
            page.keyboard.press("ArrowRight") if part == "→" else page.keyboard.type(part)
    tab_to(
        page,
        button.and_(page.locator(":not([formaction], [type=button])")).first
        if step.action != "posts.preview_post"
        else button,
    )
    with page.expect_response(f"**/_actions/{step.action}*") as answer:
        page.keyboard.press("Enter")
    assert answer.value.status in (200, 303), step


LONGER = pytest.mark.skipif("PROVE" not in os.environ, reason="for time: PROVE=1 runs it, as bin/prove does")


@pytest.mark.parametrize("kind", ["htmx", pytest.param("plain", marks=LONGER)])
def test_every_action_by_keyboard_alone(open_page: OpenPage, house: House, kind: str) -> None:
    [(draft,)] = house.query("SELECT id FROM post WHERE title = ?", DRAFT)
    pages: dict[str, Page] = {}
    for step in STEPS:
        if step.person not in pages:
            pages[step.person] = open_page(kind, step.person)
        page = pages[step.person]
        if step.page:
            page.goto(step.page.format(draft=draft))
        do(page, step)
        expect(page.locator("[aria-busy]")).to_have_count(0)
        expect(page.locator("#notice.failed")).to_have_count(0)
        if not step.action.startswith("memberships."):  # they only lead on
            expect(page.locator("#notice")).to_have_text(re.compile("."))


def test_every_action_is_among_them() -> None:
    # A file is chosen in a window of the browser's own (tests/test_browser_pictures.py).
    assert sorted([*(step.action for step in STEPS), "pictures.add_picture"]) == ALL


@pytest.mark.parametrize(("person", "pages"), [("", READERS), ("ada", HOUSE)])
def test_the_keyboard_reaches_everything_that_can_be_pressed(
    open_page: OpenPage, person: str, pages: list[str]
) -> None:
    page = open_page(person=person)
    for path in pages:
        page.goto(path)
        can = page.evaluate(
            """() => [...document.querySelectorAll("a[href], button, input, textarea, select, summary")]
               .filter(e => e.type !== "radio" || e.checked)  // the others are reached from it, by arrows
               .filter(e => e.checkVisibility() && e.type !== "hidden" && !e.matches(".trap *"))
               .map((e, n) => (e.dataset.seen = n))"""
        )
        page.evaluate(
            """() => { window.reached = new Set();
               document.addEventListener("focusin", e => reached.add(Number(e.target.dataset.seen))) }"""
        )
        for _ in range(len(can) + 12):  # a date has a stop for each of its parts
            page.keyboard.press("Tab")

        assert set(can) - set(page.evaluate("[...reached]")) == set(), path


def test_focus_is_seen(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    page.goto(DESK)
    for _ in range(25):
        page.keyboard.press("Tab")
        style = "e => { const s = getComputedStyle(e); return [s.outlineStyle, parseFloat(s.outlineWidth)] }"
        outline, width = page.evaluate_handle("document.activeElement").evaluate(style)

        assert outline != "none"
        assert width >= 2


def test_pages_have_their_landmarks(open_page: OpenPage) -> None:
    page = open_page(person="ada")
    for path in (LIVE, "/dashboard/posts"):
        page.goto(path)
        for landmark in ("banner", "main", "contentinfo"):
            expect(page.get_by_role(landmark)).to_have_count(1)
        names = page.locator("nav").evaluate_all("found => found.map(e => e.ariaLabel)")

        assert len(set(names)) == len(names)
        assert all(names)


# WCAG 2.2, 2.5.8: 24 by 24 pixels; or in a sentence; or a circle of 24 around the middle that meets no other target.
TOO_SMALL = """() => {
  const shown = [...document.querySelectorAll("a[href], button, input, textarea, select, summary")]
    .filter(e => e.checkVisibility({visibilityProperty: true}) && e.type !== "hidden" && !e.closest(".trap")
      && e.getBoundingClientRect().right > 0);
  const box = e => e.getBoundingClientRect();
  const small = e => box(e).width < 24 || box(e).height < 24;
  const middle = e => [(box(e).left + box(e).right) / 2, (box(e).top + box(e).bottom) / 2];
  const meets = (e, other) => {
    const [x, y] = middle(e), b = box(other), [ox, oy] = middle(other);
    const dx = Math.max(b.left - x, 0, x - b.right), dy = Math.max(b.top - y, 0, y - b.bottom);
    return Math.hypot(dx, dy) < 12 || (small(other) && Math.hypot(x - ox, y - oy) < 24);
  };
  const inSentence = e => getComputedStyle(e).display === "inline"
    && [...e.parentElement.childNodes].some(n => n.nodeType === 3 && /\\w/.test(n.data));
  const told = e => `${e.tagName} ${e.textContent.trim().slice(0, 30)} ${box(e).width}x${box(e).height}`;
  return shown.filter(e => small(e) && !inSentence(e) && shown.some(o => o !== e && !o.contains(e) && meets(e, o)))
    .map(told);
}"""


@pytest.mark.parametrize(("person", "pages"), [("", READERS), ("ada", [*READERS, *HOUSE])])
def test_every_target_is_large_enough_for_a_finger(open_page: OpenPage, person: str, pages: list[str]) -> None:
    page = open_page(person=person)
    page.set_viewport_size({"width": 360, "height": 740})
    for path in pages:
        page.goto(path)

        assert page.evaluate(TOO_SMALL) == [], path


def test_a_target_that_is_too_small_is_found(open_page: OpenPage) -> None:
    page = open_page()
    page.goto("/contact")
    page.evaluate(
        """() => { const two = [0, 1].map(() => Object.assign(document.createElement("button"), {textContent: "·"}));
           for (const e of two) e.style.cssText = "width: 12px; height: 12px; padding: 0; min-height: 0";
           document.querySelector("main").append(...two) }"""
    )

    assert len(page.evaluate(TOO_SMALL)) == 2


@pytest.mark.parametrize("kind", ["htmx", "plain"])
def test_the_summary_of_errors_has_the_focus(open_page: OpenPage, kind: str) -> None:
    page = open_page(kind, "bob")
    page.goto("/dashboard/posts")
    page.get_by_label("New post").fill("  ")
    page.get_by_label("New post").press("Enter")

    expect(page.locator(".summary")).to_be_focused()
    said(page, "That could not be saved yet.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_label("New post")).to_be_focused()

"""The look, on every page: in three widths, light and dark, for everybody who may see it.

No rule of WCAG 2.2 AA that a program can check is broken, nothing has to be scrolled sideways, and the browser has
nothing to complain about (`open_page` sees to that). Pictures for people lie in tests/screenshots afterwards.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing_steps import LIVE, OpenPage
from playwright.sync_api import Page, expect

pytest_plugins = ["browsing"]

WIDTHS, THEMES = (360, 768, 1440), ("light", "dark")
EVERYBODY = ["/", "/blog", "/blog?tag=security", LIVE, "/contact", "/support"]
VISITORS = [
    *EVERYBODY,
    "/sign-in",
    "/nowhere",
    "/api/docs",
    "/support?thanks=1",
    "/support/checkout/cs_demo_0123456789abcdef01234567",
]
DESK = ["/dashboard", "/dashboard/posts", "/dashboard/developers"]
EDITORS = ["/dashboard/posts?status=scheduled", "/dashboard/inbox", "/dashboard/members", "/dashboard/settings"]
LOOKS = {
    "nobody": VISITORS,
    "ada": ["/", LIVE, *DESK, *EDITORS, "/dashboard/posts/5/edit"],
    "bob": [*DESK, LIVE, "/dashboard/settings"],
    "cleo": ["/", LIVE, "/dashboard"],
}
EVERY_LOOK = {(width, theme) for width in WIDTHS for theme in THEMES}
# Each theme once, and each extreme: `LOOKS=all` (bin/prove) has all of them checked and pictured.
CHECKED = EVERY_LOOK if os.environ.get("LOOKS") == "all" else {(360, "dark"), (1440, "light")}
PICTURES = Path(__file__).parent / "screenshots"
README = Path(__file__).parent.parent / "README.md"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RULES = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": TAGS}}
OURS = {"exclude": ["#operations"]}  # Swagger UI draws there; its colours and names are its authors'


def look(page: Page, name: str) -> list[str]:
    """Return what is wrong with the page as it stands, in every width and theme."""
    found = []
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            where = f"{name} {width} {theme}"
            if wide := page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"):
                found.append(f"{where}: {wide} pixels too wide")
            if (width, theme) in CHECKED:
                picture = PICTURES / f"{re.sub('[^a-z0-9]+', '-', where)}.jpg"
                page.screenshot(path=picture, full_page=True, quality=75)
                for rule in checked(page):
                    found += [f"{where}: {rule['id']} {node['html'][:160]}" for node in rule["nodes"]]
    return found


def checked(page: Page) -> list[dict[str, Any]]:
    """Return the rules that are broken. Axe is half a megabyte: it is brought along once for each page."""
    if not page.evaluate("'axe' in window"):
        return Axe().run(page, context=OURS, options=RULES).response["violations"]
    answer: dict[str, Any] = page.evaluate("([context, options]) => axe.run(context, options)", [OURS, RULES])
    return answer["violations"]


@pytest.mark.parametrize("person", LOOKS)
def test_every_page_looks_right_to(open_page: OpenPage, person: str) -> None:
    page = open_page(person="" if person == "nobody" else person)
    found = []
    for path in LOOKS[person]:
        page.goto(path)
        found += look(page, f"{person} {path}")

    assert found == []


def conflict(page: Page) -> None:
    page.goto("/dashboard/posts/5/edit")
    page.get_by_label("Title").fill("Saved twice")  # saved as it was, it would keep its version
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#notice")).to_contain_text("is saved")
    page.locator("input[name=version]").evaluate("field => { field.value = 1 }")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".conflict")).to_be_focused()


def cut_key(page: Page) -> None:
    page.goto("/dashboard/developers")
    page.get_by_label("Whom is it for?").fill("A reader in Leeds")
    page.get_by_role("button", name="Cut a key").click()
    expect(page.get_by_role("heading", name="Your new key")).to_be_visible()


def opened_delivery(page: Page) -> None:
    page.goto("/dashboard/developers")
    page.locator(".row", has_text="dead").get_by_role("link", name="Payload").click()


def opened_schedule(page: Page) -> None:
    page.goto("/dashboard/posts")
    page.locator(".later summary").first.click()


def refused_letter(page: Page) -> None:
    page.goto("/contact")
    page.locator("form.stack").evaluate("form => { form.noValidate = true }")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".summary")).to_be_focused()


def charts_as_tables(page: Page) -> None:
    page.goto("/dashboard")
    for summary in page.locator(".figures summary").all():
        summary.click()


@pytest.mark.parametrize(
    "state", [conflict, cut_key, opened_delivery, opened_schedule, refused_letter, charts_as_tables]
)
def test_every_state_looks_right(open_page: OpenPage, state: Callable[[Page], None]) -> None:
    page = open_page(person="ada")
    state(page)

    assert look(page, f"state {state.__name__}") == []


def test_choice_of_colours_is_kept_and_shown_from_the_first_paint(open_page: OpenPage) -> None:
    page = open_page()
    page.emulate_media(color_scheme="light")
    page.goto("/blog")
    light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.get_by_role("radio", name="Dark").check(force=True)
    page.goto("/contact")

    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != light
    expect(page.get_by_role("radio", name="Dark")).to_be_checked()
    page.get_by_role("radio", name="System").check(force=True)
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == light


def test_choice_of_colours_survives_an_answer(open_page: OpenPage) -> None:
    page = open_page(person="ada")
    page.goto(LIVE)
    page.get_by_role("radio", name="Dark").check(force=True)
    page.get_by_role("button", name="Like").click()

    expect(page.get_by_role("button", name="Like")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[aria-busy]")).to_have_count(0)
    expect(page.get_by_role("radio", name="Dark")).to_be_checked()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_without_script_no_switch_is_shown(open_page: OpenPage) -> None:
    page = open_page("plain")
    page.goto("/")

    expect(page.get_by_role("radio")).to_have_count(0)


def test_late_font_moves_nothing(open_page: OpenPage) -> None:
    page = open_page()
    page.route("**/*.woff2", lambda route: (page.wait_for_timeout(600), route.continue_()))
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(list => list.getEntries().forEach(entry => shift += entry.value))"
        ".observe({type: 'layout-shift', buffered: true})"
    )
    for path, width in [("/", 1440), ("/", 360), ("/blog", 1440), ("/blog", 360), (LIVE, 1440)]:
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(path)
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(200)

        assert page.evaluate("shift") == 0, (path, width)


def test_nothing_is_too_wide_for_the_widest_and_the_narrowest(open_page: OpenPage) -> None:
    page, found = open_page(person="ada"), []
    for path in [*EVERYBODY, *LOOKS["ada"]]:
        page.goto(path)
        for width in (320, 1920):  # 320 is what WCAG 1.4.10 asks for
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                found.append(f"{path} {width}")

    assert found == []


def test_readme_carries_a_picture_of_the_front_page(open_page: OpenPage) -> None:
    page = open_page()
    page.set_viewport_size({"width": 1200, "height": 760})
    page.emulate_media(color_scheme="light")
    page.goto("/")
    page.evaluate("document.fonts.ready")

    page.screenshot(path=PICTURES / "front-page.png")  # copied to docs/ when the look has changed

    kept = README.parent / "docs/front-page.png"
    assert "(docs/front-page.png)" in README.read_text()
    assert kept.read_bytes()[:24] == (PICTURES / "front-page.png").read_bytes()[:24]  # a PNG of the same size
    assert kept.stat().st_size < 200_000

"""Steps that the browser tests have in common."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

if TYPE_CHECKING:
    from browsing import House

OpenPage = Callable[..., Page]
Steps = Callable[[Page], None]
DRAFT = "Names on doorbells"  # Bob's
LIVE = "/blog/commit-is-the-only-moment"


class Flows(list[Any]):
    """The flows of one file, as parameters of its test: who does it, and what they do."""

    def by(self, person: str = "") -> Callable[[Steps], Steps]:
        """Add the decorated steps, done by someone of the demo or (empty) by a visitor."""

        def add(steps: Steps) -> Steps:
            self.append(pytest.param(person, steps, id=steps.__name__))
            return steps

        return add


def both_ends(house: House, open_page: OpenPage, person: str, steps: Steps) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return where the steps end with htmx, and where as plain forms, from the same beginning."""
    ends = {}
    for kind in ("htmx", "plain"):
        house.restore()
        page = open_page(kind, person)
        steps(page)
        ends[kind] = house.outcome(page)
    return ends["htmx"], ends["plain"]


def press(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def said(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.locator("#notice")).to_have_text(text)


def refused(page: Page, field: Locator, sentence: str) -> None:
    """Expect the field to carry its error, for eyes and for ears, and the summary to have the focus."""
    expect(page.locator(".summary")).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile(re.escape(sentence)))


def hold_back(page: Page, action: str) -> list[Route]:
    """Keep the next request to an action in hand, for the test to let go."""
    held: list[Route] = []
    page.route(f"**/_actions/{action}*", lambda route: held.append(route), times=1)
    return held


def caught(page: Page, held: list[Route]) -> Route:
    """Return the request in hand, as soon as it is."""
    for _ in range(500):
        if held:
            break
        page.wait_for_timeout(10)  # Playwright delivers it while the test waits
    return held[0]

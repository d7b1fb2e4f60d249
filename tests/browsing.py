"""A real browser before the real server: once with htmx, once with JavaScript switched off.

A test module takes these fixtures by `pytest_plugins = ["browsing"]`; one server and one browser serve the whole run.
"""

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from serving import Server, serving

KINDS = ("htmx", "plain")
PATIENCE = 20_000  # milliseconds; two cores may be busy with other tests
REFUSED = "Failed to load resource: the server responded with a status of 4"  # the browser's own line about a refusal
FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
]
FORGETFUL = "--disable-back-forward-cache"
# Drawn by lot or read from a clock: such a value only tells what is new from what was there at the start.
VOLATILE = ("digest", "fields", "version", "visitor", "blocked_until", "counted_since", "password_hash", "read_at")
VOLATILE += ("data", "deleted_at", "created_at", "updated_at", "published_at", "used_at", "expires_at", "revoked_at")

Rows = dict[str, list[tuple[Any, ...]]]


@dataclass
class House:
    """The running publication, seen from outside: its address, and its database as a file."""

    server: Server
    start: Path
    database: Path

    def restore(self) -> None:
        """Put every row, its id and every version back as they were at the start, under the running server."""
        with closing(_read(self.start)) as start, closing(sqlite3.connect(self.database, timeout=10)) as live:
            start.backup(live)

    def rows(self) -> Rows:
        """Return every row of every table, comparable between two runs."""
        before = {value for table in _tables(self.start).values() for row in table for value in row.values()}
        return {name: _comparable(table, before) for name, table in _tables(self.database).items()}

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return what a SELECT finds."""
        with closing(_read(self.database)) as database:
            return database.execute(sql, values).fetchall()

    def outcome(self, page: Page) -> dict[str, Any]:
        """Return all that a flow leaves behind: what is stored, and what the person has before them."""
        expect(page.locator("[aria-busy]")).to_have_count(0)
        body = page.locator("body")
        return {
            "rows": self.rows(),
            # Without the footer, which shows its switch of colours to those who have script.
            "text": [_in_utc(part.aria_snapshot()) for part in body.locator("> :not(footer)").all()],
            "address": page.url.removeprefix(self.server.url),
            "title": page.title(),
            "room": page.locator("body, main").evaluate_all("found => found.map(element => element.className)"),
        }


def _in_utc(text: str) -> str:
    """Return text with its times as they are without script, which says them in the reader's own zone."""
    times = re.sub(r"(\d{4}) at (\d\d:\d\d) \(UTC\)", r"\1, \2 UTC", text)
    return times.replace("Your time (UTC)", "Coordinated Universal Time (UTC)")


def _read(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)


def _tables(database: Path) -> dict[str, list[dict[str, Any]]]:
    with closing(_read(database)) as connection:
        connection.row_factory = sqlite3.Row
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall()
        return {name: [dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')] for (name,) in names}


def _comparable(table: list[dict[str, Any]], before: set[Any]) -> list[tuple[Any, ...]]:
    def told(column: str, value: Any) -> Any:
        return "new" if column in VOLATILE and value is not None and value not in before else value

    return sorted((tuple(told(column, value) for column, value in row.items()) for row in table), key=repr)


@pytest.fixture(scope="session")
def served(filled_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The server, on a copy of the filled data directory."""
    directory = tmp_path_factory.mktemp("browsed") / "data"
    shutil.copytree(filled_directory, directory)
    with serving(directory) as server:
        yield House(server, filled_directory / "hallway.db", directory / "hallway.db")


@pytest.fixture
def house(served: House) -> House:
    """The publication as it was at the start."""
    served.restore()
    return served


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all tests; each page has a context of its own."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.fail("No Chromium was found. Install one, or name it in the variable CHROMIUM.")
    # Its sandbox needs a user who is not root.
    flags = [*FLAGS, "--no-sandbox"] if os.geteuid() == 0 else FLAGS
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        # Back takes the page from memory, as it does for people; left alone, Playwright switches that off.
        launch = partial(playwright.chromium.launch, executable_path=found, args=flags)
        browser = launch(ignore_default_args=[FORGETFUL])
        browser.forgetful = launch  # type: ignore[attr-defined]  # the same, and each page is loaded anew
        yield browser
        browser.close()


@pytest.fixture
def open_page(house: House, chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open pages in browsers of their own, `plain` or `htmx`, signed in as a person of the demo or as nobody.

    Whatever the browser complains about fails the test: an error, a refused script, a blocked style. `tolerate` names
    the complaints that a test provokes.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_one(kind: str = "htmx", person: str = "", tolerate: tuple[str, ...] = ()) -> Page:
        script = kind == "htmx"
        context = chromium.new_context(base_url=house.server.url, java_script_enabled=script, timezone_id="UTC")
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        context.on("weberror", lambda error: complaints.append(f"{kind}: {error.error}"))
        context.on("console", lambda line: complaints.extend(_complaint(kind, line, (REFUSED, *tolerate))))
        if person:
            become(context, house, person)
        return context.new_page()

    yield open_one
    for context in contexts:
        context.close()
    assert not complaints


def _complaint(kind: str, line: ConsoleMessage, tolerated: tuple[str, ...]) -> list[str]:
    if line.type not in ("error", "warning", "assert") or any(text in line.text for text in tolerated):
        return []
    return [f"{kind}: {line.text} ({line.location.get('url', '')})"]


def become(context: BrowserContext, house: House, person: str) -> None:
    """Sign in without looking at a page: the welcome is read along the way."""
    form, own = {"persona": person}, {"Origin": house.server.url, "Sec-Fetch-Site": "same-origin"}
    assert context.request.post("/_actions/demo.switch_persona", form=form, headers=own).ok

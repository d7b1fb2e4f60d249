"""In Firefox, which has its own ways with Back, reload, forms and the clipboard: what must hold in every browser.

Chromium shows everything else (`test_browser_*.py`). Debian has Firefox as `firefox-esr`; FIREFOX names another.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from browsing_steps import DRAFT, LIVE
from scenarios import png

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from browsing import House
    from firefox import Firefox, Tab

pytest_plugins = ["browsing"]

PROGRAM = os.environ.get("FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")
FIELD = "document.querySelector('main [name=body]')"
NOTICE = "document.getElementById('notice').textContent"
EDITOR = "/dashboard/posts/5/edit"
# A paste that script makes up carries no file in Firefox; a drop does.
DROP = """(bytes => {
  const data = new DataTransfer(), options = { dataTransfer: data, bubbles: true, cancelable: true };
  data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "door.png", { type: "image/png" }));
  return document.activeElement.dispatchEvent(new DragEvent("drop", options));
})"""

pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="no Firefox: apt-get install firefox-esr, or name it in FIREFOX"
)


@contextmanager
def started(directory: Path, **preferences: Any) -> Iterator[Firefox]:
    """Run a Firefox whose pages must not complain."""
    from firefox import running

    with running(str(PROGRAM), directory / "profile", **preferences) as firefox:
        yield firefox
        assert firefox.complaints == []


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with started(tmp_path_factory.mktemp("firefox")) as firefox:
        yield firefox


def visit(firefox: Firefox, house: House, path: str, person: str = "") -> Tab:
    """Open a page of the house, as a person of the demo or as nobody."""
    from firefox import Tab

    tab = Tab(firefox)
    tab.goto(house.server.url + (path if not person else "/contact"))
    if person:
        tab.press("button", person)
        tab.wait_for(f"{NOTICE}.startsWith('You are')")
        tab.goto(house.server.url + path)
    return tab


def come_back(firefox: Firefox, house: House) -> None:
    """Go back to a list of posts, after somebody else has published one."""
    reader, bob = visit(firefox, house, "/blog"), visit(firefox, house, "/dashboard/posts", "Bob author")
    reader.js("document.getElementById('poll').remove()")  # at once, not by its next question
    reader.goto(house.server.url + "/contact")
    bob.press("switch", f"Published: {DRAFT}")
    bob.wait_for(f"{NOTICE}.endsWith('is live.')")
    reader.show()
    reader.back()
    reader.wait_for(f"document.title.startsWith('Posts') && document.body.innerText.includes('{DRAFT}')")


def test_back_in_firefox_is_fresh_where_the_page_was_kept_in_memory(firefox: Firefox, house: House) -> None:
    come_back(firefox, house)


def test_back_in_firefox_is_fresh_where_the_page_is_loaded_anew(tmp_path: Path, house: House) -> None:
    with started(tmp_path, **{"browser.sessionhistory.max_total_viewers": 0}) as firefox:
        come_back(firefox, house)


def test_ctrl_enter_in_firefox_saves_and_what_is_typed_next_stays_in_order(firefox: Firefox, house: House) -> None:
    from firefox import CONTROL, ENTER

    tab = visit(firefox, house, EDITOR, "Bob author")
    tab.js(f"({FIELD}.focus(), {FIELD}.select())")
    for words in ("One.", " Two.", " Three."):
        tab.type(words)
        tab.type(ENTER, CONTROL)
        tab.wait_for(f"{NOTICE}.includes('is saved') && !document.querySelector('[aria-busy]')")

    assert tab.js(f"{FIELD}.value") == "One. Two. Three."
    assert house.query("SELECT body FROM post WHERE id = 5") == [("One. Two. Three.",)]


def test_nothing_typed_in_firefox_is_lost_by_a_refusal_or_a_reload(firefox: Firefox, house: House) -> None:
    tab = visit(firefox, house, LIVE, "Cleo reader")
    tab.js(f"({FIELD}.focus(), document.execCommand('insertText', false, 'x'.repeat(5000)))")
    tab.press("button", "Say it")
    tab.wait_for("document.activeElement.matches('.summary') && document.activeElement.textContent.includes('4000')")
    assert tab.js(f"{FIELD}.value.length") == 5_000
    tab.reload()
    tab.wait_for(f"{FIELD}.value.length === 5000 || document.querySelector('.draft-hint')")
    if tab.js("Boolean(document.querySelector('.draft-hint'))"):
        tab.press("button", "Restore")

    assert tab.js(f"{FIELD}.value.length") == 5_000


def test_picture_dropped_in_firefox_stands_where_the_caret_is(firefox: Firefox, house: House) -> None:
    tab = visit(firefox, house, EDITOR, "Bob author")
    tab.js(f"({FIELD}.value = 'Before. After.', {FIELD}.focus(), {FIELD}.setSelectionRange(8, 8))")
    assert not tab.js(f"{DROP}('{base64.b64encode(png('teal')[0].getvalue()).decode()}')")
    tab.wait_for("document.querySelector('[data-markdown]').textContent.startsWith('The picture is in the text')")

    assert re.fullmatch(r"Before\. !\[\]\(/pictures/[0-9a-f]{64}\.png\)After\.", tab.js(f"{FIELD}.value"))


def test_an_open_page_in_firefox_follows_what_others_do(firefox: Firefox, house: House) -> None:
    reader, bob = visit(firefox, house, "/blog"), visit(firefox, house, "/dashboard/posts", "Bob author")
    bob.press("switch", f"Published: {DRAFT}")
    reader.show()

    reader.wait_for(f"document.body.innerText.includes('{DRAFT}')")

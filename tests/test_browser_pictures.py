"""Pictures by button, by paste and by drop: what only a browser shows; and the same by plain forms."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from browsing_steps import DRAFT, OpenPage, press, said
from playwright.sync_api import Page, expect
from scenarios import png

if TYPE_CHECKING:
    from browsing import House

pytest_plugins = ["browsing"]

MADE = r"\(/pictures/[0-9a-f]{64}\.png\)"
# What a browser does when a file is pasted or dropped, which no key of Playwright's does.
BRING = """([name, bytes]) => {
  const body = document.querySelector("textarea[name=body]"), data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "door.png", { type: "image/png" }));
  const event = name === "paste" ? new ClipboardEvent(name, { clipboardData: data, bubbles: true, cancelable: true })
                                 : new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true });
  body.dispatchEvent(event);
  return event.defaultPrevented;
}"""


def edit(page: Page) -> None:
    page.goto("/dashboard/posts")
    page.get_by_role("link", name=DRAFT, exact=True).click()
    expect(page.get_by_label("Text")).to_be_visible()


def file(content: bytes) -> dict[str, Any]:
    return {"name": "door.png", "mimeType": "image/png", "buffer": content}


def bring(page: Page, how: str, color: str) -> None:
    assert page.evaluate(BRING, [how, base64.b64encode(png(color)[0].getvalue()).decode()])


def test_pictures_stand_where_the_caret_is_and_nothing_typed_is_lost(open_page: OpenPage, house: House) -> None:
    page = open_page(person="bob")
    edit(page)
    text, told = page.get_by_label("Text"), page.locator("output[data-markdown]")
    text.fill("Before. After.")
    page.get_by_label("File").set_input_files(file(b"no picture at all"))
    press(page, "Add picture")
    expect(told).to_contain_text("We take whole JPEGs")
    expect(text).to_have_value("Before. After.")

    text.evaluate("area => area.setSelectionRange(8, 8)")
    page.get_by_label("File").set_input_files(file(png("teal")[0].getvalue()))
    page.get_by_label("What it shows").fill("A door")
    press(page, "Add picture")
    expect(text).to_have_value(re.compile(rf"^Before\. !\[A door\]{MADE}After\.$"))
    expect(told).to_contain_text("The picture is in the text.")
    expect(page.get_by_label("What it shows")).to_have_value("")
    text.press("Control+z")
    expect(text).to_have_value("Before. After.")
    text.press("Control+Shift+z")

    text.press("Control+Home")
    assert page.evaluate(BRING, ["dragover", ""])
    bring(page, "drop", "navy")
    expect(told).to_have_text("The picture is in the text.")
    expect(text).to_have_value(re.compile(rf"^!\[\]{MADE}Before"))
    page.keyboard.type("Typed at once")
    text.press("Control+End")
    bring(page, "paste", "olive")
    expect(text).to_have_value(re.compile(rf"^!\[Typed at once\]{MADE}.*After\.!\[\]{MADE}$"))
    press(page, "Save")

    said(page, re.compile("is saved"))
    assert house.query("SELECT count(*) FROM post_picture") == [(4,)]
    expect(page.locator("#preview img")).to_have_count(3)
    for image in page.locator("#preview img").all():
        expect(image).to_have_js_property("naturalWidth", 3)
    expect(page.get_by_text("A picture here says nothing")).to_be_visible()


def test_pasted_text_stays_a_paste(open_page: OpenPage) -> None:
    page = open_page(person="bob")
    edit(page)

    assert not page.evaluate(
        """() => {
          const data = new DataTransfer(), options = { clipboardData: data, bubbles: true, cancelable: true };
          data.setData("text/plain", "words");
          return !document.querySelector("[name=body]").dispatchEvent(new ClipboardEvent("paste", options));
        }"""
    )


def test_without_script_the_picture_goes_up_with_all_that_was_typed(open_page: OpenPage, house: House) -> None:
    page = open_page("plain", "bob")
    edit(page)
    page.get_by_label("Text").fill("Unsaved words.")
    page.get_by_label("Tags").fill("bells")
    for content, words in ((b"no picture", "Unsaved words."), (png()[0].getvalue(), None)):
        page.get_by_label("File").set_input_files(file(content))
        page.get_by_label("What it shows").fill("A door")
        press(page, "Add picture")
        if words:
            expect(page.get_by_label("File")).to_have_accessible_description(re.compile("We take whole JPEGs"))
            expect(page.get_by_label("Text")).to_have_value(words)

    expect(page.get_by_label("Text")).to_have_value(re.compile(rf"^Unsaved words\.\n\n!\[A door\]{MADE}\n$"))
    expect(page.get_by_label("Tags")).to_have_value("bells")
    press(page, "Save")
    said(page, re.compile("is saved"))
    assert house.query("SELECT count(*) FROM post_picture") == [(2,)]

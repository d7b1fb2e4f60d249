"""What only the browser knows of a field survives a save; what is said is said again; the focus finds a neighbour."""

from __future__ import annotations

from browsing_steps import LIVE, OpenPage
from playwright.sync_api import Page, expect

pytest_plugins = ["browsing"]
EDITOR = "/dashboard/posts/5/edit"


def save(page: Page) -> None:
    """Save by the keyboard, and wait until the server has answered."""
    with page.expect_response("**/_actions/posts.update_post*"):
        page.keyboard.press("Control+Enter")
    expect(page.locator("form[aria-busy]")).to_have_count(0)


def text(page: Page) -> str:
    return page.get_by_label("Text", exact=True).input_value()


def test_caret_selection_and_undo_survive_a_save(open_page: OpenPage) -> None:
    page = open_page("htmx", "ada")
    page.goto(EDITOR)
    page.get_by_label("Text", exact=True).fill("")
    page.keyboard.type("one two three")
    save(page)
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    page.keyboard.type("X")
    save(page)
    page.keyboard.type("Y")
    assert text(page) == "one twoXY three"

    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    save(page)
    page.keyboard.type("-")
    assert text(page) == "one twoXY-hree"

    for _ in range(3):
        page.keyboard.press("Control+z")
    assert text(page).startswith("one two")
    assert "-" not in text(page)


def test_size_and_scroll_of_a_field_survive_a_save(open_page: OpenPage) -> None:
    page = open_page("htmx", "ada")
    page.goto(EDITOR)
    field = page.get_by_label("Text", exact=True)
    field.fill("\n".join(f"line {number}" for number in range(200)))
    field.evaluate("field => { field.style.height = '400px'; field.scrollTop = 700 }")
    save(page)

    assert field.evaluate("field => [field.style.height, field.scrollTop]") == ["400px", 700]


def test_title_that_the_server_tidies_shows_what_was_saved(open_page: OpenPage) -> None:
    page = open_page("htmx", "ada")
    page.goto(EDITOR)
    page.get_by_label("Title").fill("  Names on doorbells  ")
    save(page)

    expect(page.get_by_label("Title")).to_have_value("Names on doorbells")


def test_message_that_says_the_same_again_is_read_out_again(open_page: OpenPage) -> None:
    page = open_page("htmx", "ada")
    page.goto(EDITOR)
    page.evaluate(
        "window.said = []; new MutationObserver(() => { const text = document.getElementById('notice').textContent;"
        " if (text) said.push(text) }).observe(document.getElementById('notice'),"
        " {childList: true, characterData: true, subtree: true})"
    )
    page.get_by_label("Text", exact=True).focus()
    for _ in range(3):
        save(page)
        expect(page.locator("#notice")).to_contain_text("is saved")

    assert len(page.evaluate("said")) == 3


def test_focus_goes_to_the_neighbour_of_what_has_gone(open_page: OpenPage) -> None:
    page = open_page("htmx", "edith")
    page.goto(LIVE)
    for words in ("First of three.", "Second of three.", "Third of three."):
        page.get_by_label("Your comment").fill(words)
        page.get_by_role("button", name="Say it").click()
        expect(page.locator(".comment", has_text=words)).to_have_count(1)

    page.locator(".comment", has_text="Second of").get_by_role("button", name="Delete").click()
    expect(page.locator(".comment", has_text="Second of")).to_have_count(0)
    expect(page.locator(".comment:has(:focus)")).to_contain_text("Third of three.")

    page.goto("/dashboard/inbox?show=unread")
    while page.locator(".letter").count():
        before = page.locator(".letter").count()
        page.get_by_role("button", name="Mark as read").first.click()
        expect(page.locator(".letter")).to_have_count(before - 1)
        expect(page.locator("body :focus")).to_have_count(1)


def test_nothing_that_is_pasted_is_cut(open_page: OpenPage) -> None:
    page = open_page("htmx", "cleo")
    page.goto(LIVE)
    field = page.get_by_label("Your comment")
    field.focus()
    page.keyboard.insert_text("x" * 5_000)
    page.get_by_role("button", name="Say it").click()

    expect(page.locator(".summary")).to_contain_text("4000")
    assert len(field.input_value()) == 5_000


def test_words_of_any_length_fit_the_narrowest_screen(open_page: OpenPage) -> None:
    page = open_page("htmx", "ada")
    page.set_viewport_size({"width": 320, "height": 800})
    page.goto("/dashboard/posts")
    word = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerk"
    page.get_by_label("New post").fill(word)
    page.get_by_role("button", name="Save draft").click()
    page.get_by_role("link", name=word, exact=True).click()
    page.get_by_label("Text", exact=True).fill(f"See https://x.example/{'a' * 200} for {word}.")
    save_by_button(page)
    page.goto("/dashboard/posts")
    page.locator("li.row", has_text=word).get_by_role("switch").click()
    expect(page.locator("li.row", has_text=word)).to_contain_text("published")

    for path in ("/", "/blog", f"/blog/{word.lower()}", "/dashboard", "/dashboard/posts"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") == 320, path


def save_by_button(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#notice")).to_contain_text("is saved")


def test_words_stand_in_their_own_direction(open_page: OpenPage) -> None:
    page = open_page("htmx", "ada")
    page.goto(EDITOR)
    page.get_by_label("Title").fill("مرحبا بالعالم")
    page.get_by_label("Text", exact=True).fill("نص طويل بالعربية.\n\nAnd one in English.")
    save_by_button(page)

    direction = "element => getComputedStyle(element).direction"
    assert page.get_by_label("Title").evaluate(direction) == "rtl"
    assert page.locator("#preview").evaluate(direction) == "rtl"
    page.goto("/dashboard/posts")
    assert page.get_by_role("link", name="مرحبا بالعالم").evaluate(direction) == "rtl"
    page.goto(LIVE)
    assert page.locator("h1").evaluate(direction) == "ltr"

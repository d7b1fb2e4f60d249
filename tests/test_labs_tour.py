"""The tour: four steps on the real site, with and without script; it may be skipped, and goes on where it was left."""

import re
from functools import partialmethod
from html import unescape

import pytest
from conftest import Browser
from markup import faults
from scenarios import DRAFT

pytest.importorskip("labs", reason="the folder labs/ is taken out")

from labs.tour import STEPS

EDITHS = "empty-your-pockets-at-the-border"  # a draft


class ToTheEnd(Browser):
    """A browser that reads each answer to its end, when the X-ray keeps what it has seen."""

    open = partialmethod(Browser.open, buffered=True)


@pytest.fixture
def app(make_app):
    return make_app(LABS="1")


def strip(page):
    """Return the number of the step that a page shows, and whether its button has been pressed; None without a tour."""
    found = re.search(r'<aside class="tour( done)?" data-step="(\d?)"', page)
    return found and (found[2], bool(found[1]))


def test_front_page_says_in_one_line_what_this_is_and_offers_the_tour(visitor, make_app):
    page = visitor.get("/").text

    assert "A demo that teaches: press a button" in page.partition("</header>")[2].partition("</header>")[0]
    assert "Take the tour: four steps, ninety seconds" in page
    assert strip(page) is None
    assert faults(page) == []
    bare = make_app(LABS="0").test_client().get("/").text
    assert "tour" not in bare
    assert "Learn" not in bare


def test_tour_leads_over_the_real_site(visitor, find_post):
    def go(action, **fields):
        answer = visitor.act(action, **fields)
        assert answer.status_code == 303
        return answer.location

    address = go("tour.start")
    assert address == STEPS[0].page
    page = visitor.get(address).text
    assert strip(page) == ("1", False)
    assert "Sign out Ada" in page

    published = visitor.act("posts.publish_post", page=address, htmx=True, post_id=find_post(DRAFT).id)
    assert strip(published.text) == ("1", True)
    assert "one function of 6 lines" in published.text
    assert '<a href="/">the front page</a>' in published.text
    for number in (2, 3, 4):
        address = go("tour.go", number=number)
        assert address == STEPS[number - 1].page
        page = visitor.get(address).text
        assert strip(page) == (str(number), False)
        assert STEPS[number - 1].press in unescape(page)
        assert faults(page) == []
    assert f'id="{STEPS[3].page.partition("#")[2]}"' in page
    assert go("tour.finish") == "/learn"
    assert strip(visitor.get("/learn").text) is None


def test_tour_goes_on_from_what_was_pressed_where_the_xray_has_seen_it(make_app, find_post):
    pytest.importorskip("xray", reason="the folder xray/ is taken out")
    app = make_app(LABS="1", XRAY="1")
    app.test_client_class = ToTheEnd
    browser = app.test_client()
    browser.act("tour.start")
    assert browser.act("tour.go", number=3).location == STEPS[2].page  # nothing was pressed yet
    published = browser.act("posts.publish_post", page="/dashboard/posts", post_id=find_post(EDITHS).id)
    browser.act("posts.publish_post", post_id=find_post(DRAFT).id)  # Bob may publish his own

    address = browser.act("tour.go", number=3).location

    assert address == f"/xray/{published.headers['X-Trace-Id']}#again"
    page = browser.get(address).text
    assert strip(page) == ("3", False)
    assert 'data-persona="bob"' in page
    again = browser.act("replay.again", page=address, trace=published.headers["X-Trace-Id"], persona="bob")
    page = browser.get(again.location).text
    assert strip(page) == ("3", True)
    assert "Sent again, as Bob: 404." in page
    assert re.search(r'class="line refuses"><i>\d+</i> *raise NotFound', page)
    assert browser.act("tour.go", number=4).location == address.replace("again", "take")
    assert strip(browser.get(address).text) == ("4", False)


def test_tour_that_was_left_goes_on_where_it_was(visitor):
    visitor.act("tour.start")
    visitor.act("tour.go", number=3)
    elsewhere = visitor.get("/blog").text
    assert strip(elsewhere) == ("", False)
    assert "Go on with the tour" in elsewhere

    assert visitor.act("tour.leave").location == "/"
    assert strip(visitor.get("/dashboard/posts").text) is None
    assert "Go on with the tour: step 3 of 4" in visitor.get("/").text
    assert visitor.act("tour.start").location == STEPS[2].page
    assert strip(visitor.get(STEPS[2].page).text) == ("3", False)


def test_page_that_is_everyones_shows_nobodys_tour(app, visitor):
    visitor.act("tour.start")
    visitor.act("tour.go", number=2)
    visitor.act("accounts.sign_out")
    visitor.get("/contact")  # what is said once is read

    assert strip(visitor.get("/blog").text) is None
    assert strip(app.test_client().get("/blog").text) is None
    assert "Take the tour" in app.test_client().get("/").text


@pytest.mark.parametrize("number", [0, 5, -1, "x"])
def test_there_is_no_other_step(visitor, number):
    assert visitor.act("tour.go", number=number).status_code == 422


def test_made_up_cookie_is_no_progress(visitor):
    visitor.act("demo.switch_persona", persona="ada")
    for value in ("3", "9 paused", "x"):
        visitor.set_cookie("tour", value)
        assert strip(visitor.get("/dashboard").text) is None

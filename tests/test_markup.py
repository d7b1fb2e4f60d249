"""Every page is valid HTML, whoever looks at it, and so is every page that answers a form."""

import pytest
from markup import faults
from scenarios import PUBLISHED
from test_browser_pages import HOUSE, READERS

PEOPLE = ("", "ada", "bob", "cleo")
ANSWERS = [
    ("", "messages.send_message", "/contact", {"name": "", "email": "x", "message": ""}),
    ("", "accounts.sign_in", "/sign-in", {"email": "x", "password": ""}),
    ("", "comments.add_comment", f"/blog/{PUBLISHED}", {"post_id": 1, "body": "I see."}),
    ("ada", "posts.create_post", "/dashboard/posts", {"title": ""}),
    ("ada", "posts.create_post", "/dashboard/posts", {"title": "New"}),
    ("ada", "posts.delete_post", "/dashboard/posts", {"post_id": 1}),
    ("ada", "posts.schedule_post", "/dashboard/posts", {"post_id": 5, "publish_at": "2020-01-01T08:00"}),
    ("ada", "posts.update_post", "/dashboard/posts/5/edit", {"post_id": 5, "version": 9, "title": "x", "body": "<b>"}),
    ("ada", "posts.update_post", "/dashboard/posts/5/edit", {"post_id": 5, "version": 9, "title": ""}),
    ("ada", "posts.preview_post", "/dashboard/posts/5/edit", {"post_id": 5, "version": 1, "body": "*x*\n\n- y\n\n`z`"}),
    ("ada", "api_keys.create_key", "/dashboard/developers", {"name": "New", "scope": "posts:read"}),
    ("ada", "posts.delete_post", "/dashboard/posts", {"post_id": 99_999, "body": "kept"}),
]


@pytest.mark.parametrize("person", PEOPLE)
def test_every_page_is_valid(app, visitor, sign_in, person):
    browser = sign_in(person) if person else visitor

    for path in [*READERS, *HOUSE, "/dashboard/posts?open=later_5", "/blog?q=nothingness", "/blog?author=ada"]:
        assert faults(browser.get(path, follow_redirects=True).text) == [], path


@pytest.mark.parametrize(("person", "action", "page", "fields"), ANSWERS)
def test_every_answer_is_valid(visitor, sign_in, person, action, page, fields):
    browser = sign_in(person) if person else visitor

    assert faults(browser.act(action, page=page, htmx=True, **fields).text) == []


PAGE = "<!doctype html><html lang=en><head><meta charset=utf-8><title>x</title></head><body><h1>x</h1>{}</body></html>"
BROKEN = [
    "<p><div>x</div></p>",
    "<a href=/x><button>x</button></a>",
    "<ul><p>x</p></ul>",
    "<li>x</li>",
    '<p id="a"></p><p id="a"></p>',
    '<label for="nobody">x</label>',
    "<p onclick=x></p>",
    "<h1>again</h1>",
    "<h3>x</h3>",
    "<div>",
    "<p>x</i></p>",
    "<form><form></form></form>",
    "<p class=a class=b></p>",
    "<input value=x wrong=y>",
]


def test_a_valid_page_passes():
    assert faults(PAGE.format('<form hx-post="/x"><label for="a">x</label><input id="a"></form>')) == []


@pytest.mark.parametrize("broken", BROKEN)
def test_a_fault_is_found(broken):
    assert faults(PAGE.format(broken)) != []

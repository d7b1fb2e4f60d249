"""The demo's own buttons."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from keys import issue_key, send
from scenarios import PUBLISHED, rows

from models import PostFilter


def test_persona_is_one_click_and_reset_restores_everything(app, visitor, find_post):
    visitor.act("demo.switch_persona", persona="edith")
    visitor.act("posts.delete_post", post_id=find_post(PUBLISHED).id)

    assert visitor.act("demo.reset").headers["Location"] == "/"

    assert find_post(PUBLISHED).status == "published"
    assert "Sign out Edith" in visitor.get("/").text
    with app.app_context():
        assert PostFilter(None).count() == 24


@pytest.mark.parametrize("htmx", [True, False])
def test_becoming_somebody_stays_on_the_page_or_says_why_not_and_names_them(app, htmx):
    def become(browser, persona, page, **more):
        answer = browser.act("demo.switch_persona", page=page, htmx=htmx, persona=persona, **more)
        if htmx:
            return answer.status_code, answer.text, answer.headers.get("HX-Push-Url", page)
        shown = browser.get(answer.headers["Location"])
        return shown.status_code, shown.text, answer.headers["Location"]

    browser = app.test_client()
    edith, bob, cleo, late = (
        become(browser, persona, "/dashboard/inbox")
        if persona != "late"
        else become(browser, "ada", "/sign-in", next="/dashboard/settings")
        for persona in ("edith", "bob", "cleo", "late")
    )

    assert [(status, page) for status, _, page in (edith, bob, cleo)] == [(200, "/dashboard/inbox")] + [
        (403, "/dashboard/inbox")
    ] * 2
    assert "<h1>Inbox</h1>" in edith[1]
    for (_, text, _), name in ((bob, "Bob"), (cleo, "Cleo")):
        assert f"Sign out {name}" in text
        assert f"You are {name} now." in text
        assert "Who may see it? Owner and editors." in text
    assert (late[0], late[2]) == (200, "/dashboard/settings")
    assert become(browser, "ada", "/sign-in", next="https://elsewhere.example/")[2] == "/"
    assert 'name="next"' in app.test_client().get("/sign-in?next=/dashboard").text


def test_production_has_no_demo_actions(make_app):
    app = make_app(
        SECRET_KEY="kX9vQ2mP7rT4wY8zB3nC6fH1jL5sD0gA",
        PUBLIC_URL="http://localhost",
        TRUSTED_HOSTS="localhost",
    )

    assert app.test_client().act("demo.switch_persona", persona="ada").status_code == 404
    assert "Demo" not in app.test_client().get("/").text


def test_sweep_forgets_what_is_over_and_nothing_else(app, ada, visitor):
    letter = {"name": "Ina", "email": "ina@x.example", "message": "Hello"}
    visitor.act("messages.send_message", page="/contact", _key="an old form", **letter)
    key, once = issue_key(app, "ada"), {"Idempotency-Key": "old"}
    send(app, "POST", "/api/v1/posts", key, headers=once, json={"title": "Sent by a program"})
    before, years = app.test_client().get("/blog").text, datetime.now(UTC) + timedelta(days=400)

    def left():
        tables = ("user_session", "form_key", "idempotency_key", "revalidation_tag", "message")
        counted = app.extensions["rate_limiter"].last_used(f"key:{key.split('_')[1]}") is not None
        return [*(rows(app, table) for table in tables), counted]

    app.test_cli_runner().invoke(args=["sweep"], catch_exceptions=False)
    assert left() == [1, 1, 1, 4, 10, True]
    assert ada.get("/dashboard").status_code == 200
    assert app.test_client().get("/blog").text == before

    with time_machine.travel(years):
        app.test_cli_runner().invoke(args=["sweep"], catch_exceptions=False)
    assert left() == [0, 0, 0, 2, 10, False]

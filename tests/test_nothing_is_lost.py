"""What was typed comes back, whatever became of the page it was typed on; and nothing half done stays behind."""

import re

import pytest
from scenarios import DRAFT, PUBLISHED, fingerprint, hidden
from sqlalchemy import text

from flask_revalidation import write
from flask_server_actions import Result, local_page

TYPED = "Half an hour of typing"


@pytest.mark.parametrize("htmx", [False, True])
def test_invalid_form_of_someone_signed_out_keeps_its_words(visitor, find_post, htmx):
    page = f"/dashboard/posts/{find_post(DRAFT).id}/edit"

    answer = visitor.act("posts.update_post", page=page, htmx=htmx, post_id=find_post(DRAFT).id, title="", body=TYPED)

    assert answer.status_code == 401
    assert TYPED in hidden(answer.text, "_resume")


def test_invalid_form_of_a_vanished_post_keeps_its_words(ada):
    fields = {"post_id": 9999, "version": 1, "title": "", "body": TYPED}

    answer = ada.act("posts.update_post", page="/dashboard/posts/9999/edit", **fields)

    assert answer.status_code == 404
    assert f"{TYPED}</textarea>" in answer.text


def test_comment_survives_the_closing_of_comments(ada, cleo, find_post):
    post = find_post(PUBLISHED)
    ada.act("settings.toggle_setting", key="comments_open")

    answer = cleo.act("comments.add_comment", page=post.path, post_id=post.id, body=TYPED)

    assert answer.status_code == 409
    assert f"{TYPED}</textarea>" in answer.text


def test_short_words_are_kept_too(cleo):
    answer = cleo.act("comments.add_comment", post_id=9999, body="+1")

    assert answer.status_code == 404
    assert "+1</textarea>" in answer.text


def test_second_editor_sees_their_tags_and_address(ada, find_post):
    post = find_post(DRAFT)
    words = {"post_id": post.id, "version": post.version, "title": post.title, "body": post.body}
    ada.act("posts.update_post", **words, tags="theirs", slug="their-address")

    late = ada.act("posts.update_post", page=f"/dashboard/posts/{post.id}/edit", **words, tags="mine")

    assert late.status_code == 409
    assert "Tags: theirs. Address: their-address." in late.text
    assert 'value="mine"' in late.text


@pytest.mark.parametrize("page", ["/contact?x=日", "/contact?x=\xe9", "/blog/日"])
def test_odd_page_to_return_to_is_not_returned_to(app, visitor, page):
    letter = {"name": "Ina", "email": "ina@x.example", "message": TYPED}

    assert visitor.act("messages.send_message", htmx=True, _page=page, **letter).status_code == 200
    with app.test_request_context("/"):
        assert local_page(page) == "/"


@pytest.mark.parametrize("when", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"])
def test_moment_beyond_the_calendar_is_refused(ada, find_post, when):
    assert ada.act("posts.schedule_post", post_id=find_post(DRAFT).id, publish_at=when).status_code == 422


def test_number_beyond_the_database_is_not_found(ada):
    assert ada.get(f"/dashboard/posts/{2**63}/edit").status_code == 404


def test_unshowable_kept_words_are_dropped_and_signing_in_works(visitor):
    held = '["messages.send_message", {"message": "\\ud800"}]'
    person = {"email": "cleo@hallway.example", "password": "open-the-door"}

    assert visitor.act("accounts.sign_in", page="/sign-in", next="/contact", _resume=held, **person).status_code == 303


def test_tags_are_bounded_and_keep_their_meaning(ada, find_post):
    post = find_post(DRAFT)
    words = {"post_id": post.id, "version": post.version, "title": post.title, "body": post.body}

    assert ada.act("posts.update_post", **words, tags="x," * 300).status_code == 422
    ada.act("posts.update_post", **words, tags="日本語, !!!, forms")

    assert [tag.name for tag in find_post(DRAFT).tags] == ["forms", "ribenyu"]


def test_address_made_for_a_long_title_fits_its_own_rule(ada, find_post):
    for _ in range(2):
        ada.act("posts.create_post", title="a" * 73 + " bcdefgh")

    post = find_post("a" * 73 + "-2")
    words = {"post_id": post.id, "version": post.version, "title": post.title, "slug": post.slug}
    assert ada.act("posts.update_post", **words).status_code == 303


def test_broken_database_is_a_fault_and_not_called_busy(make_app, caplog):
    app = make_app(testing=False)
    with app.app_context(), write(by="test") as session:
        session.execute(text("DROP TABLE message"))

    answer = app.test_client().act("messages.send_message", name="I", email="i@x.example", message=TYPED)

    assert answer.status_code == 500
    assert TYPED in answer.text
    fault = re.compile("no such table|does not exist")
    assert fault.search(caplog.text)
    assert not fault.search(answer.text)


def test_cookie_of_an_action_that_failed_is_not_used(app, ada, monkeypatch):
    before = fingerprint(app)

    def fail(*_args, **_options):
        raise Result("Not now.", 409)

    monkeypatch.setattr("actions.demo.redirect", fail)  # after the session was started
    answer = ada.act("demo.switch_persona", page="/dashboard", htmx=True, persona="bob")

    assert answer.status_code == 409
    assert "Sign out Ada" in answer.text
    assert "Set-Cookie" not in answer.headers
    assert fingerprint(app) == before

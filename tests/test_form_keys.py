"""One form has one effect, and an answer belongs to the form that was sent."""

import pytest
from scenarios import LETTER, form_key, hidden, rows


def test_password_is_never_sent_back(visitor):
    answer = visitor.act("accounts.sign_in", page="/sign-in", email="ada@hallway.example", password="not her password")

    assert answer.status_code == 422
    assert "ada@hallway.example" in answer.text
    assert "not her password" not in answer.text


def test_errors_belong_to_the_form_that_was_sent(app, bob, find_post):
    post = find_post("why-the-bouncer-reads-the-ticket")
    ours = {"post_id": post.id, "version": post.version, "title": "", "body": "kept"}

    answer = bob.act("posts.update_post", page=f"/dashboard/posts/{post.id}/edit", **ours)

    assert answer.status_code == 422
    assert answer.text.count('class="summary"') == 1
    assert "kept</textarea>" in answer.text


def test_one_form_has_one_effect_however_often_it_is_sent(app, visitor):
    key = form_key(visitor.get("/contact").text)

    answers = [visitor.act("messages.send_message", page="/contact", _key=key, **LETTER) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [303] * 3
    assert rows(app, "message") == 10


def test_used_form_with_other_words_is_asked_about_and_kept(app, visitor):
    key = form_key(visitor.get("/contact").text)
    visitor.act("messages.send_message", page="/contact", _key=key, **LETTER)

    answer = visitor.act("messages.send_message", page="/contact", _key=key, **LETTER | {"message": "Other words"})

    assert answer.status_code == 409
    assert "Other words</textarea>" in answer.text
    assert "was sent before, with other words" in answer.text
    assert form_key(answer.text) != key
    assert rows(app, "message") == 10


def test_two_forms_have_two_keys(visitor):
    assert form_key(visitor.get("/contact").text) != form_key(visitor.get("/contact").text)


def test_key_and_effect_are_stored_together_or_not_at_all(app, visitor, monkeypatch):
    key = form_key(visitor.get("/contact").text)
    with monkeypatch.context() as broken:
        broken.setattr("flask_server_actions.dispatch.remember", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            visitor.act("messages.send_message", page="/contact", _key=key, **LETTER)

    assert rows(app, "message") == 9
    assert visitor.act("messages.send_message", page="/contact", _key=key, **LETTER).status_code == 303
    assert rows(app, "message") == 10


def test_copy_for_everyone_carries_no_key(visitor):
    assert "_key" not in visitor.get("/blog/commit-is-the-only-moment").text


def test_signed_out_writer_keeps_the_words_through_signing_in(app, cleo, find_post):
    post = find_post("commit-is-the-only-moment")
    cleo.act("accounts.sign_out")

    asked = cleo.act("comments.add_comment", page=post.path, post_id=post.id, body="Half an hour of typing")
    held = hidden(asked.text, "_resume").replace("&#34;", '"')
    person = {"email": "cleo@hallway.example", "password": "open-the-door"}
    back = cleo.act("accounts.sign_in", page="/sign-in", next=post.path, _resume=held, **person)

    assert asked.status_code == 401
    assert asked.headers["WWW-Authenticate"]
    assert hidden(asked.text, "next") == post.path
    assert back.status_code == 200
    assert "Half an hour of typing</textarea>" in back.text
    assert "Sign out Cleo" in back.text


def test_garbage_in_the_kept_words_is_ignored(visitor):
    for held in ("{", "[1]", "[[]]", '["a", 3]', "null", "[" * 20_000, '["x", {"a": 1}]'):
        answer = visitor.act(
            "accounts.sign_in", email="cleo@hallway.example", password="open-the-door", _resume=held, page="/sign-in"
        )
        assert answer.status_code in (200, 303)

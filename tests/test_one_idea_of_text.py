"""One idea of text: form, API and webhook keep the same words, and what one has taken another can save again."""

import pytest
from keys import bearer, issue_key
from scenarios import good_fields
from sqlalchemy import select
from webhooks import release, send_github

from models import Comment, Message, Post, db

CODE = "    code = 1\n\nand  words \n\n"
TITLES = {
    "line break": "one\ntwo",
    "line end of Windows": "one\r\ntwo",
    "line separator": "one\u2028two",
    "next line": "one\x85two",
    "tab": "one\ttwo",
    "colour of a terminal": "\x1b[31mred",
    "bell": "a\x07",
    "no character": "a\ufffd",
    "too long": "e\u0301" * 121,
}


@pytest.fixture
def api(app):
    headers = bearer(issue_key(app, "ada"))
    return lambda **sent: app.test_client().post("/api/v1/posts", json=sent, headers=headers)


def saved(app, model, **which):
    with app.app_context():
        return db.session.scalars(select(model).filter_by(**which).order_by(model.id.desc())).first()


@pytest.mark.parametrize("name", TITLES)
def test_title_that_cannot_be_kept_is_refused_by_form_and_api_alike(app, ada, api, name):
    assert ada.act("posts.create_post", title=TITLES[name], body="").status_code == 422
    answer = api(title=TITLES[name])

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "#/title")
    assert saved(app, Post, title=TITLES[name]) is None


@pytest.mark.parametrize("title", ["  a name \n", "e\u0301" * 120, "👨‍👩‍👧‍👦"])
def test_title_is_kept_in_one_spelling_by_form_and_api_alike(app, ada, api, title):
    assert ada.act("posts.create_post", title=title, body="").status_code == 303
    answer = api(title=title)

    assert answer.json["title"] == title.strip().replace("e\u0301", "é")
    assert len({post.title for post in two_newest(app)}) == 1


def two_newest(app):
    with app.app_context():
        return db.session.scalars(select(Post).order_by(Post.id.desc()).limit(2)).all()


def test_text_keeps_its_spaces_through_every_way_in(app, ada, api, bob):
    slug = api(title="From outside", body=CODE).json["slug"]
    post = saved(app, Post, slug=slug)
    with app.app_context():
        body = db.session.scalar(select(Post.body).where(Post.id == post.id))
        html = db.session.scalar(select(Post.body_html).where(Post.id == post.id))
        db.session.rollback()
    assert body == CODE
    page = f"/dashboard/posts/{post.id}/edit"

    ada.act("posts.update_post", page=page, post_id=post.id, version=1, title="From outside",
            body=CODE.replace("\n", "\r\n"), tags="")  # fmt: skip

    with app.app_context():
        assert db.session.scalar(select(Post.body).where(Post.id == post.id)) == CODE
        assert db.session.scalar(select(Post.body_html).where(Post.id == post.id)) == html
        assert "<pre" in html
        db.session.rollback()


def test_comments_and_letters_keep_their_spaces(app, bob, visitor):
    bob.act("comments.add_comment", **good_fields(app, "comments.add_comment") | {"body": "  indented\r\n\r\n"})
    visitor.act("messages.send_message", name="  Zoe\u0308 ", email="z@x.example", message="\tDear\n")

    assert saved(app, Comment).body == "  indented\n\n"
    assert (saved(app, Message).name, saved(app, Message).body) == ("Zoë", "\tDear\n")


@pytest.mark.parametrize("blank", ["", "  ", "\n\n", "\u3000"])
def test_comment_or_letter_without_a_word_is_refused(app, bob, visitor, blank):
    fields = good_fields(app, "comments.add_comment")

    assert bob.act("comments.add_comment", **fields | {"body": blank}).status_code == 422
    assert visitor.act("messages.send_message", name="Z", email="z@x.example", message=blank).status_code == 422


@pytest.mark.parametrize("name", ["\x1b[1;32mv2", "two\r\nlines", "bell\x07\x00\ufffd", "one\u2028two", "e\u0301" * 200,
                                  "👨‍👩‍👧‍👦" * 40])  # fmt: skip
def test_release_becomes_a_draft_that_the_editor_can_save(app, visitor, ada, name):
    assert send_github(visitor, release(name=name, body=f"    {name}\n")).json["outcome"] == "applied"
    post = saved(app, Post)
    with app.app_context():
        body = db.session.scalar(select(Post.body).where(Post.id == post.id))
        db.session.rollback()

    page = f"/dashboard/posts/{post.id}/edit"
    answer = ada.act("posts.update_post", page=page, post_id=post.id, version=1, title=post.title, body=body, tags="")

    assert answer.status_code == 303
    assert saved(app, Post).title == post.title
    assert body.startswith("    ")

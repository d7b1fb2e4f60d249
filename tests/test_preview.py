"""A preview shows how words would look, and saves nothing; an answer to a conflict shows both versions."""

import pytest
from scenarios import DRAFT, fingerprint, form_key, hidden

from flask_revalidation import revalidate_everything, write
from models import User


@pytest.fixture
def words(find_post):
    """Return the fields of the editor, with words that nobody has saved."""
    post = find_post(DRAFT)
    return {"post_id": post.id, "version": post.version, "title": "Mine", "body": "Press **this** bell.", "tags": "x"}


@pytest.fixture
def page(words):
    """The editor."""
    return f"/dashboard/posts/{words['post_id']}/edit"


@pytest.mark.parametrize("htmx", [False, True])
def test_preview_shows_the_words_and_keeps_them_in_the_form(ada, page, words, htmx):
    answer = ada.act("posts.preview_post", page=page, htmx=htmx, **words)

    assert answer.status_code == 200
    assert "<p>Press <strong>this</strong> bell.</p>" in answer.text
    assert "Press **this** bell.</textarea>" in answer.text
    assert 'value="Mine"' in answer.text


def test_preview_saves_nothing_and_can_be_asked_for_again(app, ada, page, words):
    key, before = form_key(ada.get(page).text), fingerprint(app)
    for body in ("Once", "Twice"):
        answer = ada.act("posts.preview_post", page=page, _key=key, **words | {"body": body})

        assert f"<p>{body}</p>" in answer.text
    assert fingerprint(app) == before


def test_preview_waits_for_no_writer(make_app, ada, page, words):
    with make_app().app_context(), write(by="a slow writer on another worker"):
        answer = ada.act("posts.preview_post", page=page, **words)

    assert answer.status_code == 200


def test_preview_takes_unfinished_words(ada, page, words):
    answer = ada.act("posts.preview_post", page=page, **words | {"title": "", "slug": "Not an Address!"})

    assert answer.status_code == 200
    assert 'value="Not an Address!"' in answer.text


def test_refused_preview_keeps_the_words(ada, page, words):
    answer = ada.act("posts.preview_post", page=page, **words | {"body": "x" * 100_001})

    assert answer.status_code == 422
    assert "Please keep this to 100000 characters." in answer.text
    assert "x" * 100_001 in answer.text


def test_preview_runs_no_script(ada, page, words):
    answer = ada.act("posts.preview_post", page=page, **words | {"body": "<script>alert(1)</script>"})

    assert "<script>alert" not in answer.text


def test_conflict_shows_mine_beside_theirs_and_knows_their_version(app, ada, page, words, find_post):
    with app.app_context(), write(by="someone"):
        User.find_author("ada").find_post(words["post_id"]).update(title="Theirs", body="Their words.")
        revalidate_everything()
    answer = ada.act("posts.update_post", page=page, **words)

    assert answer.status_code == 409
    for part in ("Their words.</textarea>", "Press **this** bell.</textarea>", "Take theirs", "Keep mine"):
        assert part in answer.text
    assert hidden(answer.text, "version") == str(words["version"] + 1)
    assert ada.act("posts.update_post", page=page, **words | {"version": words["version"] + 1}).status_code == 303
    assert find_post(DRAFT).title == "Mine"

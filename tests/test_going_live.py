"""Going live is one step, whoever takes it: who may not publish brings nothing before readers, by no way there is."""

from datetime import timedelta

import pytest
from keys import issue_key, send
from scenarios import fingerprint

from api.cron import run_due
from flask_revalidation import write
from models import MayNotPublish, Post, PostStatus, Setting, User, db, now
from models.setting import Switch

WORDS = {"title": "Mine, changed", "body": "Words that no editor has seen."}


def write_post(app, status="", *, by="bob", deleted=False):
    """Return the id of a post of Bob's that an editor, or Bob himself, has brought this far."""
    with app.app_context(), write(by="tests"):
        post, who = User.find_author("bob").write("Mine", "As it was.", slug="of-bob"), User.find_author(by)
        if status == "published":
            post.publish(who)
        if status == "scheduled":
            post.schedule(now() + timedelta(hours=1), who)
        if deleted:
            post.delete()
        db.session.flush()
        return post.id


def close(app):
    """Let authors publish nothing any more."""
    with app.app_context(), write(by="tests"):
        Setting.toggle(Switch.AUTHORS_PUBLISH)


def state(app, post_id):
    with app.app_context():
        post = db.session.get(Post, post_id)
        return post.status, post.title, post.deleted_at is not None


TRIES = {
    "posts.publish_post": "",
    "posts.unpublish_post": "published",
    "posts.schedule_post": "",
    "posts.update_post": "published",
}


@pytest.mark.parametrize("htmx", [True, False])
@pytest.mark.parametrize("name", TRIES)
def test_author_who_may_not_publish_changes_nothing_that_readers_see(app, bob, name, htmx):
    post_id = write_post(app, TRIES[name])
    close(app)
    fields = {"posts.schedule_post": {"publish_at": "2031-01-01T00:00"}, "posts.update_post": {**WORDS, "version": 1}}
    before = fingerprint(app)

    answer = bob.act(name, page=f"/dashboard/posts/{post_id}/edit", htmx=htmx, post_id=post_id, **fields.get(name, {}))

    assert answer.status_code == 403
    assert "Ask an editor" in answer.text
    assert name != "posts.update_post" or WORDS["body"] in answer.text
    assert fingerprint(app) == before


def test_author_who_may_not_publish_does_not_change_what_will_go_live_by_itself(app, bob):
    post_id = write_post(app, "scheduled", by="ada")
    close(app)

    assert bob.act("posts.update_post", post_id=post_id, version=1, **WORDS).status_code == 403
    assert state(app, post_id)[1] == "Mine"


def test_author_who_may_not_publish_still_writes_drafts(app, bob):
    post_id = write_post(app)
    close(app)

    assert bob.act("posts.update_post", post_id=post_id, version=1, **WORDS).status_code == 303
    assert state(app, post_id) == ("draft", WORDS["title"], False)


@pytest.mark.parametrize("status", ["published", "scheduled"])
def test_deleted_post_comes_back_as_a_draft_where_its_author_may_not_publish(app, bob, visitor, status):
    post_id = write_post(app, status, deleted=True)
    close(app)

    assert bob.act("posts.restore_post", post_id=post_id).status_code == 303
    assert state(app, post_id) == ("draft", "Mine", False)
    assert visitor.get("/blog/of-bob").status_code == 404


def test_editor_brings_a_deleted_post_back_live(app, ada, visitor):
    post_id = write_post(app, "published", deleted=True)
    close(app)

    ada.act("posts.restore_post", post_id=post_id)
    assert visitor.get("/blog/of-bob").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("PUT", "/publication", "", None),
        ("DELETE", "/publication", "published", None),
        ("PATCH", "", "published", WORDS),
        ("PATCH", "", "scheduled", WORDS),
    ],
)
def test_key_of_an_author_who_may_not_publish_does_no_more_than_its_person(app, method, path, status, body):
    write_post(app, status, by="ada")
    key = issue_key(app, "bob")
    close(app)
    before = fingerprint(app)

    options = {"json": body} if body else {}
    answer = send(app, method, f"/api/v1/posts/of-bob{path}", key, headers={"If-Match": "*"}, **options)

    assert (answer.status_code, answer.json["title"]) == (403, "Forbidden")
    assert fingerprint(app) == before


def come_due(app, post_id):
    with app.app_context(), write(by="tests"):
        db.session.get(Post, post_id).publish_at = now() - timedelta(minutes=1)
    with app.app_context():
        run_due()
    return state(app, post_id)[0]


@pytest.mark.parametrize(("by", "ends"), [("bob", "draft"), ("edith", "published"), ("ada", "published")])
def test_time_publishes_only_what_may_go_live_then(app, by, ends):
    post_id = write_post(app, "scheduled", by=by)
    close(app)

    assert come_due(app, post_id) == ends


def test_time_publishes_nothing_of_an_author_whose_account_was_closed(app):
    post_id = write_post(app, "scheduled")
    with app.app_context(), write(by="tests"):
        User.find_author("bob").disable()

    assert come_due(app, post_id) == "draft"


def test_no_verb_of_a_post_goes_another_way(app):
    post_id = write_post(app, "published")
    close(app)
    with app.app_context(), write(by="tests"):
        post, bob = db.session.get(Post, post_id), User.find_author("bob")
        for verb in (lambda: post.update(bob, title="x", body="y"), lambda: post.unpublish(bob),
                     lambda: post.schedule(now(), bob)):  # fmt: skip
            with pytest.raises(MayNotPublish):
                verb()
        assert (post.status, post.title) == (PostStatus.PUBLISHED, "Mine")

"""A deleted post can be brought back, whole; for a week, and by those whose work it is."""

from datetime import timedelta

import pytest
import time_machine
from conftest import ON_POSTGRES
from keys import issue_key, send
from scenarios import DRAFT, PUBLISHED, fingerprint, form_key, rows
from sqlalchemy import select, text

from flask_revalidation import revalidate_everything, write
from models import Comment, Like, Post, PostFilter, PostStatus, Role, Tag, User, db, now

OF_POSTS = ["post", "post_tag", "comment", "like"] + ([] if ON_POSTGRES else ["post_search"])
DESK = "/dashboard/posts"


def contents(app):
    """Return what is stored of posts, row by row."""
    with app.app_context():
        return {name: sorted(map(tuple, db.session.execute(text(f'SELECT * FROM "{name}"')))) for name in OF_POSTS}


@pytest.mark.parametrize("slug", [PUBLISHED, DRAFT])
def test_undo_brings_back_every_row_as_it_was(app, ada, find_post, slug):
    post, before = find_post(slug), contents(app)
    ada.act("posts.delete_post", page=DESK, post_id=post.id)
    assert find_post(slug) is None
    ada.act("posts.restore_post", page=DESK, post_id=post.id)

    assert contents(app) == before


def test_what_comes_back_has_comments_and_likes(app, ada, visitor, find_post):
    post = find_post(PUBLISHED)
    ada.act("comments.add_comment", post_id=post.id, body="I see.")
    ada.act("likes.toggle_like", post_id=post.id)
    for name in ("posts.delete_post", "posts.restore_post"):
        ada.act(name, page=DESK, post_id=post.id)

    assert "I see." in visitor.get(post.path).text
    with app.app_context():
        assert db.session.scalar(select(Like.visitor).where(Like.post_id == post.id, Like.visitor == "user:1"))
        assert db.session.scalar(select(Comment.id).where(Comment.post_id == post.id))


@pytest.mark.parametrize("htmx", [False, True])
def test_page_that_comes_back_offers_undo(ada, find_post, htmx):
    post = find_post(PUBLISHED)

    page = ada.act("posts.delete_post", page=DESK, htmx=htmx, post_id=post.id)
    page = page if htmx else ada.get(DESK)

    assert f"Undo deleting “{post.title}”" in page.text
    assert 'action="/_actions/posts.restore_post?' in page.text
    assert "Undo deleting" not in ada.get(DESK).text


def test_deletion_sent_again_offers_undo_again(ada, find_post):
    key, post = form_key(ada.get(DESK).text), find_post(PUBLISHED)
    for _ in range(2):
        answer = ada.act("posts.delete_post", page=DESK, htmx=True, post_id=post.id, _key=key)

    assert answer.status_code == 200
    assert "Undo deleting" in answer.text


def test_address_taken_meanwhile_gets_a_number(ada, find_post):
    post = find_post(PUBLISHED)
    ada.act("posts.delete_post", post_id=post.id)
    ada.act("posts.create_post", title="Another", slug=PUBLISHED)
    ada.act("posts.restore_post", post_id=post.id)

    assert find_post(PUBLISHED).title == "Another"
    assert find_post(f"{PUBLISHED}-2").id == post.id


def test_cached_pages_show_it_again(ada, visitor, find_post):
    post = find_post(PUBLISHED)
    ada.act("posts.delete_post", post_id=post.id)
    assert post.title not in visitor.get("/blog?tag=security").text
    ada.act("posts.restore_post", post_id=post.id)

    assert visitor.get(post.path).status_code == 200


def test_author_brings_back_their_own_and_nobody_elses(bob, ada, find_post):
    own, anothers = find_post(DRAFT), find_post(PUBLISHED)
    bob.act("posts.delete_post", post_id=own.id)
    ada.act("posts.delete_post", post_id=anothers.id)

    assert bob.act("posts.restore_post", post_id=own.id).status_code == 303
    assert bob.act("posts.restore_post", post_id=anothers.id).status_code == 404
    assert find_post(DRAFT)
    assert find_post(PUBLISHED) is None


def test_what_is_back_is_no_longer_in_the_trash(ada, find_post):
    post = find_post(PUBLISHED)
    ada.act("posts.delete_post", post_id=post.id)

    assert ada.act("posts.restore_post", post_id=post.id).status_code == 303
    assert ada.act("posts.restore_post", post_id=post.id).status_code == 404


def test_deletion_through_the_door_can_be_undone_too(app, ada, find_post):
    post, before = find_post(PUBLISHED), contents(app)
    answer = send(app, "DELETE", f"/api/v1/posts/{PUBLISHED}", issue_key(app, "ada"), headers={"If-Match": "*"})
    assert answer.status_code == 204
    ada.act("posts.restore_post", post_id=post.id)

    assert contents(app) == before


def test_two_posts_of_one_release_are_never_made(app, ada):
    with app.app_context(), write(by="test"):
        for title in ("First", "Second"):
            post = User.find_author("ada").write(title)
            post.origin = "github:release:1"
            db.session.flush()
            if title == "First":
                kept = post.id
                post.delete()
                db.session.flush()
        revalidate_everything()

    assert ada.act("posts.restore_post", post_id=kept).status_code == 303
    with app.app_context():
        assert db.session.get(Post, kept).origin is None


def test_sweeping_forgets_after_a_week(app, ada, find_post):
    ada.act("posts.delete_post", post_id=find_post(PUBLISHED).id)
    before = {table: rows(app, table) for table in OF_POSTS}
    app.test_cli_runner().invoke(args=["sweep"])
    assert {table: rows(app, table) for table in OF_POSTS} == before
    with time_machine.travel(now() + timedelta(days=8), tick=False):
        app.test_cli_runner().invoke(args=["sweep"])

    assert rows(app, "post") == before["post"] - 2 == 23  # the fixtures have deleted another
    assert all(rows(app, table) < before[table] for table in OF_POSTS)
    if not ON_POSTGRES:
        with app.app_context():
            assert db.session.execute(text("PRAGMA foreign_key_check")).all() == []


def test_id_of_a_post_that_was_swept_is_never_given_again(app, find_post):
    def begin():
        with app.app_context(), write(by="test"):
            post = User.find_author("ada").write("Another")
            db.session.flush()
            post.delete()
            return post.id

    first = begin()
    with time_machine.travel(now() + timedelta(days=8), tick=False):
        app.test_cli_runner().invoke(args=["sweep"])

    assert begin() > first


def deleted(app):
    """Delete a post that alone stands under a tag and by an author, has been commented on, and will be published."""
    with app.app_context(), write(by="test"):
        fay = User.create(name="Fay", email="fay@x.example", role=Role.AUTHOR, password="a" * 12)
        post = fay.write("Zyzzyva", "A quokka.")
        post.tags = Tag.named(["zyzzyva"])
        post.publish()
        db.session.flush()
        comment = Comment.add(post, User.find_author("cleo"), "Commented on the zyzzyva.")
        Like.toggle(post, "user:4")
        due = fay.write("Zyzzyva to come")
        due.schedule(now() - timedelta(seconds=1))
        db.session.flush()
        ids = post.id, due.id, comment.id
        post.delete()
        due.delete()
        revalidate_everything()
    return ids


EVERYWHERE = (
    "/", "/blog", "/blog?q=quokka", "/feed.xml", "/feed.json", "/sitemap.xml", "/dashboard", DESK,
    f"{DESK}?status=published", "/api/v1/posts?limit=100", "/api/v1/tags?limit=100",
    "/api/v1/posts.csv", "/api/v1/export",
)  # fmt: skip


def test_deleted_post_is_in_no_list_no_count_and_no_answer(app, ada, find_post):
    deleted(app)
    key = {"Authorization": f"Bearer {issue_key(app, 'ada')}"}
    door = app.test_client()
    texts = {path: (door.get(path, headers=key) if path.startswith("/api") else ada.get(path)) for path in EVERYWHERE}
    nowhere = ["/blog/zyzzyva", "/blog?tag=zyzzyva", "/blog?author=fay"]

    for path, answer in texts.items():
        assert answer.status_code == 200, path
        assert "yzzyva" not in answer.text, path
        answer.close()
    assert [ada.get(path).status_code for path in nowhere] == [404] * 3
    assert door.get("/api/v1/posts/zyzzyva", headers=key).status_code == 404
    assert "fay" not in door.get("/api/v1/authors", headers=key).text
    assert find_post("zyzzyva") is None
    with app.app_context():
        assert [PostFilter(status).count() for status in (None, *PostStatus)] == [24, 2, 2, 20]
        assert PostFilter(None, words="zyzzyva").count() == PostFilter(None, tag="zyzzyva").count() == 0
        assert "zyzzyva" not in [tag.name for tag in PostFilter().tags()]
        assert not [path for path, _ in Post.addresses(0) if "zyzzyva" in path]


def test_deleted_post_can_be_neither_changed_nor_liked_nor_discussed(app, ada):
    post_id, due_id, comment_id = deleted(app)
    fields = {"post_id": post_id, "version": 1, "title": "T", "body": "B"}
    acts = {
        "posts.update_post": fields,
        "posts.preview_post": fields,
        "posts.publish_post": {"post_id": due_id},
        "posts.delete_post": {"post_id": post_id},
        "likes.toggle_like": {"post_id": post_id},
        "comments.add_comment": {"post_id": post_id, "body": "B"},
        "comments.delete_comment": {"comment_id": comment_id},
    }
    before = fingerprint(app)

    assert {name: ada.act(name, **sent).status_code for name, sent in acts.items()} == dict.fromkeys(acts, 404)
    assert ada.get(f"/dashboard/posts/{post_id}/edit").status_code == 404
    assert fingerprint(app) == before


def test_what_was_scheduled_and_deleted_is_not_published(app):
    _, due_id, _ = deleted(app)

    assert "published 0" in app.test_cli_runner().invoke(args=["cron", "publish-due"]).output
    with app.app_context(), write(by="test"):
        assert User.find_author("ada").find_post(due_id, deleted=True).status == PostStatus.SCHEDULED

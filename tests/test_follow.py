"""What an open page asks again: a page that is one person's has a version, and is not made for who has seen it."""

import re

import pytest
from flask import template_rendered

from flask_revalidation import revalidate_tag, write

PAGES = {
    "/dashboard": ["posts", "members", "messages", "comments"],
    "/dashboard/posts": ["posts", "comments", "settings"],
    "/dashboard/posts/1/edit": ["posts", "settings"],
    "/dashboard/inbox": ["messages"],
    "/dashboard/members": ["members"],
    "/dashboard/settings": ["settings"],
    "/dashboard/developers": ["api-keys", "deliveries"],
    "/support": ["members"],
    "/support?thanks=1": ["members"],
    "/": ["posts", "settings", "members"],
    "/blog": ["posts", "settings"],
    "/blog/commit-is-the-only-moment": ["posts", "settings", "/blog/commit-is-the-only-moment"],
}


@pytest.mark.parametrize("path", PAGES)
def test_page_that_was_seen_is_not_made_again_until_something_it_shows_changes(app, ada, path):
    first = ada.get(path)
    etag = first.headers["ETag"]
    made = []
    template_rendered.connect(lambda *_, **__: made.append(1), app, weak=False)

    again = ada.get(path, headers={"If-None-Match": etag, "Poll": "1"})

    assert (again.status_code, again.data, made) == (304, b"", [])
    assert again.headers["ETag"] == etag
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"] == "private, no-store"
    assert etag in re.search('id="poll".*', first.text)[0].replace("\\", "").replace("&#34;", '"')
    for tag in PAGES[path]:
        with app.app_context(), write("a test"):
            revalidate_tag(tag)
        changed = ada.get(path, headers={"If-None-Match": etag})
        assert changed.status_code == 200
        assert changed.headers["ETag"] != etag
        etag = changed.headers["ETag"]


def test_version_is_of_one_person_and_opens_nothing(app, ada, bob):
    etag = ada.get("/dashboard/posts").headers["ETag"]

    assert bob.get("/dashboard/posts", headers={"If-None-Match": etag}).status_code == 200
    assert app.test_client().get("/dashboard/posts", headers={"If-None-Match": etag}).status_code == 303
    settings = ada.get("/dashboard/settings").headers["ETag"]
    assert bob.get("/dashboard/settings", headers={"If-None-Match": f"{settings}, *"}).status_code == 403


def test_what_is_read_without_tags_has_no_version_and_is_not_asked_for(ada):
    for path in ("/contact", "/sign-in"):
        answer = ada.get(path, headers={"If-None-Match": '"?", W/"?", ?'})
        assert answer.status_code == 200
        assert "ETag" not in answer.headers
        assert 'id="poll"' not in answer.text


def test_who_waits_for_stripe_sees_the_membership_as_soon_as_it_is_told(visitor):
    start = visitor.act("memberships.start_checkout", page="/support").headers["Location"]
    waiting = visitor.get("/support?thanks=1")
    assert "within a minute" in waiting.text
    poll = {"If-None-Match": waiting.headers["ETag"], "Poll": "1"}
    assert visitor.get("/support?thanks=1", headers=poll).status_code == 304

    paid = {"session": start.rpartition("/")[2], "email": "dana@post.example"}
    assert visitor.act("demo.pay", page=start, **paid).status_code == 303  # in another window

    assert "You are a member" in visitor.get("/support?thanks=1", headers=poll).text


def test_poll_takes_no_message_from_another_window(ada):
    ada.act("posts.create_post", page="/dashboard/posts", title="A message to keep")

    assert "is saved as a draft" not in ada.get("/dashboard/posts", headers={"Poll": "1"}).text
    assert "is saved as a draft" in ada.get("/dashboard/posts").text


def test_words_that_were_refused_and_what_stands_only_once_are_not_polled_away(ada):
    refused = ada.act("posts.create_post", page="/dashboard/posts", htmx=True, title="")
    preview = {"post_id": 1, "title": "T", "body": "B", "version": 1}
    seen_once = ada.act("posts.preview_post", page="/dashboard/posts/1/edit", htmx=True, **preview)
    done = ada.act("posts.create_post", page="/dashboard/posts", htmx=True, title="Done")

    assert [answer.status_code for answer in (refused, seen_once, done)] == [422, 200, 200]
    assert ['id="poll"' in answer.text for answer in (refused, seen_once, done)] == [False, False, True]


def test_switch_that_turns_itself_back_is_followed(ada):
    ada.act("settings.toggle_setting", key="fail_next_save")
    etag = ada.get("/dashboard/settings").headers["ETag"]
    assert ada.act("settings.toggle_setting", key="comments_open", htmx=True).status_code == 409

    assert ada.get("/dashboard/settings", headers={"If-None-Match": etag}).status_code == 200

"""The owner's switches."""


def test_author_may_not_publish_while_the_switch_is_off(ada, bob, find_post):
    ada.act("settings.toggle_setting", key="authors_publish")
    bob.act("posts.create_post", title="Bob's own")

    answer = bob.act("posts.publish_post", page="/dashboard/posts", post_id=find_post("bob-s-own").id)

    assert answer.status_code == 403
    assert "Ask an editor" in answer.text
    assert find_post("bob-s-own").status == "draft"


def test_switch_turns_and_every_page_follows(ada, visitor):
    assert " likes" in visitor.get("/").text

    ada.act("settings.toggle_setting", page="/dashboard/settings", key="likes_shown")

    assert " likes" not in visitor.get("/").text
    assert 'aria-checked="false"><span>Likes are shown' in ada.get("/dashboard/settings").text


def test_save_that_was_asked_to_fail_fails_once(ada):
    ada.act("settings.toggle_setting", key="fail_next_save")

    failed = ada.act("settings.toggle_setting", page="/dashboard/settings", htmx=True, key="likes_shown")
    worked = ada.act("settings.toggle_setting", page="/dashboard/settings", htmx=True, key="likes_shown")

    assert (failed.status_code, worked.status_code) == (409, 200)
    assert 'aria-checked="true"><span>Likes are shown' in failed.text
    assert 'aria-checked="false"><span>Likes are shown' in worked.text

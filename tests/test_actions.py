"""Each action does what its form says, for those who may, and every page that shows it is fresh."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from scenarios import DRAFT, PUBLISHED, good_fields

from identity import SESSION, VISITOR
from models import Comment, Message, Post, User, db
from revalidation import revalidate_everything, write

COUNT = re.compile(r"<dt>Published</dt><dd>(\d+)</dd>")


def edit_fields(post, **changes):
    return {"post_id": post.id, "version": post.version, "title": post.title, "body": post.body, **changes}


def test_writer_publishes_and_every_page_shows_it(app, ada, visitor, find_post):
    paths = ["/", "/blog", "/blog?tag=contracts"]
    assert [path for path in paths if "Names on doorbells" in visitor.get(path).text] == []
    before = int(COUNT.search(ada.get("/dashboard").text)[1])

    assert ada.act("posts.publish_post", page="/dashboard/posts", post_id=find_post(DRAFT).id).status_code == 303

    assert [path for path in paths if "Names on doorbells" not in visitor.get(path).text] == []
    assert visitor.get(f"/blog/{DRAFT}").status_code == 200
    assert int(COUNT.search(ada.get("/dashboard").text)[1]) == before + 1
    assert "Published <small>21</small>" in ada.get("/dashboard/posts").text


def test_unpublished_post_is_gone_everywhere(ada, visitor, find_post):
    assert visitor.get(f"/blog/{PUBLISHED}").status_code == 200

    ada.act("posts.unpublish_post", post_id=find_post(PUBLISHED).id)

    assert visitor.get(f"/blog/{PUBLISHED}").status_code == 404
    assert "The letter slot" not in visitor.get("/").text + visitor.get("/blog").text


def test_publishing_twice_keeps_the_first_date(ada, find_post):
    dated = find_post(PUBLISHED).published_at
    for action in ("posts.unpublish_post", "posts.publish_post", "posts.publish_post"):
        ada.act(action, post_id=find_post(PUBLISHED).id)

    assert find_post(PUBLISHED).published_at == dated


def test_new_post_is_a_draft_with_a_free_address(ada, find_post):
    for _ in range(2):
        ada.act("posts.create_post", title="Zwei Türen, ein Flur", body="*Ein* Wort.")

    first, second = find_post("zwei-turen-ein-flur"), find_post("zwei-turen-ein-flur-2")
    assert (first.status, first.author.handle, first.excerpt) == ("draft", "ada", "Ein Wort.")
    assert second.slug != first.slug


@pytest.mark.parametrize("slug", ["Upper", "a b", "-a", "a--b", "../x", "é", "x" * 81, PUBLISHED])
def test_bad_or_taken_address_is_refused_beside_its_field(ada, slug):
    answer = ada.act("posts.create_post", page="/dashboard/posts", title="T", slug=slug)

    assert answer.status_code == 422
    assert 'value="T"' in answer.text


def test_published_post_keeps_its_address(ada, find_post):
    post = find_post(PUBLISHED)

    answer = ada.act("posts.update_post", page=f"/dashboard/posts/{post.id}/edit", **edit_fields(post, slug="other"))

    assert answer.status_code == 422
    assert "keeps its address" in answer.text


def test_edit_changes_words_tags_and_version(ada, visitor, find_post):
    post = find_post(PUBLISHED)
    visitor.get(post.path)

    ada.act("posts.update_post", **edit_fields(post, title="New title", body="New **words**.", tags="forms, Odd Tag"))

    page = visitor.get(post.path).text
    assert "<h1>New title</h1>" in page
    assert "New <strong>words</strong>." in page
    assert "odd-tag" in page
    assert find_post(PUBLISHED).version == post.version + 1


def test_second_editor_gets_both_versions_and_loses_nothing(ada, find_post):
    post = find_post(PUBLISHED)
    editor = f"/dashboard/posts/{post.id}/edit"
    ada.act("posts.update_post", **edit_fields(post, body="Theirs, saved first."))

    late = ada.act("posts.update_post", page=editor, **edit_fields(post, title="Mine", body="Mine, typed meanwhile."))

    assert late.status_code == 409
    assert "Theirs, saved first.</textarea>" in late.text
    assert "Mine, typed meanwhile.</textarea>" in late.text
    assert find_post(PUBLISHED).body == "Theirs, saved first."
    version = re.search(r'name="version" value="(\d+)"', late.text)[1]
    knowingly = edit_fields(post, body="Mine, typed meanwhile.") | {"version": version}
    assert ada.act("posts.update_post", page=editor, **knowingly).status_code == 303
    assert find_post(PUBLISHED).body == "Mine, typed meanwhile."


def test_author_may_not_publish_while_the_switch_is_off(ada, bob, find_post):
    ada.act("settings.toggle_setting", key="authors_publish")
    bob.act("posts.create_post", title="Bob's own")

    answer = bob.act("posts.publish_post", page="/dashboard/posts", post_id=find_post("bob-s-own").id)

    assert answer.status_code == 403
    assert "your draft is safe" in answer.text
    assert find_post("bob-s-own").status == "draft"


@pytest.mark.parametrize("when", ["2020-01-01T00:00", "", "tomorrow", "2026-13-01T00:00", "99999-01-01T00:00"])
def test_schedule_needs_a_time_to_come(ada, find_post, when):
    post = find_post(DRAFT)

    answer = ada.act("posts.schedule_post", page=f"/dashboard/posts/{post.id}/edit", post_id=post.id, publish_at=when)

    assert answer.status_code == 422
    assert find_post(DRAFT).status == "draft"


def test_scheduled_post_goes_live_when_due_and_once(app, ada, visitor, find_post):
    ada.act("posts.schedule_post", post_id=find_post(DRAFT).id, publish_at="2099-01-01T00:00")
    runner = app.test_cli_runner()
    assert "published 0" in runner.invoke(args=["cron", "publish-due"]).output
    visitor.get("/")

    with time_machine.travel("2099-01-01T00:00:01+00:00", tick=False):
        assert "Names on doorbells" in runner.invoke(args=["cron", "publish-due"]).output
        assert "published 0" in runner.invoke(args=["cron", "publish-due"]).output

    assert "Names on doorbells" in app.test_client().get("/").text


def test_deleted_post_takes_its_comments_along(app, ada, visitor, find_post):
    post = find_post(PUBLISHED)
    visitor.get(post.path)

    ada.act("posts.delete_post", post_id=post.id)

    assert visitor.get(post.path).status_code == 404
    with app.app_context():
        assert all(comment.post_id != post.id for comment in Comment.latest(100))


def test_reader_comments_and_removes_it_again(app, cleo, visitor, find_post):
    post = find_post(PUBLISHED)
    visitor.get(post.path)

    cleo.act("comments.add_comment", post_id=post.id, body="Line one\nLine two")
    assert "Line one\nLine two" in visitor.get(post.path).text

    with app.app_context():
        newest = Comment.latest(1)[0].id
    cleo.act("comments.delete_comment", comment_id=newest)
    assert "Line one" not in visitor.get(post.path).text


def test_nobody_comments_on_a_draft(cleo, find_post):
    assert cleo.act("comments.add_comment", post_id=find_post(DRAFT).id, body="x").status_code == 404


def test_closed_comments_are_refused_and_kept(ada, cleo, find_post):
    post = find_post(PUBLISHED)
    ada.act("settings.toggle_setting", key="comments_open")

    assert cleo.act("comments.add_comment", page=post.path, post_id=post.id, body="x").status_code == 409
    assert "Comments are closed" in cleo.get(post.path).text


def test_browser_without_account_likes_once_and_takes_it_back(visitor, find_post):
    post = find_post(PUBLISHED)
    visitor.get("/")

    visitor.act("likes.toggle_like", page=post.path, post_id=post.id)
    assert find_post(PUBLISHED).like_count == post.like_count + 1
    assert 'aria-pressed="true"' in visitor.get(post.path).text
    assert visitor.get_cookie(VISITOR).http_only

    visitor.act("likes.toggle_like", page=post.path, post_id=post.id)
    assert find_post(PUBLISHED).like_count == post.like_count
    assert 'aria-pressed="false"' in visitor.get(post.path).text


def test_like_shows_in_lists_at_once(app, visitor, find_post):
    post = find_post(PUBLISHED)
    assert f"{post.like_count} likes" in visitor.get("/blog").text

    app.test_client().act("likes.toggle_like", page="/blog", post_id=post.id)

    assert f"{post.like_count + 1} likes" in visitor.get("/blog").text


def test_letter_arrives_in_the_inbox_and_the_numbers(ada, visitor):
    ada.get("/dashboard/inbox")

    visitor.act("messages.send_message", name="Ina", email="ina@letters.example", message="May we print it?")

    assert "May we print it?" in ada.get("/dashboard/inbox?show=unread").text
    assert "<dt>Unread letters</dt><dd>5</dd>" in ada.get("/dashboard").text


def test_letter_is_read_and_unread_again(app, ada):
    letter = good_fields(app, "messages.mark_read")["message_id"]

    ada.act("messages.mark_read", message_id=letter)
    assert f'id="message_{letter}"' not in ada.get("/dashboard/inbox?show=unread").text
    ada.act("messages.mark_unread", message_id=letter)
    assert f'id="message_{letter}"' in ada.get("/dashboard/inbox?show=unread").text


def test_program_that_fills_the_trap_is_thanked_and_ignored(app, visitor):
    answer = visitor.act("messages.send_message", name="x", email="x@x.example", message="buy", website="http://x")

    assert answer.status_code == 303
    with app.app_context():
        assert len(Message.inbox()) == 9


def test_letters_without_end_are_slowed_down_and_kept(app, visitor):
    for _ in range(20):
        visitor.act("messages.send_message", name="x", email="x@x.example", message="again")

    answer = visitor.act("messages.send_message", page="/contact", name="x", email="x@x.example", message="once more")

    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert "once more</textarea>" in answer.text
    with app.app_context():
        assert len(Message.inbox()) == 29


def test_closed_contact_form_keeps_a_letter_that_was_being_written(ada, visitor):
    ada.act("settings.toggle_setting", key="contact_open")

    answer = visitor.act("messages.send_message", page="/contact", name="I", email="i@x.example", message="Long letter")

    assert answer.status_code == 409
    assert "Long letter</textarea>" in answer.text
    assert "closed at the moment" in visitor.get("/contact").text


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


def test_sign_in_gives_a_new_session_each_time(app, visitor):
    person = {"email": "ADA@hallway.example", "password": "open-the-door"}
    visitor.set_cookie(SESSION, "planted-by-someone-else")

    tokens = set()
    for _ in range(2):
        assert visitor.act("accounts.sign_in", **person).headers["Location"] == "/dashboard"
        tokens.add(visitor.get_cookie(SESSION).value)

    assert len(tokens) == 2
    assert "planted-by-someone-else" not in tokens
    stale = app.test_client()
    for token in tokens - {visitor.get_cookie(SESSION).value}:
        stale.set_cookie(SESSION, token)
        assert stale.get("/dashboard").status_code == 303


def test_session_cookie_is_kept_from_scripts_and_other_sites(visitor):
    answer = visitor.act("demo.switch_persona", persona="ada")

    cookie = next(line for line in answer.headers.getlist("Set-Cookie") if line.startswith("session="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_signing_out_ends_the_session_on_every_worker(make_app):
    one, other = make_app(), make_app()
    browser = one.test_client()
    browser.act("demo.switch_persona", persona="ada")
    elsewhere = other.test_client()
    elsewhere.set_cookie(SESSION, browser.get_cookie(SESSION).value)
    assert elsewhere.get("/dashboard").status_code == 200

    browser.act("accounts.sign_out")

    assert elsewhere.get("/dashboard").status_code == 303
    assert browser.get_cookie(SESSION) is None


def test_disabled_account_is_out_at_once(app, bob):
    result = app.test_cli_runner().invoke(args=["users", "disable", "bob@hallway.example"])

    assert result.exit_code == 0
    assert bob.get("/dashboard").status_code == 303
    again = app.test_client().act("accounts.sign_in", email="bob@hallway.example", password="open-the-door")
    assert again.status_code == 422


def test_session_of_a_disabled_account_opens_nothing_even_if_it_was_not_ended(app, bob):
    with app.app_context(), write(by="test"):
        User.by_handle("bob").disable()
        revalidate_everything()

    assert bob.get("/dashboard").status_code == 303
    assert bob.act("posts.create_post", title="x").status_code == 401


def test_session_ends_by_itself_after_two_weeks(bob):
    token, start = bob.get_cookie(SESSION).value, datetime.now(UTC)

    for minutes, status in ((-1, 200), (1, 303)):
        with time_machine.travel(start + timedelta(days=14, minutes=minutes)):
            bob.set_cookie(SESSION, token)
            assert bob.get("/dashboard").status_code == status


def test_unknown_address_and_wrong_password_get_the_same_answer_and_the_same_work(app, visitor, monkeypatch):
    checked = []
    real = User.check_password
    monkeypatch.setattr(
        User, "check_password", staticmethod(lambda user, text: checked.append(user) or real(user, text))
    )

    pages = [
        visitor.act("accounts.sign_in", page="/sign-in", email=email, password="wrong").text
        for email in ("ada@hallway.example", "nobody@hallway.example")
    ]

    ours, theirs = (re.sub(r'"_key" value="[^"]*"|\w+@hallway.example', "", page) for page in pages)
    assert ours == theirs
    assert len(checked) == 2
    assert checked[1] is None


def test_guessing_is_slowed_down_per_account_and_stays_so_after_a_restart(make_app):
    person, statuses = {"email": "ada@hallway.example", "password": "guess"}, []
    for _ in range(3):
        browser = make_app().test_client()
        statuses += [browser.act("accounts.sign_in", page="/sign-in", **person).status_code for _ in range(2)]

    answer = browser.act("accounts.sign_in", page="/sign-in", **person | {"password": "open-the-door"})

    assert statuses == [422] * 5 + [429]
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "1"
    assert browser.act("accounts.sign_in", email="bob@hallway.example", password="open-the-door").status_code == 303


def test_guessing_from_one_address_is_slowed_down_too(visitor):
    statuses = [
        visitor.act("accounts.sign_in", email=f"n{number}@x.example", password="guess").status_code
        for number in range(51)
    ]

    assert statuses == [422] * 50 + [429]


def guess(browser, forwarded):
    fields = {"email": f"{forwarded}@x.example", "password": "guess"}
    headers = {"Origin": "http://localhost", "X-Forwarded-For": forwarded}
    return browser.post("/_actions/accounts.sign_in", data=fields, headers=headers).status_code


def test_forged_forwarding_headers_do_not_help_a_guesser(make_app):
    browser = make_app().test_client()

    assert [guess(browser, f"10.0.0.{n}") for n in range(51)][-1] == 429


def test_visitors_behind_a_known_proxy_are_told_apart(make_app):
    browser = make_app(TRUSTED_PROXIES="1").test_client()

    assert [guess(browser, f"10.0.0.{n}") for n in range(51)][-1] == 422


def test_password_is_kept_as_argon2id_with_the_recommended_parameters(app):
    with app.app_context():
        assert User.by_email("ada@hallway.example").password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_operator_adds_an_account(app, visitor):
    command = ["users", "create", "--name", "Ina Berg", "--email", "Ina@x.example", "--role", "author"]
    run = app.test_cli_runner().invoke

    assert run(args=[*command, "--password", "short"]).exit_code == 2
    assert run(args=[*command, "--password", "long enough to keep"]).exit_code == 0
    assert run(args=[*command, "--password", "long enough to keep"]).exit_code == 2
    assert run(args=["users", "disable", "nobody@x.example"]).exit_code == 2
    namesake = [*command, "--email", "other@x.example", "--password", "long enough to keep"]
    assert run(args=namesake).exit_code == 0
    person = {"email": "ina@x.example", "password": "long enough to keep"}
    assert visitor.act("accounts.sign_in", **person).headers["Location"] == "/dashboard"


def test_persona_is_one_click_and_reset_restores_everything(app, visitor, find_post):
    visitor.act("demo.switch_persona", persona="edith")
    visitor.act("posts.delete_post", post_id=find_post(PUBLISHED).id)

    assert visitor.act("demo.reset").headers["Location"] == "/"

    assert find_post(PUBLISHED).status == "published"
    assert "Sign out Edith" in visitor.get("/").text
    with app.app_context():
        assert Post.count(None) == 24


def test_production_has_no_demo_actions(make_app):
    app = make_app(
        SECRET_KEY="kX9vQ2mP7rT4wY8zB3nC6fH1jL5sD0gA",
        PUBLIC_URL="http://localhost",
        TRUSTED_HOSTS="localhost",
    )

    assert app.test_client().act("demo.switch_persona", persona="ada").status_code == 404
    assert "Demo" not in app.test_client().get("/").text


def test_busy_database_is_a_readable_503_with_the_form_kept(make_app, data_dir):
    import sqlite3

    app = make_app(testing=False)
    browser = app.test_client()
    other = sqlite3.connect(data_dir / "hallway.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    answer = browser.act("messages.send_message", page="/contact", name="I", email="i@x.example", message="Long letter")
    read = browser.get("/blog")
    other.execute("ROLLBACK")
    other.close()

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
    assert "Long letter</textarea>" in answer.text
    assert read.status_code == 200
    retry = browser.act("messages.send_message", page="/contact", name="I", email="i@x.example", message="Long letter")
    assert retry.status_code == 303


def test_sweep_forgets_only_what_is_over(app, ada, visitor):
    before = visitor.get("/blog").text

    with app.app_context(), write(by="test"):
        assert db.session
    result = app.test_cli_runner().invoke(args=["sweep"])

    assert result.exit_code == 0
    assert ada.get("/dashboard").status_code == 200
    assert visitor.get("/blog").text == before

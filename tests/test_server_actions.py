"""What the hallway promises for every action."""

import re
import shutil
import subprocess
import sys

import pytest
from scenarios import LETTER, rows
from serving import ROOT
from sqlalchemy import text

from flask_revalidation import revalidate_everything, write
from flask_server_actions import Form, action, anyone, form_key, invalid, last_result, local_page, success
from flask_server_actions.declare import BadDeclaration
from models import Message, PostFilter, User, db
from web.auth import writers


def install(app, *items):
    app.extensions["server_actions"].actions.update({item.name: item for item in items})


def test_action_without_a_policy_does_not_start():
    with pytest.raises(BadDeclaration, match=r"action \w+\.open_door has no policy. Write @action\(allow="):

        @action()
        def open_door(form: Form, user: User):
            return success("")


def test_action_without_a_schema_does_not_start():
    with pytest.raises(BadDeclaration, match=r"action \w+\.open_door has no schema"):

        @action(allow=anyone("test"))
        def open_door(form, user):
            return success("")


def test_application_with_an_undeclared_policy_does_not_start(tmp_path):
    ignored = shutil.ignore_patterns(".*", "data", "tests", "__pycache__")
    house = shutil.copytree(ROOT, tmp_path / "house", ignore=ignored)
    with (house / "actions/posts.py").open("a") as posts:
        posts.write("\n\n@action()\ndef leak(form: OnePost, user: User) -> Result: ...\n")

    started = subprocess.run([sys.executable, "-m", "flask", "actions"], cwd=house, capture_output=True, text=True)

    assert started.returncode != 0
    assert "action posts.leak has no policy. Write @action(allow=…)" in started.stderr


def test_condition_of_a_form_is_none_of_the_page_that_answers_it(ada):
    sent = {"Origin": "http://localhost", "HX-Request": "true"}
    etag = ada.get("/dashboard/posts").headers["ETag"]
    kept = {"If-None-Match": etag}
    assert ada.get("/dashboard/posts", headers=kept).status_code == 304

    answer = ada.post("/_actions/posts.create_post?_page=/dashboard/posts", data={"title": ""}, headers=sent | kept)

    assert (answer.status_code, "<h1>Posts</h1>" in answer.text) == (422, True)


def test_plain_form_gets_303_to_the_page_it_was_on(ada):
    answer = ada.act("posts.create_post", page="/dashboard/posts?status=draft", title="Plain")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard/posts?status=draft")
    assert "“Plain” is saved as a draft." in ada.get("/dashboard/posts?status=draft").text


def test_htmx_gets_the_fresh_page_in_the_same_answer(ada):
    answer = ada.act("posts.create_post", page="/dashboard/posts?status=draft", htmx=True, title="Quick")

    assert answer.status_code == 200
    assert answer.text.startswith("<!doctype html>")
    assert "“Quick” is saved as a draft." in answer.text
    assert answer.text.count("Quick</a>") == 1
    assert "HX-Push-Url" not in answer.headers
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_both_ways_show_the_same_page(ada):
    fresh = ada.act("posts.create_post", page="/dashboard/posts", htmx=True, title="Same").text
    read = ada.get("/dashboard/posts").text

    def without_keys_message_and_focus(page):
        once = r'_key=[\w-]+|<p id="notice".*?</p>|(?<=id="row_26") tabindex="-1" autofocus'
        return re.sub(once, "", page, flags=re.DOTALL)

    assert without_keys_message_and_focus(fresh) == without_keys_message_and_focus(read)


def test_action_gives_its_connection_back_before_the_page_is_made(app, visitor, monkeypatch):
    held = []
    monkeypatch.setattr(
        "pages.accounts.render_template", lambda *_, **__: str(held.append(db.engine.pool.checkedout()))
    )

    guess = {"email": "ada@hallway.example", "password": "guess"}
    statuses = [visitor.act("accounts.sign_in", page="/sign-in", **guess).status_code for _ in range(6)]

    assert statuses == [422] * 5 + [429]
    assert held == [0] * 6


def test_action_that_only_reads_keeps_no_connection_beside_that_of_its_page(app, ada, monkeypatch):
    @action(allow=writers, writes=False)
    def look(form: Form, user):
        return success(f"{user.name} has looked.")

    install(app, look)
    held = []
    monkeypatch.setattr("pages.posts.render_template", lambda *_, **__: str(held.append(db.engine.pool.checkedout())))

    assert ada.act("test_server_actions.look", page="/dashboard/posts/1/edit", htmx=True).status_code == 200
    assert held == [1]


def test_answer_to_a_visitor_is_not_kept_for_others(app, visitor):
    @action(allow=anyone("test"))
    def wave(form: Form, user):
        return success("You waved.")

    install(app, wave)

    answer = visitor.act("test_server_actions.wave", page="/blog", htmx=True)

    assert "You waved." in answer.text
    assert "<h1>Posts</h1>" in answer.text
    assert "You waved." not in app.test_client().get("/blog").text


def test_redirect_answers_in_one_round_trip(app):
    browser = app.test_client()

    answer = browser.act("demo.switch_persona", page="/sign-in", htmx=True, persona="ada", next="/dashboard")

    assert answer.headers["HX-Push-Url"] == "/dashboard"
    assert "<h1>Overview</h1>" in answer.text
    assert "Sign out Ada" in answer.text


def test_redirect_elsewhere_is_left_to_the_browser(app, visitor):
    @action(allow=anyone("test"))
    def leave(form: Form, user):
        from flask_server_actions import redirect

        return redirect("https://checkout.example/1")

    install(app, leave)

    plain = visitor.act("test_server_actions.leave")
    htmx = visitor.act("test_server_actions.leave", htmx=True)

    assert (plain.status_code, plain.headers["Location"]) == (303, "https://checkout.example/1")
    assert (htmx.status_code, htmx.headers["HX-Redirect"]) == (200, "https://checkout.example/1")


@pytest.mark.parametrize("htmx", [False, True])
def test_invalid_form_comes_back_as_it_was_sent(app, visitor, htmx):
    answer = visitor.act(
        "messages.send_message", page="/contact", htmx=htmx, **LETTER | {"email": "nowhere", "name": ""}
    )

    assert answer.status_code == 422
    assert "<h1>Write to us</h1>" in answer.text
    assert "May we print it?</textarea>" in answer.text
    assert 'value="nowhere"' in answer.text
    assert 'role="alert" tabindex="-1" autofocus' in answer.text
    field = re.search(r'<input[^>]*name="email"[^>]*>', answer.text)[0]
    assert 'aria-invalid="true"' in field
    described = re.search(r'aria-describedby="([^"]*)"', field)[1].split()
    assert all(f'id="{name}"' in answer.text for name in described)
    assert rows(app, "message") == 9


def test_failure_rolls_back_the_write_and_the_versions(app, ada, monkeypatch):
    assert ada.get("/dashboard").status_code == 200

    def versions():
        with app.app_context():
            return dict(db.session.execute(text("SELECT tag, version FROM revalidation_tag")).tuples().all())

    at_first = versions()
    monkeypatch.setattr("actions.posts.success", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ada.act("posts.create_post", title="Never there")

    assert versions() == at_first
    assert rows(app, "post") == 25  # one of them is deleted
    assert rows(app, "form_key") == 0
    assert "Never there" not in ada.get("/dashboard").text


def test_fault_is_a_page_and_shows_no_code(make_app, monkeypatch):
    app = make_app(testing=False)
    monkeypatch.setattr("actions.messages.Message.send", lambda **_: 1 / 0)

    answer = app.test_client().act("messages.send_message", page="/contact", **LETTER)

    assert answer.status_code == 500
    assert "it is our fault" in answer.text
    assert "May we print it?" in answer.text
    assert "ZeroDivision" not in answer.text
    assert "Traceback" not in answer.text


def test_refusal_that_is_returned_is_committed_and_one_that_is_raised_is_not(app, visitor):
    def act(raised):
        Message.send(name="x", email="x@x.example", body="x")
        from flask_revalidation import revalidate_tag

        revalidate_tag("messages")
        refusal = invalid("No.")
        if raised:
            raise refusal
        return refusal

    @action(allow=anyone("test"))
    def returns(form: Form, user):
        return act(False)

    @action(allow=anyone("test"))
    def raises(form: Form, user):
        return act(True)

    install(app, returns, raises)

    assert visitor.act("test_server_actions.raises", page="/contact").status_code == 422
    assert rows(app, "message") == 9
    assert visitor.act("test_server_actions.returns", page="/contact").status_code == 422
    assert rows(app, "message") == 10


def test_policy_sees_the_caller_as_the_transaction_does(app, ada, find_post):
    with app.app_context(), write(by="test"):
        User.find_author("ada").role = "reader"
        revalidate_everything()
    post = find_post("names-on-doorbells")

    assert ada.act("posts.publish_post", post_id=post.id).status_code == 403
    assert find_post("names-on-doorbells").status == "draft"


@pytest.mark.parametrize("method", ["get", "head", "options", "put", "patch", "delete"])
def test_action_takes_post_only(visitor, method):
    answer = getattr(visitor, method)("/_actions/posts.create_post")

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_form_leads_back_to_the_page_that_its_address_names(visitor):
    own = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    answer = visitor.post("/_actions/messages.send_message?_page=/contact&_key=k&_shared=1", data=LETTER, headers=own)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/contact")


def test_reload_of_an_actions_address_leads_back_to_its_page(visitor):
    answer = visitor.get("/_actions/messages.send_message?_page=/contact&_key=x")
    elsewhere = visitor.get("/_actions/messages.send_message?_page=//evil.example")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/contact")
    assert elsewhere.status_code == 405
    assert visitor.head("/_actions/messages.send_message?_page=/contact").status_code == 303


def test_unknown_action_is_not_found(ada):
    assert ada.act("posts.no_such_thing").status_code == 404
    assert ada.act("os.system").status_code == 404


@pytest.mark.parametrize(
    "page",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "/\t/evil", "/_actions/posts.create_post",
     "/healthz", "/static/app.css", "/nowhere", "javascript:alert(1)", "", "/blog\r\nSet-Cookie: a=b", "/%zz", "/[::1"],
)  # fmt: skip
def test_only_pages_of_ours_are_returned_to(app, page):
    with app.test_request_context("/"):
        assert local_page(page, "/") == "/"


def test_page_of_ours_is_returned_to(app):
    with app.test_request_context("/"):
        assert local_page("/blog?tag=security&page=1") == "/blog?tag=security&page=1"


def test_form_says_itself_what_it_needs(visitor):
    page = visitor.get("/contact").text

    field = re.search(r'<input[^>]*name="name"[^>]*>', page)[0]
    assert 'required=""' in field
    assert 'maxlength="80"' in field


def test_post_is_found_through_its_writer(app):
    with app.app_context():
        bob, ada = User.find_author("bob"), User.find_author("ada")
        adas = next(post for post in PostFilter().page(size=100).rows if post.author_id == ada.id)

        from models import NotFound

        with pytest.raises(NotFound):
            bob.find_post(adas.id)
        with pytest.raises(NotFound):
            bob.find_post(99_999)
        assert ada.find_post(adas.id) is adas


@pytest.mark.parametrize("htmx", [False, True])
def test_what_is_shown_once_stands_on_that_page_and_nowhere_else(app, visitor, htmx):
    @action(allow=anyone("test"))
    def tell(form: Form, user):
        return success("Told.", reveal_once={"word": "open sesame"})

    install(app, tell)
    app.jinja_env.globals["asset"] = lambda name: last_result().reveal_once.get("word", "")

    first = visitor.act("test_server_actions.tell", page="/contact", htmx=htmx, _key="k")
    again = visitor.act("test_server_actions.tell", page="/contact", htmx=htmx, _key="k")

    assert first.status_code == 200
    assert "open sesame" in first.text
    assert first.headers["Cache-Control"] == "private, no-store"
    assert "Set-Cookie" not in first.headers
    assert again.status_code == (200 if htmx else 303)
    assert "open sesame" not in again.text + visitor.get("/contact").text
    assert "open sesame" not in str(success("Told.", reveal_once={"word": "open sesame"}))


def test_action_knows_the_key_of_its_form_before_and_in_the_transaction(app, visitor):
    seen = []

    @action(allow=anyone("test"), prepare=lambda _form, _user: seen.append(form_key()))
    def ask(form: Form, user, prepared):
        seen.append(form_key())
        return success("")

    install(app, ask)

    visitor.act("test_server_actions.ask", _key="one")
    visitor.act("test_server_actions.ask")

    assert seen == ["one", "one", "", ""]
    with app.test_request_context():
        assert form_key() == ""

"""The edges of bounds, and what lies right beside them."""

from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from types import SimpleNamespace
from typing import Annotated

import pytest
from flask import Flask, redirect
from items_app import echo, make, send
from pydantic import Field
from sqlalchemy import MetaData, text
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from flask_server_actions import Form, Result, ServerActions, Upload, UploadLimit, action, anyone
from flask_server_actions.declare import BadDeclaration
from flask_server_actions.extension import session_transaction
from flask_server_actions.form import rules
from flask_server_actions.idempotency import sweep_form_keys
from flask_server_actions.page import inside, local_page
from flask_server_actions.submission import MAX_BYTES, MAX_FIELDS, Submission
from flask_server_actions.upload import _content_type

NAME = "items_app.keep"
Paper = Annotated[Upload, UploadLimit(1000)]


class Words(Form):
    """Words."""

    words: list[str] = []


class Letter(Form):
    """A long text, and what belongs to it."""

    text: str = ""
    paper: Annotated[Upload, UploadLimit(100_000, "image/png", "text/plain")] | None = None


class Papers(Form):
    """Papers: at most three, as many as a form takes, and one alone."""

    three: list[Paper] = Field([], max_length=3)
    more: list[Paper] = []
    one: Paper | None = None


def test_what_is_typed_and_what_is_told_once_stand_in_no_repr(app):
    secret = "canary"
    form = Submission(app.extensions["server_actions"].actions[NAME], {"words": [secret]}, key=secret, resume=(secret,))
    result = Result(
        cookies={"session": (secret, {})}, reveal_once={"key": secret}, fields={"words": [secret]}, resume=(secret,)
    )

    assert NAME in repr(form)
    assert secret not in repr(form) + repr(result)


@pytest.fixture
def seen():
    return []


@pytest.fixture
def app(seen):
    return make(echo(Words, seen))


def test_form_may_have_as_many_fields_and_bytes_as_it_says_and_not_one_more(app, seen):
    most = [f"words={number}" for number in range(MAX_FIELDS)]
    kind = {"content_type": "application/x-www-form-urlencoded"}

    assert send(app, NAME, "&".join(most), **kind).status_code == 303
    assert send(app, NAME, "&".join([*most, "words=x"]), **kind).status_code == 413
    assert send(app, NAME, f"words={'x' * (MAX_BYTES - 7)}", **kind).status_code == 303
    assert send(app, NAME, f"words={'x' * (MAX_BYTES - 6)}", **kind).status_code == 413
    assert [len(form.words) for form in seen] == [MAX_FIELDS, 1]


def test_every_sign_that_can_be_shown_is_taken_and_no_other(app, seen):
    for sign in "\t ~\xa0\xad\u2028é😀":
        assert send(app, NAME, {"words": f"a{sign}b"}).status_code == 303, sign
    for sign in "\0\x08\x0b\x1f\x7f\x80\x9f\ufffd":
        assert send(app, NAME, {"words": f"a{sign}b"}).status_code == 422, sign

    send(app, NAME, {"words": "a\r\nb\rc\nd"})
    assert seen[-1].words == ["a\nb\nc\nd"]


def test_form_with_files_takes_the_bytes_of_all_that_it_may_have():
    found = rules(Papers)

    assert {name: rule["max_bytes"] for name, rule in found.items()} == {"three": 3000, "more": 10_000, "one": 1000}
    assert [name for name, rule in found.items() if rule["blank_is_none"]] == ["one"]
    paper = {"type": "string", "format": "binary", "maxBytes": 100_000, "accept": "image/png,text/plain"}
    assert paper.items() <= rules(Letter)["paper"].items()


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVEfmt ", "application/octet-stream"),
        (b"XIFF\0\0\0\0WEBPVP8 ", "application/octet-stream"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"%PDF-1.7", "application/pdf"),
        (b"PK\x03\x04", "application/zip"),
        (b"words\tand\r\nlines\f", "text/plain"),
        (b"", "text/plain"),
        (b"\x1f", "application/octet-stream"),
        (b" ", "text/plain"),
    ],
)
def test_file_is_what_its_first_bytes_say(head, kind):
    assert _content_type(head) == kind


def test_file_may_be_as_large_as_it_says_and_its_name_has_no_folder(seen):
    app = make(echo(Papers, seen))

    for size, status in ((1000, 303), (1001, 422)):
        assert send(app, NAME, {"one": (BytesIO(b"x" * size), "a/b/paper.txt")}).status_code == status
    assert (seen[0].one.size, seen[0].one.filename, len(seen)) == (1000, "paper.txt", 1)
    assert seen[0].one.digest == sha256(b"x" * 1000).hexdigest()


def test_form_with_a_file_has_room_for_both(seen):
    app = make(echo(Letter, seen))
    sent = {"text": "x" * 950_000, "paper": FileStorage(BytesIO(b"y" * 100_000), "paper.txt")}
    boundary, body = encode_multipart(sent)

    assert send(app, NAME, body, content_type=f"multipart/form-data; boundary={boundary}").status_code == 303
    assert (len(seen[0].text), seen[0].paper.size) == (950_000, 100_000)


def test_what_was_typed_is_told_again_without_files(seen):
    app = make(echo(Letter, seen))
    action = app.extensions["server_actions"].actions[NAME]
    sent = {"text": "tea", "paper": (BytesIO(b"y"), "paper.txt")}
    with app.test_request_context("/", method="POST", data=sent):
        assert Submission.read(action).texts() == {"text": ["tea"], "paper": []}


def test_page_that_answers_is_asked_as_its_address_says_and_without_the_form(seen):
    told = "[{{ request.query_string.decode() }}|{{ request.method }}|{{ request.content_length }}|{{ request.form }}]"
    app = make(echo(Words, seen), page=told)
    sent = send(app, NAME, {"words": "tea"}, query_string={"_page": "/?a=1", "words": "milk"}, htmx=True)

    assert sent.text == "[a=1|GET|None|ImmutableMultiDict([])]"


def test_library_serves_its_own_scripts(app):
    with app.test_client().get("/_actions/static/forms.js") as answer:
        assert answer.status_code == 200


def test_own_fields_of_the_mechanism_are_no_fields_of_the_form(app, seen):
    own = {"_key": "k" * 70, "_page": "/", "_resume": '["a.b", {"words": ["x"]}]', "_shared": "1"}
    action = app.extensions["server_actions"].actions[NAME]
    with app.test_request_context("/", method="POST", data={"words": "tea", **own}):
        submission = Submission.read(action)
    assert submission.values == {"words": ["tea"]}
    assert (submission.key, submission.page, submission.resume) == ("k" * 64, "/", ("a.b", {"words": ["x"]}))


@pytest.mark.parametrize(
    ("path", "page"),
    [("/", "/"), ("/?a=1", "/?a=1"), ("/_actions/items_app.keep", "!"), ("/static/a.js", "!"),
     ("/?é", "!"), ("/?\\", "!"), ("/?\t", "!"),
     ("//evil.example", "!"), ("//evil.example/", "!"), ("/nowhere", "!"), ("", "!"), (None, "!"),
     ("http://evil.example/", "!"), ("/\\evil.example", "!"), ("/_actions/static/server_actions.js", "!")],
)  # fmt: skip
def test_form_leads_back_to_a_page_of_this_site_alone(app, path, page):
    with app.test_request_context("/"):
        assert local_page(path, "!") == page
        assert local_page(path) == page.replace("!", "/")


def test_key_of_a_form_is_stored_once(app):
    keys = app.extensions["server_actions"].form_keys

    assert [column.name for column in keys.primary_key] == ["digest"]
    assert not any(column.nullable for column in keys.columns)


def test_poll_takes_no_message_from_the_window_that_it_is_for(app):
    client = app.test_client()
    send(app, NAME, {"words": "tea"}, client=client)

    for headers, told in (({"Poll": "1"}, False), ({}, True), ({}, False)):
        assert ("Kept." in client.get("/", headers=headers).text) == told


def test_refusal_on_a_page_that_asks_for_a_sign_in_is_a_sign_in(seen):
    app = make(echo(Words, seen), sign_in="/sign-in")
    app.add_url_rule("/secret", "secret", lambda: redirect("/sign-in", 303))
    app.add_url_rule("/sign-in", "sign_in", lambda: "Please sign in.")
    page = {"Referer": "http://localhost/secret"}

    assert send(app, NAME, {"words": "\0"}, headers=page).status_code == 401
    assert send(app, NAME, {"words": "tea"}, headers=page).status_code == 303


def test_keys_that_a_page_may_hold_are_never_forgotten_and_others_a_few_at_a_time(app):
    for key in "abc":
        send(app, NAME, {"words": key}, query_string={"_key": key})
    session = app.extensions["items"][0].session
    with app.app_context():
        assert sweep_form_keys(session) == 0
        assert sweep_form_keys(session, timedelta(minutes=1)) == 0
        assert [sweep_form_keys(session, timedelta(minutes=-1), 2) for _ in range(3)] == [2, 1, 0]


@pytest.mark.parametrize("given", [{"transaction": session_transaction}, {"metadata": MetaData()}, {}])
def test_application_does_not_start_without_transaction_and_table(given):
    app = Flask("nothing")
    app.secret_key = "k"

    with pytest.raises(BadDeclaration, match="No transaction"):
        ServerActions(app, **given)


@pytest.mark.parametrize(
    ("path", "own"), [("/app/x", "/x"), ("/other", "/other"), ("/app", "/app"), ("/apple", "/apple")]
)
def test_page_of_a_site_under_a_prefix_is_known_without_it(app, path, own):
    with app.test_request_context("/", environ_overrides={"SCRIPT_NAME": "/app"}):
        assert inside(path) == own


def test_database_that_is_busy_asks_to_come_again_in_two_seconds():
    @action(allow=anyone("a test"))
    def act(form: Words, user):
        raise KeyError

    answer = send(make(act, busy=(KeyError,)), act.name)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")


def test_result_below_400_is_done_and_no_other():
    assert [Result(status=status).ok for status in (200, 303, 399, 400, 401)] == [True] * 3 + [False] * 2


def test_what_another_extension_offers_is_taken(app):
    offered = {"is_shared": lambda: True, "busy": (KeyError,)}
    plugged = Flask("plugged")
    plugged.secret_key, plugged.extensions["revalidation"] = "k", SimpleNamespace(server_actions=offered)
    ServerActions(plugged, transaction=session_transaction, metadata=MetaData())

    assert {name: getattr(plugged.extensions["server_actions"], name) for name in offered} == offered


def test_action_is_called_in_python_with_one_value_or_several(app, seen):
    with app.test_request_context("/"):
        for words in ("tea", ["tea"], ["tea", "milk"]):
            assert ServerActions.call(NAME, {"words": words}).ok
        assert ServerActions.call(NAME).ok

    assert [form.words for form in seen] == [["tea"], ["tea"], ["tea", "milk"], []]


def test_action_answers_nobody_who_only_asks_what_it_takes(app):
    headers = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}

    assert app.test_client().options(f"/_actions/{NAME}", headers=headers).status_code == 405
    for ask in (app.test_client().get, app.test_client().head):  # from anywhere, for it only reads
        answer = ask(f"/_actions/{NAME}")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_action_begins_a_transaction_of_its_own_whatever_was_read_before(app):
    db, item = app.extensions["items"]
    with app.app_context():
        db.session.execute(text("SELECT 1"))
        with session_transaction(db.session, "a test") as session:
            session.add(item(name="tea"))
        db.session.rollback()
        assert db.session.query(item).count() == 1

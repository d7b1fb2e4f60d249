"""Unknown data from a hostile caller: each refusal is a page, and no row changes."""

import re
import threading
from html.parser import HTMLParser

import pytest
from attack_table import ACTIONS, table
from scenarios import fingerprint, form_key, good_fields

ALL = sorted(table(ACTIONS))
PLAIN = [name for name in ALL if name != "pictures.add_picture"]  # which takes a file: tests/test_pictures.py
OWN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
NUMBERS = {"post_id", "version", "comment_id", "message_id", "key_id", "delivery_id"}
FORM = "application/x-www-form-urlencoded"


def send_raw(browser, name, body, content_type=FORM):
    return browser.post(f"/_actions/{name}", data=body, content_type=content_type, headers=OWN)


def refused(answer, *statuses):
    assert answer.status_code in statuses
    assert "<h1" in answer.text
    assert "Traceback" not in answer.text


@pytest.fixture
def unchanged(app, ada):
    """Check at the end that the database is as it was after signing in."""
    before = fingerprint(app)
    yield
    assert fingerprint(app) == before


@pytest.mark.parametrize("name", ALL)
def test_unknown_field_is_refused(app, ada, unchanged, name):
    for extra in ("role", "author_id", "is_admin", "__class__", "user[role]", "id", "created_at"):
        refused(ada.act(name, **good_fields(app, name), **{extra: "owner"}), 422)


@pytest.mark.parametrize("name", ALL)
def test_repeated_field_is_refused(app, ada, unchanged, name):
    fields = good_fields(app, name) or {"x": "1"}
    twice = {field: [value, value] for field, value in fields.items() if field != "picture"}

    refused(ada.act(name, **twice), 422)


@pytest.mark.parametrize("name", PLAIN)
def test_text_that_cannot_be_stored_is_refused(app, ada, unchanged, name):
    for field, value in good_fields(app, name).items():
        for odd in (f"{value}\0", f"\x1b[31m{value}", f"{value}\x85"):
            refused(ada.act(name, **good_fields(app, name) | {field: odd}), 422)
    for body in (b"title=%ED%A0%80", b"title=%FF%FE", b"title=\xff", b"\x00", b"=&=&=", b"title=%00"):
        refused(send_raw(ada, name, body), 422)


@pytest.mark.parametrize("name", ALL)
def test_numbers_out_of_range_are_refused(app, ada, unchanged, name):
    for field in NUMBERS & good_fields(app, name).keys():
        for odd in (2**63, 2**31, -1, 0, "1e3", "0x10", "", "1.5", "NaN", "٣x", "9" * 5000):
            refused(ada.act(name, **good_fields(app, name) | {field: odd}), 422)


@pytest.mark.parametrize("name", PLAIN)
def test_too_much_is_refused(app, ada, unchanged, name):
    refused(send_raw(ada, name, b"a=1&" * 60_000), 413)
    refused(send_raw(ada, name, b"title=" + b"x" * 1_000_001), 413)


@pytest.mark.parametrize("name", PLAIN)
def test_only_plain_forms_are_taken(app, ada, unchanged, name):
    refused(send_raw(ada, name, b'{"title": "x"}', "application/json"), 415)
    refused(send_raw(ada, name, b"title=x", "text/plain"), 415)
    refused(
        send_raw(
            ada,
            name,
            b'--b\r\nContent-Disposition: form-data; name="t"\r\n\r\nx\r\n--b--',
            "multipart/form-data; boundary=b",
        ),
        415,
    )


HOUSE = ("posts", "pictures", "settings", "comments", "api_keys", "deliveries")


@pytest.mark.parametrize("name", [name for name in ALL if name.startswith(HOUSE)])
def test_nobody_signed_in_is_asked_to_sign_in(app, visitor, unchanged, name):
    answer = visitor.act(name, **good_fields(app, name))

    refused(answer, 401)
    assert "<h1>Sign in</h1>" in answer.text


STRANGERS = {
    "cleo": [
        name
        for name in ALL
        if name.startswith(("posts", "pictures", "settings", "messages.mark", "api_keys", "deliveries"))
    ],
    "bob": [
        *(name for name in ALL if name.startswith(("settings", "messages.mark", "deliveries"))),
        *("posts.delete_post", "posts.preview_post", "posts.restore_post", "posts.unpublish_post", "posts.update_post"),
        *("comments.delete_comment", "api_keys.revoke_key"),
    ],
}


@pytest.mark.parametrize(("person", "name"), [(person, name) for person, names in STRANGERS.items() for name in names])
def test_stranger_cannot_touch_what_is_anothers(app, sign_in, person, name):
    stranger, fields = sign_in(person), good_fields(app, name)
    before = fingerprint(app)

    refused(stranger.act(name, **fields), 403, 404)
    assert fingerprint(app) == before


def test_anothers_and_nobodys_look_the_same(app, bob):
    anothers = bob.act("posts.delete_post", post_id=good_fields(app, "posts.delete_post")["post_id"])
    nobodys = bob.act("posts.delete_post", post_id=99_999)

    assert anothers.status_code == nobodys.status_code == 404
    assert re.sub(r"_key=[\w-]+", "", anothers.text) == re.sub(r"_key=[\w-]+", "", nobodys.text)


RECORDS = [
    name for name in ALL if re.search(r"_(post|comment|like|read|unread|key|delivery)$", name) and "create" not in name
]


@pytest.mark.parametrize("name", RECORDS)
def test_deleted_record_is_not_found_and_the_words_are_kept(app, ada, name):
    fields = good_fields(app, name)
    fields |= {field: 99_999 for field in NUMBERS - {"version"} if field in fields}
    fields |= {"body": "Half an hour of typing"} if "body" in fields else {}
    before = fingerprint(app)

    answer = ada.act(name, page="/dashboard/posts/99999/edit", **fields)

    refused(answer, 404)
    assert "body" not in fields or "Half an hour of typing</textarea>" in answer.text
    assert fingerprint(app) == before


def test_session_that_ended_in_another_tab_opens_nothing(app, ada):
    stale = ada.get_cookie("session").value
    ada.act("accounts.sign_out")
    ada.set_cookie("session", stale)
    before = fingerprint(app)

    refused(ada.act("posts.create_post", title="x"), 401)
    assert ada.get("/dashboard").status_code == 303
    assert fingerprint(app) == before


SCRIPTS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<div hx-get=/x hx-trigger=load data-hx-post=/y>",
    "[x](javascript:alert(1)) <javascript:alert(1)> ![x](data:text/html,x)",
    "<svg/onload=alert(1)><style>*{}</style><a href=//evil.example style=x>x</a>",
    "{{ 7*7 }}{% raw %}",
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_in_a_text_field_is_shown_and_never_run(app, ada, script):
    post = good_fields(app, "posts.update_post")
    pages = ["/", "/blog", "/blog/the-letter-slot-and-the-front-desk", "/dashboard", "/dashboard/inbox"]
    pages += ["/dashboard/posts", f"/dashboard/posts/{post['post_id']}/edit"]
    ours = {found for page in pages for found in dangerous(ada.get(page).text)}
    assert ada.act("posts.update_post", **post | {"title": script[:100], "body": script}).status_code == 303
    assert ada.act("comments.add_comment", post_id=post["post_id"], body=script).status_code == 303
    assert ada.act("messages.send_message", name=script[:80], email="a@b.example", message=script).status_code == 303

    for page in pages:
        text = ada.get(page).text
        assert "49{" not in text
        assert dangerous(text) - ours == set()


class Reader(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self):
        super().__init__()
        self.found = set()

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            leads_away = name in ("href", "src") and re.match(r"javascript:|data:|//", value or "")
            if name.startswith("on") or name in ("style", "hx-get", "data-hx-post") or leads_away:
                self.found.add((tag, name, value))
        if tag in ("style", "iframe", "svg") or (
            tag == "script" and not dict(attrs).get("src", "").startswith("/static/")
        ):
            self.found.add((tag, *attrs))


def dangerous(page):
    reader = Reader()
    reader.feed(page)
    return reader.found


def test_two_submits_at_once_have_one_effect(make_app):
    app = make_app(testing=False)
    first = app.test_client()
    key = form_key(first.get("/contact").text)
    letter, gate, statuses = good_fields(app, "messages.send_message"), threading.Barrier(6), []

    def send():
        client = app.test_client()
        gate.wait()
        statuses.append(client.act("messages.send_message", page="/contact", _key=key, **letter).status_code)

    senders = [threading.Thread(target=send) for _ in range(6)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()

    from models import Message

    assert statuses == [303] * 6
    with app.app_context():
        assert len(Message.inbox().rows) == 10


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "/%5cevil", "/_actions/x"]
)
def test_sign_in_never_leads_elsewhere(visitor, target):
    form = visitor.get("/sign-in", query_string={"next": target})
    answer = visitor.act(
        "accounts.sign_in", page="/sign-in", email="ada@hallway.example", password="open-the-door", next=target
    )

    assert form.status_code == 200
    assert (answer.status_code, answer.headers["Location"]) == (303, "/dashboard")


def test_safe_methods_write_nothing(app, ada):
    before = fingerprint(app)
    paths = ["/", "/blog", "/contact", "/sign-in", "/dashboard", "/dashboard/posts", "/dashboard/inbox"]

    for path in [
        *paths,
        "/dashboard/settings",
        "/dashboard/members",
        "/dashboard/developers",
        "/support",
        "/support/checkout/cs_demo_0123456789abcdef01234567",
        "/feed.xml",
        "/feed.json",
        "/dashboard/posts/3/edit",
        "/healthz",
        "/readyz",
        "/_actions/demo.reset",
    ]:
        for method in ("get", "head", "options"):
            for query in ("", "?before=1", "?next=/x", "?status=draft", "?x=%00%ff", "?before=99999999999999999999"):
                assert getattr(ada, method)(path + query).status_code < 500

    assert fingerprint(app) == before

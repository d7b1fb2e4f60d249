"""The gate: nobody gets in with half a body, a made-up browser, or an address of a thousand spellings."""

import re
import socket
from io import BytesIO
from urllib.parse import urlencode

import pytest
from keys import bearer, issue_key
from scenarios import DRAFT, LETTER, PUBLISHED, fingerprint, form_key, good_fields, png
from serving import serving
from test_hostile_forms import FORM, OWN, PLAIN
from test_structure import ROOT
from webhooks import GITHUB, STRIPE, encoded, event, signed

from demo.keys import DEMO_CRON_SECRET
from web.gate import network_of

DOORS = {  # what a program may write, and the body that it announces
    "POST /api/v1/posts": b'{"title": "A new one"}',
    "PATCH /api/v1/posts/of-bob": b'{"title": "Changed"}',
    "DELETE /api/v1/posts/of-bob": b'{"why": "a body that means nothing"}',
    "PUT /api/v1/posts/of-bob/publication": b'{"at": "2031-01-01T00:00:00+00:00"}',
    "DELETE /api/v1/posts/of-bob/publication": b" ",
    "POST /api/v1/pictures": png()[0].getvalue(),
    "POST /api/cron/publish-due": b"{}",
    f"POST {STRIPE}": encoded(event()),
    f"POST {GITHUB}": b'{"action": "published"}',
}


@pytest.fixture
def headers(app):
    """Whatever opens a door."""
    from flask_revalidation import write
    from models import User

    with app.app_context(), write(by="tests"):
        User.find_author("bob").write("A draft", slug="of-bob")
    return bearer(issue_key(app, "bob")) | {"If-Match": "*"}


def cut_off(client, path, body, *, method="POST", announced=1, **options):
    """Send `body`, and announce more: what the application is handed where a connection has broken off."""
    # gunicorn says of every body that it has come to its end, whole or not.
    arrived = {"wsgi.input_terminated": True, "CONTENT_LENGTH": str(len(body) + announced)}
    return client.open(path, method=method, input_stream=BytesIO(body), environ_overrides=arrived, **options)


@pytest.mark.parametrize("name", PLAIN)
def test_form_that_was_cut_off_does_nothing(app, ada, name):
    body, before = urlencode(good_fields(app, name)).encode(), fingerprint(app)

    for arrived in {body, body[: len(body) // 2], b""}:
        answer = cut_off(ada, f"/_actions/{name}", arrived, content_type=FORM, headers=OWN)
        assert answer.status_code == 400
        assert "That request made no sense" in answer.text
    assert fingerprint(app) == before


@pytest.mark.parametrize("operation", DOORS)
def test_request_that_was_cut_off_opens_no_door(app, headers, operation):
    method, path = operation.split()
    body, before = DOORS[operation], fingerprint(app)
    if path == STRIPE:
        headers["Stripe-Signature"] = signed(body)
    if "cron" in path:
        headers = bearer(DEMO_CRON_SECRET)

    for arrived in {body, body[:-1], b""}:
        missing = len(body) - len(arrived) + 1
        answer = cut_off(app.test_client(), path, arrived, method=method, announced=missing, headers=headers)
        assert (answer.status_code, answer.content_type) == (400, "application/problem+json"), arrived
    assert fingerprint(app) == before


def test_every_door_that_writes_is_tried(app):
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/")]
    unsafe = {f"{method} {rule.rule}" for rule in rules for method in rule.methods - {"GET", "HEAD", "OPTIONS"}}

    assert unsafe == {operation.replace("of-bob", "<slug>") for operation in DOORS}


def talk(port, request):
    """Send bytes, no more of them, and return what is answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


HEAD = "POST {path} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: same-origin\r\nContent-Type: {type}\r\n{more}\r\n"
CHUNKS = {
    "no number": b"zz\r\nname=x\r\n0\r\n\r\n",
    "negative": b"-5\r\nname=x\r\n0\r\n\r\n",
    "shorter than it says": b"50\r\nname=x\r\n",
    "without an end": b"6\r\nname=x\r\n",
    "longer than it says": b"3\r\nname=x\r\n0\r\n\r\n",
    "nothing at all": b"",
    "without the last line end": b"6\r\nname=x\r\n0\r\n",
    "half of the last one": b"6\r\nname=x\r\n0",
    "space before": b" 6\r\nname=x\r\n0\r\n\r\n",
    "tab behind": b"6\t\r\nname=x\r\n0\r\n\r\n",
    "lines that end with LF": b"6\nname=x\n0\n\n",
    "endless size": b"1" * 10_000,
    "behind a good one": b"6\r\nname=x\r\nq\r\n",
    "bad trailer": b"6\r\nname=x\r\n0\r\nno colon\r\n\r\n",
    "in a body that is too large": b"%x\r\n%s\r\nzz\r\n" % (2_000_000, b"x" * 2_000_000),
}


def test_broken_bodies_are_refused_by_the_real_server_and_are_no_fault_of_ours(data_dir, app):
    before = fingerprint(app)
    letter = urlencode(LETTER).encode()
    with serving(data_dir, workers=1) as server:
        for path, kind in (("/_actions/messages.send_message", FORM), (STRIPE, "application/json")):
            head = HEAD.format(path=path, type=kind, more="Content-Length: 500\r\n").encode()
            assert talk(server.port, head + letter).startswith("HTTP/1.1 400"), path
            for name, chunks in CHUNKS.items():
                head = HEAD.format(path=path, type=kind, more="Transfer-Encoding: chunked\r\n").encode()
                assert talk(server.port, head + chunks).startswith("HTTP/1.1 400"), (path, name)
        assert "Traceback" not in server.log.read_text()
    assert fingerprint(app) == before


@pytest.mark.parametrize(
    ("spelling", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("[::ffff:203.0.113.9]:4711", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", "unknown"),
        ("[nonsense", "unknown"),
        ("", "unknown"),
    ],
)
def test_network_has_one_spelling(spelling, network):
    assert network_of(spelling) == network


def test_browser_cannot_make_up_who_it_is(app, find_post):
    post, likes = find_post(PUBLISHED), []

    for number in range(60):
        client = app.test_client()
        client.set_cookie("visitor", f"made-up-{number}")
        likes.append(client.act("likes.toggle_like", post_id=post.id).status_code)

    assert likes == [303] * 50 + [429] * 10
    assert find_post(PUBLISHED).like_count == post.like_count + 50


def test_known_browser_without_account_cannot_like_without_end(app, visitor, find_post):
    post = find_post(PUBLISHED)

    def like():
        return visitor.act("likes.toggle_like", post_id=post.id).status_code

    assert [like(), like()] == [303, 303]
    many = "UPDATE rate_limit SET hits = hits + 497 WHERE hits = 2 AND bucket LIKE :bucket"
    app.extensions["rate_limiter"]._run(many, bucket="likes.toggle_like % 500/%")
    assert [like(), like()] == [303, 429]


def test_strangers_who_guess_lock_nobody_out_of_a_browser_that_is_known(app, visitor):
    ada = {"email": "ada@hallway.example", "password": "open-the-door"}
    assert visitor.act("accounts.sign_in", **ada).status_code == 303
    visitor.act("accounts.sign_out")
    for _ in range(60):  # from her own network, and past every limit of it
        stranger = app.test_client().act("accounts.sign_in", email=ada["email"].upper(), password="a guess")
    assert stranger.status_code == 429

    assert visitor.act("accounts.sign_in", **ada).status_code == 303


def test_known_browser_guesses_no_faster_and_is_known_to_one_account_alone(app, visitor):
    visitor.act("accounts.sign_in", email="bob@hallway.example", password="open-the-door")
    visitor.act("accounts.sign_out")

    def guesses(email):
        return [visitor.act("accounts.sign_in", email=email, password="a guess").status_code for _ in range(12)]

    assert guesses("bob@hallway.example") == [422] * 10 + [429] * 2
    assert guesses("ada@hallway.example") == [422] * 5 + [429] * 7


def test_key_of_anothers_form_gets_nobody_anothers_answer(app, ada, bob, find_post):
    draft = find_post(DRAFT)
    key = form_key(ada.get("/dashboard/posts").text)
    assert ada.act("posts.delete_post", _key=key, post_id=draft.id).status_code == 303

    answer = bob.act("posts.delete_post", page="/dashboard/posts", htmx=True, _key=key, post_id=draft.id)

    assert answer.status_code == 404
    assert "Undo" not in answer.text


def test_only_the_gate_reads_addresses_cookies_and_bodies():
    raw = re.compile(r"remote_addr|REMOTE_ADDR|request\.(cookies|get_data|data|stream|get_json\(\)|access_route)")
    files = [path for name in ("actions", "api", "pages", "models", "web") for path in (ROOT / name).glob("**/*.py")]
    found = {path.relative_to(ROOT).as_posix() for path in files if raw.search(path.read_text())}

    # The first answers in front of Flask; the other parses what the gate has read.
    assert found - {"web/gate.py"} == {"web/fast_hits.py", "web/strict_json.py"}

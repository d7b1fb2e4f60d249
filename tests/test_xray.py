"""The X-ray: one timeline for everyone who knocks, without a secret in it, in a file of its own."""

import re
import sqlite3
from functools import partialmethod
from urllib.parse import quote

import pytest
from api_client import issue_key
from conftest import Browser
from scenarios import POST, SESSION, fingerprint
from test_structure import ROOT
from webhooks import encoded, event, github_signature, release, signed

from api.cron import run_due
from demo.keys import DEMO_CRON_SECRET

redact, story, trace = (pytest.importorskip(f"xray.{name}", reason="the folder xray/ is taken out")
                        for name in ("redact", "story", "trace"))  # fmt: skip
HIDDEN, told, Trace = redact.HIDDEN, story.told, trace.Trace
BEARER = {"Authorization": f"Bearer {DEMO_CRON_SECRET}"}


class Whole(Browser):
    """A browser that reads each answer to its end: what was seen is kept when the answer is out."""

    open = partialmethod(Browser.open, buffered=True)


@pytest.fixture
def watched(make_app):
    """Make an application with the X-ray on."""

    def start(**environment):
        app = make_app(XRAY="1", **environment)
        app.test_client_class = Whole
        return app

    return start


@pytest.fixture
def app(watched):
    return watched()


def traces(app, **wanted):
    """Return what was kept, newest first."""
    found = app.extensions["xray"].latest()
    return [facts for facts in found if all(facts[name] == value for name, value in wanted.items())]


def trace_of(app, answer):
    return app.extensions["xray"].find(answer.headers["X-Trace-Id"])


def test_one_timeline_has_pages_actions_api_webhooks_cron_and_the_clock(app, ada, visitor, monkeypatch):
    body = encoded(event())
    visitor.get("/")
    ada.act("posts.publish_post", post_id=14)
    visitor.get("/api/v1/posts")
    visitor.get("/feed.xml")
    visitor.post("/api/webhooks/stripe", data=body, headers={"Stripe-Signature": signed(body)})
    visitor.post("/api/cron/publish-due", headers=BEARER)
    app.test_cli_runner().invoke(args=["cron", "publish-due"])
    monkeypatch.setenv("SERVER_SOFTWARE", "gunicorn")
    with app.app_context():
        run_due()

    kinds = [facts["boundary"] for facts in traces(app)]
    page = visitor.get("/xray").text

    assert kinds[:8] == ["schedule", "command", "cron", "webhook", "feed", "api", "action", "page"]
    assert page.count('<li id="trace_') == len(set(kinds)) + 1  # Ada's sign-in too
    assert "Ada → posts.publish_post → 2 tags replaced: /blog/" in page
    assert "<script" in page  # which the page does without
    assert re.search(r'<a href="/xray/[0-9a-f]{12}">', page)


def test_trace_tells_in_causal_order_who_which_function_what_was_decided_and_what_is_fresh(app, ada):
    facts = trace_of(app, ada.act("posts.publish_post", page="/dashboard/posts", htmx=True, post_id=14))

    assert facts["who"] == "Ada, owner"
    assert re.fullmatch(r"actions/posts\.py:\d+", facts["place"])
    assert [step["what"] for step in facts["steps"]] == ["schema", "begin", "policy", "function", "commit", "page"]
    assert {part["how"] for part in facts["parts"]} == {"filled"}
    assert "UPDATE post SET" in " ".join(statement["text"] for statement in facts["statements"])
    assert facts["fresh"][:6] == ["front page", "list", "post", "Atom feed", "JSON feed", "numbers"]
    assert re.search(r"cannot drift apart\. Fresh by it: front page, list, .*: \d+ places, 1 request", facts["strip"])

    page = ada.get(f"/xray/{facts['id']}").text
    for said in ("writers lets pass Ada", "actions/posts.py", 'class="line declares"', "verb Publication.publish"):
        assert said in page
    headings = [re.split("[:,]", heading)[0] for heading in re.findall("<h2[^>]*>(.*?)</h2>", page)]
    assert headings[:6] == ["Who called", "Which boundary", "The function", "What happened", "HTTP", "The form"]
    assert headings[6:9] == ["Who may", "SQL", "Tags replaced"]
    assert headings[9:11] == ["Copies that the answer was made of", "What it took"]


REFUSED = [
    ("bob", {"post_id": 1, "role": "owner"}, 422, "hostile caller: the schema said no"),
    ("cleo", {"post_id": 1}, 403, "the policy `writers` said no"),
    ("bob", {"post_id": 24}, 404, "what is not theirs and what is not there look the same"),
    (None, {"post_id": 1}, 401, "it is called like a function does not stop it from being a server boundary"),
]


@pytest.mark.parametrize(("person", "fields", "status", "said"), REFUSED)
def test_refusal_names_the_rule_in_the_words_of_the_article(app, sign_in, visitor, person, fields, status, said):
    facts = trace_of(app, (sign_in(person) if person else visitor).act("posts.publish_post", **fields))

    assert (facts["status"], facts["tags"]) == (status, [])
    assert said in facts["strip"]
    assert ": refused" in facts["sentence"]


BROWSER = "text/html,application/xhtml+xml"


def press(browser, name, *, words="", accept="*/*", **fields):
    """Send a form as a browser does: with what is pressed, where script sends it, or as one that has no script."""
    browser.environ_base |= {"HTTP_X_PRESSED": words, "HTTP_ACCEPT": accept}
    return browser.act(name, **fields)


def test_row_strip_and_detail_say_what_was_pressed(app, ada, visitor):
    facts = trace_of(app, press(ada, "posts.publish_post", post_id=14, words=quote("Publish «now»")))

    assert facts["sentence"].startswith("Ada pressed “Publish «now»” → posts.publish_post → 2 tags replaced")
    assert facts["strip"].startswith("Ada pressed “Publish «now»” → posts.publish_post wrote")
    assert "Ada, owner, by pressing “Publish «now»”" in visitor.get(f"/xray/{facts['id']}").text
    refused = trace_of(app, press(ada, "posts.publish_post", post_id=99, words="Publish"))
    assert refused["strip"].startswith("Ada pressed “Publish”. The row is looked for")


def test_without_script_the_template_knows_the_button(app, ada):
    for name, words in [
        ("posts.publish_post", "Publish"),
        ("likes.toggle_like", "Like"),
        ("posts.preview_post", "Preview"),
    ]:
        facts = trace_of(app, press(ada, name, post_id=14, accept=BROWSER))
        assert facts["sentence"].startswith(f"Ada pressed “{words}” → {name}")
    assert trace_of(app, press(ada, "posts.publish_post", post_id=14))["pressed"] == ""  # a program presses nothing
    assert trace_of(app, press(ada, "outside.call", accept=BROWSER))["pressed"] == ""  # its form has many words


def test_words_for_buttons_stand_in_the_templates():
    texts = "".join(path.read_text() for path in ROOT.glob("templates/**/*.html"))
    for name, words in story.WORDS["buttons"].items():
        assert f'"{words}"' in texts or f">{words}<" in texts, name


def test_what_claims_to_be_pressed_is_short_text_and_nothing_more(app, ada, visitor):
    claim = quote("<script>alert(1)</script>\n" + "x" * 900 + " ina@letters.example")
    facts = trace_of(app, press(ada, "posts.publish_post", post_id=14, words=claim))
    mail = trace_of(app, press(ada, "posts.publish_post", post_id=14, words="ina@letters.example"))

    assert len(facts["pressed"]) == 61
    assert "<script>alert" not in visitor.get(f"/xray/{facts['id']}").text + visitor.get("/xray").text
    assert mail["pressed"] == HIDDEN


def test_page_that_says_no_after_an_action_has_run_is_no_refusal_of_the_action(app, ada):
    answer = ada.act("demo.switch_persona", page="/dashboard/inbox", htmx=True, persona="cleo")

    assert answer.status_code == 403
    facts = trace_of(app, answer)
    assert facts["strip"].startswith("demo.switch_persona ran on the server")
    assert facts["sentence"].endswith("→ demo.switch_persona: done, and the page answers 403")


def test_page_of_which_nothing_is_kept_says_so_and_is_copied_whole(app, visitor):
    facts = trace_of(app, visitor.get("/sign-in?next=/blog"))

    assert facts["strip"].startswith("A page was read, and nothing written. It is made for one caller")
    page = visitor.get(f"/xray/{facts['id']}").text
    assert "http://localhost/sign-in?next=%2Fblog" in page


def test_answer_in_front_of_flask_is_a_row_too(app, visitor):
    visitor.get("/blog")

    facts = trace_of(app, visitor.get("/blog"))

    assert facts["sentence"] == "Somebody read /blog: from the cache, in front of Flask"
    assert [part["how"] for part in facts["parts"]] == ["hit"]
    assert len(visitor.get(f"/xray/{facts['id']}/parts").json["parts"]) == 2  # the page, and the part it was made of


def test_open_page_that_asks_again_in_vain_is_one_row(app, visitor):
    etag = visitor.get("/blog").headers["ETag"]

    answers = [visitor.get("/blog", headers={"If-None-Match": etag}).status_code for _ in range(5)]

    assert answers == [304] * 5
    assert [facts["status"] for facts in traces(app, path="/blog")] == [304, 200]


def test_while_one_develops_each_request_is_a_line(app, ada, monkeypatch):
    lines = []
    monkeypatch.setattr(app.wsgi_app, "_say", lines.append)

    ada.act("posts.publish_post", page="/dashboard/posts", htmx=True, post_id=14)

    place = r"actions/posts\.py:\d+ · /blog/a-clock-that-knocks, posts · \d+ statements · 13 parts"
    assert re.fullmatch(rf"POST /_actions/posts\.publish_post Ada → 200 \d+ ms · {place}", lines[0])


def test_statement_that_is_repeated_is_counted_and_warned_of():
    trace = Trace("page")
    for _ in range(4):
        trace.statement("SELECT  1\n FROM post", 0.001)

    assert story.repeated(trace.facts) == [("SELECT 1 FROM post", 4, 4.0)]
    assert told(trace.facts)["warnings"] == ["Asked 4 times: SELECT 1 FROM post…"]


def test_part_that_another_has_made_stale_is_told_from_the_others(app, ada, sign_in, find_post):
    page = ada.get("/dashboard").headers["X-Trace-Id"]
    assert [part["stale"] for part in ada.get(f"/xray/{page}/parts").json["parts"]] == [[], [], []]
    assert ada.get(f"/xray/{page}/parts").json["stale"] == ""

    sign_in("bob").act("comments.add_comment", post_id=1, body="Thank you.")

    told = ada.get(f"/xray/{page}/parts").json
    parts = {part["label"]: part for part in told["parts"]}
    assert {label: part["stale"] for label, part in parts.items()} == {
        "numbers": [],
        "last worked on": [],
        "what readers said": ["comments"],
    }
    assert told["stale"].startswith("1 part of this page is older than the last write: what readers said (comments).")
    assert re.fullmatch("server says [0-9a-f]{6}, this says [0-9a-f]{0,6}", parts["what readers said"]["newer"])
    assert [parts[label]["selector"] for label in ("numbers", "what readers said")] == [
        "main dl.numbers",
        'main [aria-labelledby="activity-title"]',
    ]


def test_each_place_opens_the_line_that_declares_its_tags(app, visitor):
    places = pytest.importorskip("xray.places").places()
    assert len(places) > 15
    for place in places:
        page = visitor.get(f"/xray/code?part={place.name}").text
        declared = re.findall(r'<span class="line declares"><i>\d+</i>(.*)', page)
        assert len(declared) == 1, place
        assert "cached" in declared[0], place
        assert place.label != place.name  # it has a word of its own


def test_sender_is_known_by_what_it_shows(app, visitor):
    body, headers = encoded(event()), {"Stripe-Signature": "t=1,v1=0"}
    signed_one = trace_of(
        app, visitor.post("/api/webhooks/stripe", data=body, headers={"Stripe-Signature": signed(body)})
    )
    forged = trace_of(app, visitor.post("/api/webhooks/stripe", data=body, headers=headers))
    cron = trace_of(app, visitor.post("/api/cron/publish-due", headers=BEARER))

    callers = [story.caller(facts) for facts in (signed_one, forged, cron)]
    assert callers == ["Stripe, by its signature", "somebody who says to be Stripe", "The scheduler, by its secret"]
    assert callers[0] in visitor.get(f"/xray/{signed_one['id']}").text


SAID = [
    ("GET", "/api/v1/posts", {}, "A program read /api/v1/posts: 0 of 1 copies were there"),
    ("GET", "/api/v1/me", {}, "A program read /api/v1/me: refused, 401"),
    ("POST", "/api/v1/posts", {}, "A program sent POST to /api/v1/posts: refused, 401"),
    ("GET", "/nowhere", {}, "Somebody read /nowhere: not found"),
    ("POST", "/api/webhooks/github", {}, "GitHub knocked: refused. a bad signature"),
    ("POST", "/api/cron/publish-due", BEARER, "The scheduler knocked"),
]


@pytest.mark.parametrize(("method", "path", "headers", "sentence"), SAID)
def test_row_says_who_asked_for_what_and_why_not(app, visitor, method, path, headers, sentence):
    assert trace_of(app, visitor.open(path, method=method, headers=headers))["sentence"].startswith(sentence)


@pytest.mark.parametrize(
    ("action", "verb"), [("likes.toggle_like", "Like.toggle"), ("api_keys.revoke_key", "ApiKey.revoke")]
)
def test_code_of_an_action_shows_the_verb_of_the_right_model(visitor, action, verb):
    assert f"verb {verb}" in visitor.get(f"/xray/code?action={action}").text


def test_looking_writes_nothing_and_leaves_no_row(app, ada, visitor):
    visitor.get("/")
    before, known = fingerprint(app), len(traces(app))
    own = traces(app)[0]["id"]

    for path in (
        "/xray",
        "/xray/rows",
        f"/xray/{own}",
        f"/xray/{own}/strip",
        f"/xray/{own}/parts",
        "/xray/actions.json",
    ):
        assert visitor.get(path).status_code == 200, path
    assert visitor.get("/static/site.css").status_code == 200

    assert (fingerprint(app), len(traces(app))) == (before, known)
    assert visitor.get("/xray/000000000000").status_code == 404


def test_workers_share_one_timeline_and_it_is_bounded(app, watched):
    other = watched()
    for worker in (app, other) * 300:
        trace = Trace("page", "GET", "/")
        trace.facts |= told(trace.facts) | {"ms": 1}
        worker.extensions["xray"].put(trace.facts)

    with sqlite3.connect(app.config["DATA_DIR"] / "xray.db") as file:
        (count,) = file.execute("SELECT count(*) FROM trace").fetchone()
    file.close()
    assert 500 <= count <= 520
    assert traces(app) == traces(other)
    assert app.test_client().get("/xray").text.count("× 120") == 1  # the same again is one row


def test_file_that_cannot_be_written_fails_no_request(app, visitor, data_dir):
    for path in data_dir.glob("xray.db*"):
        path.unlink()
    app.extensions["xray"].close()
    (data_dir / "xray.db").mkdir()

    answer = visitor.get("/")

    assert (answer.status_code, traces(app)) == (200, [])


WARNINGS = [
    ("An action was called from another origin: https://evil.example", {"Origin": "https://evil.example"}),
    ("An action was called from another origin: cross-site", {"Sec-Fetch-Site": "cross-site"}),
]


@pytest.mark.parametrize(("warning", "headers"), WARNINGS)
def test_action_called_from_elsewhere_is_warned_of(app, visitor, warning, headers):
    facts = trace_of(app, visitor.post("/_actions/posts.publish_post", data={"post_id": 1}, headers=headers))

    assert [said for said in facts["warnings"] if said.startswith(warning)]
    assert "same-origin check" in facts["strip"]


def test_api_called_with_a_session_is_warned_of(app, ada):
    assert trace_of(app, ada.get("/api/v1/posts"))["warnings"] == [
        "The API was called with a browser's session. It opens nothing there."
    ]


def test_write_without_revalidation_and_tag_that_nobody_shows_are_warned_of():
    trace = Trace("action")
    trace.statement("UPDATE post SET title=? WHERE id = ?", 0)
    trace.step("commit", "")
    assert told(trace.facts)["warnings"] == ["Wrote to post, and revalidated nothing."]

    trace.facts["tags"] = ["pots", "posts", "deliveries", POST]
    assert told(trace.facts)["warnings"] == ["Revalidated “pots”, a tag that no cached place shows."]


CANARY = "kX9vQ2mP7rT4wY8zB3nC6fH1jL5sD0gA"
SECRETS = {
    "DEMO": "1",
    "SECRET_KEY": f"{CANARY}key",
    "CRON_SECRET": f"{CANARY}cron",
    "STRIPE_WEBHOOK_SECRET": f"whsec_{CANARY}",
    "GITHUB_WEBHOOK_SECRET": f"{CANARY}hub",
}


@pytest.mark.sqlite("a variable of production turns the demo of PostgreSQL's tests off")
def test_no_secret_is_in_any_trace(watched):
    app = watched(**SECRETS)
    browser, partner = app.test_client(), app.test_client()
    key, body = issue_key(app, "bob"), encoded(event(email="canary@letters.example"))
    signature, hub = signed(body, secret=SECRETS["STRIPE_WEBHOOK_SECRET"]), encoded(release())
    person = {"email": "ada@hallway.example", "password": "open-the-door"}
    page = "/sign-in?token=CANARYtoken"

    browser.act("accounts.sign_in", page=page, **person | {"password": "CANARYguess"}, _key="CANARYonce")
    browser.act("accounts.sign_in", page=page, htmx=True, **person)
    session = browser.get_cookie("session").value
    browser.get("/dashboard/inbox?token=CANARYtoken")
    desk = "/dashboard/developers"
    issued = browser.act("api_keys.create_key", page=desk, htmx=True, name="Phone", scope="posts:read").text
    browser.act("messages.send_message", name="Ina", email="canary@letters.example", message="CANARYletter")
    browser.act("memberships.start_checkout", email="canary@letters.example")
    browser.get(f"/support/checkout/{SESSION}")
    partner.get("/api/v1/me", headers={"Authorization": f"Bearer {key}"})
    partner.get("/api/v1/me?api_key=CANARYquery", headers={"Authorization": "Bearer CANARYbad"})
    partner.post("/api/v1/posts", json={"title": "T", "body": "CANARYbody"}, headers={"Authorization": f"Bearer {key}"})
    partner.post("/api/webhooks/stripe", data=body, headers={"Stripe-Signature": signature})
    hub_signature = github_signature(hub, SECRETS["GITHUB_WEBHOOK_SECRET"])
    sender = {"X-Hub-Signature-256": hub_signature, "X-GitHub-Delivery": "d-9", "X-GitHub-Event": "release"}
    partner.post("/api/webhooks/github", data=hub, headers=sender)
    partner.post("/api/cron/publish-due", headers={"Authorization": f"Bearer {SECRETS['CRON_SECRET']}"})

    kept = b"".join(path.read_bytes() for path in app.config["DATA_DIR"].glob("xray.db*")).decode(errors="ignore")
    pages = "".join(browser.get(f"/xray/{facts['id']}").text for facts in traces(app))
    assert len(traces(app)) >= 14
    assert "Ada, owner" in kept
    hidden = [
        *list(SECRETS.values())[1:],
        session,
        key,
        key.rpartition("_")[2],
        signature,
        hub_signature,
        "canary@",
        "CANARY",
    ]
    hidden += [*re.findall(r"hd_[A-Za-z0-9]+_[A-Za-z0-9_-]+", issued), "open-the-door", "ada@hallway.example"]
    assert len(hidden) > 13
    assert [secret for secret in hidden if secret in kept or secret in pages] == []


LOOKS = [
    "ina@letters.example",
    "hd_Ab1_c-D",
    "whsec_x",
    "sk_test_1",
    "cs_demo_1",
    "a=1&_key=abc",
    "Bearer abc",
    "0" * 64,
]


@pytest.mark.parametrize("secret", [*LOOKS, CANARY])
def test_what_looks_like_a_secret_is_hidden_wherever_it_stands(secret):
    clean = redact.Redactor({"CRON_SECRET": CANARY, "PORT": "8000"})

    kept = str(clean({f"to {secret}": [1, f"of {secret}"]}))

    assert secret not in kept
    assert kept.count(HIDDEN) == 2
    assert clean({"on": True, "port": "8000", "www": 'Bearer realm="api"'}) == {
        "on": True,
        "port": "8000",
        "www": 'Bearer realm="api"',
    }


def test_without_it_an_answer_names_no_trace(make_app):
    answer = make_app().test_client().get("/")

    assert not {"X-Trace-Id", "Server-Timing"} & set(answer.headers.keys())
    assert "xray" not in answer.text


@pytest.mark.parametrize(("as_whom", "status", "who"), [("bob", 404, "Bob, author"), ("nobody", 401, "")])
def test_request_is_sent_again_as_somebody_else(app, ada, as_whom, status, who):
    first = trace_of(app, ada.act("posts.delete_post", post_id=24))
    ada.act("posts.restore_post", post_id=24)
    before = fingerprint(app)

    answer = ada.act("replay.again", trace=first["id"], persona=as_whom)

    again = app.extensions["xray"].find(answer.headers["Location"].rpartition("/")[2])
    assert (again["name"], again["status"], again["who"]) == ("posts.delete_post", status, who)
    assert again["id"] != first["id"]
    assert again["sentence"] in ada.get(answer.headers["Location"]).text.replace("&#39;", "'")
    assert as_whom != "nobody" or fingerprint(app) == before


def test_request_is_sent_again_with_a_field_too_many(app, ada):
    first = trace_of(app, ada.act("posts.publish_post", post_id=14))

    answer = ada.act("replay.again", trace=first["id"], persona="same", extra="true")

    again = app.extensions["xray"].find(answer.headers["Location"].rpartition("/")[2])
    assert (again["status"], again["who"], again["tags"]) == (422, "Ada, owner", [])
    assert "role: " in again["sentence"]


def test_only_forms_are_sent_again_and_only_known_traces(app, ada, visitor):
    page = trace_of(app, visitor.get("/"))

    assert ada.act("replay.again", trace=page["id"], persona="bob").status_code == 409
    assert ada.act("replay.again", trace="0" * 12, persona="bob").status_code == 404


def test_copied_test_runs_as_it_is_copied(app, ada, sign_in, visitor):
    for answer in (ada.act("posts.publish_post", htmx=True, post_id=14), visitor.act("posts.publish_post", post_id=1)):
        page = visitor.get(f"/xray/{answer.headers['X-Trace-Id']}").text
        text = re.search(r'id="as-pytest"[^>]*>(.*?)</textarea>', page, re.DOTALL)[1]
        names = {}
        exec(text.replace("&#34;", '"').replace("&#39;", "'"), names)
        ((name, test),) = [(name, thing) for name, thing in names.items() if name.startswith("test_")]
        assert name == f"test_posts_publish_post_{answer.status_code}"
        test(sign_in if "sign_in" in test.__code__.co_varnames else visitor)


def test_timeline_can_be_cleared(app, ada):
    ada.get("/")
    assert ada.act("replay.clear", page="/xray").status_code == 303

    assert traces(app) == []
    assert "Nothing yet." in ada.get("/xray").text

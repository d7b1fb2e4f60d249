"""The GitHub door: signed bytes without a time, releases that become drafts, once."""

import json
from urllib.parse import urlencode

import comrak
import pytest
import webhooks
from sqlalchemy import select, text
from webhooks import GITHUB, drafts, github_signature, inbox, release, send_github

from flask_revalidation import write
from flask_revalidation.transaction import is_dirty
from models import Post, User, db
from models.delivery import EFFECTS
from models.user import Role

KNOWN = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def refused(app, answer, status=401):
    assert answer.status_code == status
    assert inbox(app) == []
    assert drafts(app) == []
    return True


def test_known_answer_of_the_scheme(make_app):
    app = make_app(GITHUB_WEBHOOK_SECRET="It's a Secret to Everybody")

    # Let in by its signature; only then is it no JSON.
    assert send_github(app.test_client(), b"Hello, World!", header=KNOWN).status_code == 400
    assert github_signature(b"Hello, World!", "It's a Secret to Everybody") == KNOWN


def test_published_release_becomes_a_draft_of_the_owner(app, visitor, find_post):
    answer = send_github(visitor, release())

    assert answer.json == {"received": True, "outcome": "applied"}
    post = find_post("two-doors")
    assert (post.title, post.status, post.author.handle, post.origin) == (
        "Two doors",
        "draft",
        "ada",
        "github:release:71",
    )
    link = "[The release on GitHub](https://github.com/hallway/door/releases/tag/v2)"
    assert post.body == f"Both *open*.\n\n{link}"
    assert "<em>open</em>" in post.body_html


def test_notes_are_rendered_before_the_write_not_while_others_wait(app, visitor, monkeypatch):
    render, rendered = comrak.render_markdown, []

    def noted(body, *options):
        rendered.append((body[:9], is_dirty(db)))
        return render(body, *options)

    monkeypatch.setattr("comrak.render_markdown", noted)

    send_github(visitor, release())

    assert rendered == [("Both *ope", False)]


def test_draft_stands_on_the_desk_at_once(visitor, ada):
    assert "Two doors" not in ada.get("/dashboard/posts").text

    send_github(visitor, release())

    assert "Two doors" in ada.get("/dashboard/posts").text
    assert "Two doors" not in visitor.get("/blog").text


def test_repeated_delivery_makes_no_second_draft(app, visitor):
    answers = [send_github(visitor, release()).json["outcome"] for _ in range(3)]

    assert answers == ["applied"] * 3
    assert inbox(app) == [("github", "d-1", "applied", 0)]
    assert len(drafts(app)) == 1


def test_same_release_under_another_delivery_id_makes_no_second_draft(app, visitor):
    # The id is not signed: whoever has seen a delivery can send it again under a new one.
    send_github(visitor, release())

    assert send_github(visitor, release(), delivery="d-2").json["outcome"] == "ignored"
    assert drafts(app) == [("github:release:71", "Two doors")]


def test_body_that_was_stored_first_acts_when_another_comes_under_its_id(app, visitor, find_post, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setitem(EFFECTS, ("github", "release"), lambda *_: 1 / 0)
        assert send_github(visitor, release(body="The *first*.")).status_code == 500

    assert send_github(visitor, release(id=72, name="Another", body="The **second**.")).json["outcome"] == "applied"
    assert drafts(app) == [("github:release:71", "Two doors")]
    assert "<em>first</em>" in find_post("two-doors").body_html


def test_edited_draft_is_not_overwritten_by_a_replay(app, ada, visitor, find_post):
    send_github(visitor, release())
    post = find_post("two-doors")
    ada.act("posts.update_post", post_id=post.id, version=post.version, title="Two doors, explained", body="Mine.")

    send_github(visitor, release(body="Theirs."), delivery="d-2")

    assert find_post("two-doors").body == "Mine."


def edited(changes=None, **about):
    return release("edited", **about) | ({} if changes is None else {"changes": changes})


def test_draft_that_nobody_has_touched_follows_its_release(app, visitor, find_post):
    send_github(visitor, release())

    send_github(visitor, edited(body="All *three* open."), delivery="d-2")
    told = {"name": {"from": "Two doors"}, "body": {"from": "All *three* open."}, "make_latest": {"to": True}}
    send_github(visitor, edited(told, name="Three doors", body="Shut."), delivery="d-3")
    late = {"body": {"from": "Both *open*."}}
    assert send_github(visitor, edited(late, body="Late."), delivery="d-4").json["outcome"] == "ignored"

    post = find_post("two-doors")
    assert (post.title, post.version, post.status) == ("Three doors", 3, "draft")
    assert "Shut." in post.body_html
    assert post.body.startswith("Shut.\n\n[The release on GitHub]")


@pytest.mark.parametrize("touch", ["write", "publish", "schedule", "delete"])
def test_post_that_someone_has_touched_does_not_follow_its_release(app, ada, visitor, find_post, touch):
    send_github(visitor, release())
    post = find_post("two-doors")
    if touch == "write":
        ada.act("posts.update_post", post_id=post.id, version=1, title="Mine", body="Mine.")
    else:
        ada.act(f"posts.{touch}_post", post_id=post.id, **({"publish_at": "2099-01-01"} if touch == "schedule" else {}))

    for number, changes in enumerate([None, {}, {"body": {"from": "Both *open*."}}]):
        told = send_github(visitor, edited(changes, body="Theirs."), delivery=f"d-{number + 2}")
        assert told.json["outcome"] == "ignored"
    with app.app_context():
        bodies = db.session.scalars(text("SELECT body FROM post WHERE origin IS NOT NULL")).all()
        assert [("Theirs" in body) for body in bodies] == [False]


@pytest.mark.parametrize("type", ["application/x-www-form-urlencoded", "application/json", "text/plain"])
def test_delivery_as_a_form_is_read(app, visitor, find_post, type):
    body = urlencode({"payload": json.dumps(release(body="50% + ü & payload={}"))}).encode()
    headers = {"X-Hub-Signature-256": github_signature(body), "X-GitHub-Event": "release", "X-GitHub-Delivery": "d-1"}

    answer = visitor.post(GITHUB, data=body, headers=headers, content_type=type)

    assert answer.json == {"received": True, "outcome": "applied"}
    assert find_post("two-doors").body.startswith("50% + ü & payload={}")


def test_words_in_a_json_delivery_are_never_read_as_a_form(app, visitor, find_post):
    forged = urlencode({"payload": json.dumps(release(name="Forged"))})
    body = json.dumps(release(body=f"Good.&{forged}&")).encode()
    headers = {"X-Hub-Signature-256": github_signature(body), "X-GitHub-Event": "release", "X-GitHub-Delivery": "d-1"}

    visitor.post(GITHUB, data=body, headers=headers, content_type="application/x-www-form-urlencoded")

    assert drafts(app) == [("github:release:71", "Two doors")]


@pytest.mark.parametrize(
    "body", [b"payload=", b"payload", b"payload=%ff", b"payload=%7B", b"payload=[]", b"payload=&payload={}"]
)
def test_form_without_json_text_is_refused(app, visitor, body):
    assert send_github(visitor, body).status_code == 400
    assert inbox(app) == []


@pytest.mark.parametrize("event", ["ping", "push", "issues", "a_new_one"])
def test_other_events_are_stored_as_ignored(app, visitor, event):
    assert send_github(visitor, {"zen": "Keep it simple."}, event=event).status_code == 200
    assert inbox(app) == [("github", "d-1", "ignored", 0)]


@pytest.mark.parametrize("action", ["created", "edited", "deleted", "released", "prereleased", "unpublished", None, 7])
def test_only_the_publication_of_a_release_is_news(app, visitor, action):
    assert send_github(visitor, release(action)).json["outcome"] == "ignored"
    assert drafts(app) == []


def test_release_without_a_name_is_called_by_its_tag(app, visitor):
    send_github(visitor, release(name=None, body=None))

    assert drafts(app) == [("github:release:71", "v2")]


def test_hostile_release_is_bounded_and_harmless(app, visitor, find_post):
    told = release(
        name="  \x00Long\ud800\n" + "x" * 5000,
        body="\x00<script>\udfff" + "y" * 200_000,
        html_url="javascript:alert(1)",
    )

    assert send_github(visitor, told).json["outcome"] == "applied"
    with app.app_context():
        post = db.session.scalar(select(Post).where(Post.origin.is_not(None)))
        assert post.title == "Long " + "x" * 114 + "…"
        assert post.body == "<script>" + "y" * (90_000 - 8)
        assert "<script" not in post.body_html
        assert "javascript" not in post.body


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/a)b",
        "https://github.com/a b",
        "http://github.com/a",
        "https://x/\n[a](b)",
        "",
        None,
        7,
        "https:///a",
    ],
)
def test_address_that_is_none_is_not_linked(app, visitor, url):
    send_github(visitor, release(html_url=url))

    with app.app_context():
        assert db.session.scalar(select(Post).where(Post.origin.is_not(None))).body == "Both *open*."


def test_release_waits_for_an_owner(app, visitor):
    with app.app_context(), write(by="test"):
        for person in db.session.scalars(select(User).where(User.role == Role.OWNER)):
            person.disable()

    assert send_github(visitor, release()).status_code == 500
    assert inbox(app) == [("github", "d-1", "failed", 1)]


@pytest.mark.parametrize("given", [None, "", "sha256=", "sha1=" + "0" * 40, "prose", "sha256=" + "0" * 64])
def test_header_that_proves_nothing_is_refused(app, visitor, given):
    body = json.dumps(release()).encode()
    headers = {"X-GitHub-Event": "release", "X-GitHub-Delivery": "d-1"}
    headers |= {} if given is None else {"X-Hub-Signature-256": given}

    answer = webhooks.checked(visitor.post(GITHUB, data=body, headers=headers), "X-Hub-Signature-256")

    assert refused(app, answer)


@pytest.mark.parametrize(
    "write",
    [str.upper, lambda v: "SHA256=" + v[7:], lambda v: v[:7] + v[7:].upper(), lambda v: v[7:], lambda v: v[:-1],
     lambda v: v + "0", lambda v: f" {v}", lambda v: f"{v},{v}", lambda v: v[:-1] + "ü", lambda v: "sha512=" + v[7:]],
)  # fmt: skip
def test_signature_is_sha256_and_64_lower_case_hex_digits(app, visitor, write):
    body = json.dumps(release(id=1, name="abc")).encode()

    assert refused(app, send_github(visitor, body, header=write(github_signature(body)).encode().decode("latin-1")))


def test_old_header_alone_is_refused(app, visitor):
    import hashlib
    import hmac

    body = json.dumps(release()).encode()
    old = "sha1=" + hmac.new(webhooks.DEMO_GITHUB_SECRET.encode(), body, hashlib.sha1).hexdigest()
    headers = {"X-Hub-Signature": old, "X-GitHub-Event": "release", "X-GitHub-Delivery": "d-1"}

    answer = webhooks.checked(visitor.post(GITHUB, data=body, headers=headers), "X-Hub-Signature-256")

    assert refused(app, answer)


def test_every_flipped_bit_is_refused(app, visitor):
    body = b'{"action":"published"}'
    good = github_signature(body)

    for position in range(8 * len(body)):
        flipped = bytearray(body)
        flipped[position // 8] ^= 1 << position % 8
        assert refused(app, send_github(visitor, bytes(flipped), header=good))


def test_header_sent_twice_is_refused(app, visitor):
    body = json.dumps(release()).encode()
    twice = [("X-Hub-Signature-256", github_signature(body))] * 2
    named = [("X-GitHub-Event", "release"), ("X-GitHub-Delivery", "d-1")]

    assert refused(app, webhooks.checked(visitor.post(GITHUB, data=body, headers=twice + named), "X-Hub-Signature-256"))


def test_old_secret_holds_while_both_are_configured(make_app):
    rotating, rotated = make_app(GITHUB_WEBHOOK_SECRET="new one, old one"), make_app(GITHUB_WEBHOOK_SECRET="new one")

    assert refused(rotated, send_github(rotated.test_client(), release(), secret="old one"))
    assert send_github(rotating.test_client(), release(), secret="old one").status_code == 200
    assert send_github(rotated.test_client(), release(), secret="new one").status_code == 200


def test_secret_of_stripe_does_not_open_this_door(app, visitor):
    assert refused(app, send_github(visitor, release(), secret=webhooks.DEMO_STRIPE_SECRET))


def test_without_a_secret_nobody_is_let_in(app, visitor):
    app.config["WEBHOOK_SECRETS"]["github"] = []

    assert refused(app, send_github(visitor, release()))
    assert refused(app, send_github(visitor, release(), secret=""))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b'{"a": "\xff"}', b"payload=%5B%5D", b"[" * 100_000]
)
def test_signed_body_that_is_no_object_is_unusable(app, visitor, body):
    assert refused(app, send_github(visitor, body), 400)


@pytest.mark.parametrize("delivery", [None, "", "d 1", "d" * 65, "ü".encode().decode("latin-1"), "d,d", "../1"])
def test_delivery_without_an_id_is_unusable(app, visitor, delivery):
    assert refused(app, send_github(visitor, release(), delivery=delivery), 400)


@pytest.mark.parametrize("event", [None, "", "re lease", "x" * 101, "Release"])
def test_delivery_that_names_no_event_is_unusable(app, visitor, event):
    assert refused(app, send_github(visitor, release(), event=event), 400)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_nothing_but_post(visitor, method):
    answer = visitor.open(GITHUB, method=method)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_size_and_encoding_are_looked_at_before_the_signature(app, visitor, monkeypatch):
    monkeypatch.setattr("hmac.compare_digest", lambda *_: 1 / 0)

    assert refused(app, send_github(visitor, b"x" * (512 * 1024 + 1)), 413)
    packed = {"Content-Encoding": "gzip", "X-Hub-Signature-256": KNOWN}
    assert refused(app, visitor.post(GITHUB, data=b"{}", headers=packed), 415)


def test_cookie_and_foreign_origin_make_no_difference(app, ada):
    body = json.dumps(release()).encode()
    headers = {"X-Hub-Signature-256": github_signature(body), "X-GitHub-Event": "release", "X-GitHub-Delivery": "d-1"}

    assert ada.post(GITHUB, data=body, headers=headers | {"Origin": "https://evil.example"}).status_code == 200
    assert ada.post(GITHUB, data=body, headers={"X-GitHub-Event": "release"}).status_code == 401

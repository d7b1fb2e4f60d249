"""Pictures by the API: drawn anew as by our form, told by their address and their Markdown, listed for their person."""

import hashlib
from io import BytesIO

import pytest
from api_client import Caller, issue_key, refusal
from PIL import Image
from scenarios import fingerprint, png
from sqlalchemy import event
from test_pictures import HOSTILE, PLAIN, SECRET, file_of, photograph

import api.v1.pictures
from flask_revalidation import write
from models import Role, Scope, User, db
from web.pictures import MOST_BYTES

TEAL = png()[0].getvalue()


def add(caller, content=TEAL, kind="image/png", path="/pictures", **headers):
    return caller.send("POST", path, data=content, headers={"Content-Type": kind} | headers)


def in_pieces(caller, content):
    """Send a picture without saying how long it is."""
    unsaid = {"input_stream": BytesIO(content), "environ_overrides": {"wsgi.input_terminated": True}}
    headers = {"Content-Type": "image/png", "Transfer-Encoding": "chunked"}
    return caller.send("POST", "/pictures", headers=headers, **unsaid)


@pytest.fixture
def ada(app):
    return Caller(app, issue_key(app, "ada"))


def test_picture_is_drawn_anew_and_told_by_address_digest_and_markdown(app, ada, visitor):
    answer = add(ada, photograph((60, 40)), "image/jpeg", "/pictures?alt=A [brass] slot")
    told, file = answer.json, visitor.get(answer.headers["Location"])

    assert (answer.status_code, answer.headers["Location"], answer.headers["ETag"]) == (
        201,
        told["url"],
        file.headers["ETag"],
    )
    assert (told["width"], told["height"], told["type"], told["alt"]) == (40, 60, "image/jpeg", "A [brass] slot")
    assert Image.open(BytesIO(file.data)).size == (40, 60)
    assert (told["bytes"], told["digest"]) == (len(file.data), hashlib.sha256(file.data).hexdigest())
    assert told["markdown"] == f"![A (brass) slot](/pictures/{told['digest']}.jpeg)"
    assert SECRET.encode() not in file.data

    post = ada.post("/posts", {"title": "With a picture", "body": told["markdown"]}).json
    ada.put(f"/posts/{post['slug']}/publication")
    assert f'<img width="40" height="60" loading="lazy" src="/pictures/{told["digest"]}.jpeg"' in (
        visitor.get(f"/blog/{post['slug']}").text
    )


def test_same_bytes_are_the_same_picture_with_the_newer_words(app, ada):
    first, again = (add(ada, path=f"/pictures?alt={words}").json for words in ("One", "Two"))

    assert again == first | {"alt": "Two", "markdown": first["markdown"].replace("One", "Two")}
    assert [picture["id"] for picture in ada.get("/pictures").json["data"]].count(first["id"]) == 1


def test_request_that_is_sent_again_gets_the_first_answer_and_with_other_words_none(app, ada):
    first, again = (add(ada, path="/pictures?alt=One", **{"Idempotency-Key": "k1"}) for _ in range(2))

    assert (again.json, again.status_code, again.headers["Idempotency-Replayed"]) == (first.json, 201, "true")
    assert again.headers["Location"] == first.headers["Location"]
    other = add(ada, path="/pictures?alt=Two", **{"Idempotency-Key": "k1"})
    assert refusal(other) == (422, "key-reused")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_with_a_sentence_whatever_it_says_it_is(app, ada, name):
    before = fingerprint(app)
    answers = [add(ada, HOSTILE[name], kind) for kind in ("image/png", "image/jpeg")]

    assert [refusal(answer) for answer in answers] == [(422, "invalid")] * 2
    assert answers[0].json["detail"].startswith("We take whole JPEGs")
    assert answers[0].json["errors"] == [{"pointer": "#", "detail": answers[0].json["detail"]}]
    assert fingerprint(app) == before


def test_what_is_no_picture_is_too_large_or_has_words_that_cannot_be_shown_is_refused(app, ada):
    before = fingerprint(app)

    for kind in ("image/svg+xml", "application/json", "text/html", "multipart/form-data; boundary=x", ""):
        assert refusal(add(ada, TEAL, kind)) == (415, "not-a-picture"), kind
    assert refusal(add(ada, TEAL, **{"Content-Encoding": "gzip"})) == (415, "not-a-picture")
    assert refusal(add(ada, PLAIN + bytes(MOST_BYTES))) == (413, "too-large")
    for query in ("alt=" + "a" * 301, "alt=a%00b", "alt=a%0Ab", "alt=a&alt=b", "words=a"):
        assert refusal(add(ada, path=f"/pictures?{query}")) == (422, "invalid"), query
    assert add(ada, PLAIN, "image/webp").json["type"] == "image/jpeg"  # the bytes say it
    assert fingerprint(app) != before


def test_file_of_five_megabytes_is_taken(app, ada):
    content = file_of(Image.new("RGB", (1280, 1280)), "PNG", compress_level=0)

    assert 4_900_000 < len(content) <= MOST_BYTES
    assert add(ada, content, **{"Idempotency-Key": "large"}).status_code == 201
    assert in_pieces(ada, content).status_code == 201
    assert refusal(in_pieces(ada, content + bytes(MOST_BYTES))) == (413, "too-large")


def test_who_does_not_write_here_is_refused_before_any_work(app, ada, monkeypatch):
    monkeypatch.setattr(api.v1.pictures, "draw_anew", lambda *_: pytest.fail("work for a stranger"))
    reader = Caller(app, issue_key(app, "ada", Scope.READ))
    with app.app_context(), write(by="test"):
        User.find_author("bob").role = Role.READER

    assert refusal(add(reader)) == (403, "scope-missing")
    assert refusal(add(Caller(app, issue_key(app, "bob")))) == (403, "forbidden")
    assert refusal(add(Caller(app))) == (401, "key-needed")


def test_list_has_the_pictures_of_the_keys_person_alone_by_pages_and_reads_no_bytes(app, ada):
    bob, statements = Caller(app, issue_key(app, "bob")), []
    mine = [add(ada, png(color)[0].getvalue()).json for color in ("red", "green", "blue")]
    add(bob)
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    listed = ada.every("/pictures?limit=2")
    assert listed[:3] == mine[::-1]
    assert len(bob.every("/pictures")) == 1
    assert [text for text in statements if "picture.content" in text.replace("length(picture.content)", "")] == []

    first = ada.get("/pictures")
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in first.headers["Vary"]
    assert ada.get("/pictures", If_None_Match=first.headers["ETag"]).status_code == 304
    assert bob.get("/pictures", If_None_Match=first.headers["ETag"]).status_code == 200
    assert refusal(Caller(app).get("/pictures")) == (401, "key-needed")

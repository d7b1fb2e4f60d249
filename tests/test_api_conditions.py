"""Nobody writes over what they have not seen: If-Match, If-None-Match and ETag, as RFC 9110 has them."""

import http.client
import itertools
import json
import threading

import pytest
from api_client import QUOTA, Caller, issue_key, refusal
from scenarios import DRAFT, PUBLISHED, fingerprint
from serving import serving
from sqlalchemy import select, text

from flask_revalidation import revalidate_everything, write
from models import Comment, Post, User, db

OTHER = "another"


@pytest.fixture
def ada(app):
    """The owner, at the door."""
    return Caller(app, issue_key(app, "ada"))


# --- the grid -------------------------------------------------------------------------------------------------------

Tag = tuple[bool, str]  # weak?, opaque
STAR = "*"


def reference(*, reading, wants_if_match, own, exists, if_match, if_none_match):
    """Return the status by RFC 9110, section 13.2.2, or 0 for "go on". `own` are the opaque tags of the state."""
    if wants_if_match and if_match is None:
        return 428
    if not exists:
        return 404
    if if_match is not None and if_match != STAR and not any(tag in own and not weak for weak, tag in if_match):
        return 412
    if if_none_match is not None and (if_none_match == STAR or any(tag in own for _, tag in if_none_match)):
        return 304 if reading else 412
    return 0


def header(tags):
    """Write a list of entity tags as it is sent."""
    return tags if tags == STAR else ", ".join(f'{"W/" if weak else ""}"{tag}"' for weak, tag in tags)


def lists_of(etag):
    """Return what a client may send in If-Match and in If-None-Match, for a state of this tag."""
    same, packed, other = (False, etag), (False, f"{etag}-gzip"), (False, OTHER)
    weak, weak_packed = (True, etag), (True, f"{etag}-gzip")
    singles = [[same], [weak], [other], [packed], [weak_packed], [other, same], [other, weak], [(False, "*")]]
    return [None, STAR, *singles], [None, STAR, *singles]


METHODS = {  # name: method, rest of the path, keyed, further headers
    "GET": ("GET", "", False, {}),
    "GET gzip": ("GET", "", False, {"Accept-Encoding": "gzip"}),
    "HEAD": ("HEAD", "", False, {}),
    "GET with a key": ("GET", "", True, {"Accept-Encoding": "gzip"}),
    "PATCH": ("PATCH", "", True, {}),
    "DELETE": ("DELETE", "", True, {}),
    "publish": ("PUT", "/publication", True, {}),
    "unpublish": ("DELETE", "/publication", True, {}),
}


def put_back(app, row):
    """Bring the post of the grid back to the very state it had."""
    with app.app_context(), write(by="test") as session:
        session.execute(Post.__table__.delete().where(Post.__table__.c.id == row["id"]))
        session.execute(Post.__table__.insert(), [row])
        revalidate_everything()


@pytest.mark.parametrize("name", METHODS)
def test_every_combination_of_conditions_is_answered_as_the_rfc_says(make_app, name):
    app = make_app(testing=False, **QUOTA)
    method, rest, keyed, extra = METHODS[name]
    key = issue_key(app, "ada")
    Caller(app, key).post("/posts", {"title": "Grid", "slug": "grid"})
    Caller(app, key).put("/posts/grid/publication")
    caller = Caller(app, key if keyed else "")
    with app.app_context():
        row = dict(db.session.execute(select(Post.__table__).where(Post.slug == "grid")).mappings().one())
    etag = caller.get("/posts/grid").headers["ETag"].strip('"')
    reading = method in ("GET", "HEAD")
    own = {f"{etag}-gzip"} if name == "GET gzip" else {etag} if reading else {etag, f"{etag}-gzip"}
    wants = method in ("PATCH", "DELETE") and not rest
    wrong = []

    for exists, if_match, if_none_match in itertools.product([True, False], *lists_of(etag)):
        sent = dict(extra)
        sent |= {} if if_match is None else {"If-Match": header(if_match)}
        sent |= {} if if_none_match is None else {"If-None-Match": header(if_none_match)}
        body = {"json": {"title": "Changed"}} if method == "PATCH" else {}
        path = f"/posts/{'grid' if exists else 'no-such'}{rest}"
        answer = caller.send(method, path, headers=sent, **body)
        expected = reference(
            reading=reading,
            wants_if_match=wants,
            own=own,
            exists=exists,
            if_match=if_match,
            if_none_match=if_none_match,
        )
        if answer.status_code != (expected or (204 if wants and method == "DELETE" else 200)):
            wrong.append((sent, exists, expected, answer.status_code))
        if expected >= 400 and method != "HEAD":
            assert refusal(answer)[0] == expected
        if expected == 304:
            assert (answer.data, answer.headers["ETag"].strip('"') in own) == (b"", True)
        if not reading and answer.status_code < 300:
            put_back(app, row)

    assert wrong == []


# --- what an ETag stands for ----------------------------------------------------------------------------------------


def test_etag_changes_with_everything_that_the_answer_shows(app, ada):
    stranger = Caller(app)

    def tags():
        return ada.get(f"/posts/{PUBLISHED}").headers["ETag"], stranger.get(f"/posts/{PUBLISHED}").headers["ETag"]

    def rename():
        with app.app_context(), write(by="test"):
            db.session.scalar(select(User).where(User.handle == "ada")).name = "Ada the Elder"
            revalidate_everything()

    deeds = [
        lambda: ada.patch(f"/posts/{PUBLISHED}", {"title": "T"}),
        lambda: ada.patch(f"/posts/{PUBLISHED}", {"tags": ["new"]}),
        lambda: ada.patch(f"/posts/{PUBLISHED}", {"excerpt": "By hand."}),
        lambda: [ada.delete(f"/posts/{PUBLISHED}/publication"), ada.put(f"/posts/{PUBLISHED}/publication")],
        rename,
    ]
    seen = [tags()]
    for deed in deeds:
        deed()
        seen.append(tags())

    assert len({own for own, _ in seen}) == len({public for _, public in seen}) == len(deeds) + 1


def test_publishing_changes_the_etag(ada):
    draft = ada.get(f"/posts/{DRAFT}").headers["ETag"]

    published = ada.put(f"/posts/{DRAFT}/publication").headers["ETag"]

    assert draft != published == ada.get(f"/posts/{DRAFT}").headers["ETag"]
    assert refusal(ada.patch(f"/posts/{DRAFT}", {"title": "T"}, If_Match=draft)) == (412, "changed")


def test_comment_and_like_spoil_nobodys_if_match(app, ada, sign_in):
    etag = ada.get(f"/posts/{PUBLISHED}").headers["ETag"]
    with app.app_context():
        post_id = Post.find_published(PUBLISHED).id
    cleo = sign_in("cleo")

    assert (
        cleo.act("comments.add_comment", page=f"/blog/{PUBLISHED}", post_id=post_id, body="I see.").status_code == 303
    )
    assert cleo.act("likes.toggle_like", page=f"/blog/{PUBLISHED}", post_id=post_id).status_code == 303

    with app.app_context():
        assert Comment.latest(1)[0].body == "I see."
    assert ada.patch(f"/posts/{PUBLISHED}", {"title": "T"}, If_Match=etag).status_code == 200


@pytest.mark.parametrize("path", ["/posts", "/tags", "/authors", "/me", f"/posts/{PUBLISHED}"])
def test_list_that_one_has_is_304_until_something_is_published(app, ada, path):
    callers = [ada, Caller(app)] if path != "/me" else [ada]
    etags = [caller.get(path).headers["ETag"] for caller in callers]

    again = [caller.get(path, If_None_Match=etag) for caller, etag in zip(callers, etags, strict=True)]

    assert [(answer.status_code, answer.data) for answer in again] == [(304, b"")] * len(callers)
    if path == "/posts":
        ada.put(f"/posts/{DRAFT}/publication")
        later = [caller.get(path, If_None_Match=etag) for caller, etag in zip(callers, etags, strict=True)]
        assert [answer.status_code for answer in later] == [200] * len(callers)


def test_write_without_if_match_is_428_and_with_a_stale_one_412(app, ada):
    stale = ada.get(f"/posts/{DRAFT}").headers["ETag"]
    ada.patch(f"/posts/{DRAFT}", {"title": "Meanwhile"})
    before = fingerprint(app)

    for method, body in [("PATCH", {"json": {"title": "T"}}), ("DELETE", {})]:
        bare = ada.send(method, f"/posts/{DRAFT}", **body)
        late = ada.send(method, f"/posts/{DRAFT}", headers={"If-Match": stale}, **body)
        assert (refusal(bare), refusal(late)) == ((428, "condition-needed"), (412, "changed"))
        assert late.headers["ETag"] == ada.get(f"/posts/{DRAFT}").headers["ETag"]
    assert fingerprint(app) == before


@pytest.mark.parametrize("garbage", ["", ",", '"', 'W/"', "W/*", "x" * 900, '"*"', "\x7f"])
def test_garbage_in_if_match_never_matches(app, ada, garbage):
    before = fingerprint(app)

    assert refusal(ada.patch(f"/posts/{DRAFT}", {"title": "T"}, If_Match=garbage)) == (412, "changed")
    assert fingerprint(app) == before


def test_pages_keep_the_same_rules(visitor):
    etag = visitor.get("/blog").headers["ETag"]

    def status(**headers):
        return visitor.get("/blog", headers={k.replace("_", "-"): v for k, v in headers.items()}).status_code

    assert status(If_Match="*") == status(If_Match=etag) == 200
    assert status(If_Match='"x"') == 412
    assert status(If_Match=etag, If_None_Match=etag) == 304


# --- many editors ---------------------------------------------------------------------------------------------------

EDITORS, ROUNDS = 8, 10


def test_no_edit_is_lost_among_many_editors(app, data_dir):
    key = issue_key(app, "ada")
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    accepted, statuses = [], set()

    def edit(server, editor):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)

        def ask(method, body=None, **extra):
            connection.request(method, f"/api/v1/posts/{DRAFT}", body, headers | extra)
            answer = connection.getresponse()
            return answer.status, answer.headers["ETag"], answer.read()

        for number in range(ROUNDS):
            _, etag, _ = ask("GET")
            title = f"{editor} {number}"
            status, _, _ = ask("PATCH", json.dumps({"title": title}), **{"If-Match": etag})
            statuses.add(status)
            accepted.extend([title] if status == 200 else [])
        connection.close()

    with app.app_context():
        first = db.session.scalar(text("SELECT version FROM post WHERE slug = :slug"), {"slug": DRAFT})
    with serving(data_dir, **QUOTA) as server:
        editors = [threading.Thread(target=edit, args=(server, editor)) for editor in range(EDITORS)]
        for editor in editors:
            editor.start()
        for editor in editors:
            editor.join()

    with app.app_context():
        row = db.session.execute(text("SELECT version, title FROM post WHERE slug = :slug"), {"slug": DRAFT}).one()
    assert statuses == {200, 412}  # some were too late, or nothing was tried
    assert len(accepted) == row.version - first
    assert row.title in accepted

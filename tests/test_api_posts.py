"""Posts at the public door: who sees and writes what, and that each write is seen everywhere at once."""

import re
from datetime import UTC, datetime

import comrak
import pytest
from api_client import QUOTA, Caller, in_database, issue_key, refusal, slugs
from scenarios import DRAFT, PUBLISHED, fingerprint

from flask_revalidation import ForgottenRevalidation, revalidate_everything, write
from flask_revalidation.transaction import is_dirty
from models import Post, PostFilter, Scope, Setting, User, db
from models.setting import Switch

BOBS_DRAFT, EDITHS_DRAFT = DRAFT, "empty-your-pockets-at-the-border"


@pytest.fixture
def key_of(app):
    """Cut a key for one of the demo's people."""
    return lambda handle, *scopes: issue_key(app, handle, *scopes)


@pytest.fixture
def ada(app, key_of):
    """The owner, at the door."""
    return Caller(app, key_of("ada"))


@pytest.fixture
def bob(app, key_of):
    """An author, at the door."""
    return Caller(app, key_of("bob"))


@pytest.fixture
def elsewhere(make_app):
    """Another worker on the same database: what it shows now, to readers, to strangers' programs, and to the owner."""
    app = make_app()
    desk = app.test_client()
    assert desk.act("demo.switch_persona", persona="ada").status_code == 303
    pages = ["/", "/blog", "/blog?tag=fresh"]

    def shows(text, slug):
        reader, program = app.test_client(), Caller(app)
        seen = {path for path in [*pages, f"/blog/{slug}"] if text in reader.get(path).text}
        seen |= {"desk"} & ({"desk"} if text in desk.get("/dashboard/posts").text else set())
        seen |= {path for path in ("/posts", f"/posts/{slug}", "/posts?tag=fresh") if text in program.get(path).text}
        return seen

    return shows


LISTS = {"/", "/blog", "/posts"}
TAGGED = {"/blog?tag=fresh", "/posts?tag=fresh"}


def test_each_write_is_seen_by_the_very_next_read_on_another_worker(ada, elsewhere):
    slug = "seen-at-once"
    own = {f"/blog/{slug}", f"/posts/{slug}"}
    assert elsewhere("Seen at once", slug) == set()

    made = ada.post("/posts", {"title": "Seen at once", "body": "Words.", "tags": ["fresh"]})
    assert (made.status_code, made.headers["Location"]) == (201, f"/api/v1/posts/{slug}")
    assert elsewhere("Seen at once", slug) == {"desk"}

    assert ada.put(f"/posts/{slug}/publication").json["status"] == "published"
    assert elsewhere("Seen at once", slug) == {"desk", *LISTS, *TAGGED, *own}

    assert ada.patch(f"/posts/{slug}", {"title": "Quite other"}).json["version"] == 2
    assert elsewhere("Seen at once", slug) == set()
    assert elsewhere("Quite other", slug) == {"desk", *LISTS, *TAGGED, *own}

    assert ada.patch(f"/posts/{slug}", {"tags": []}).json["tags"] == []
    assert elsewhere("Quite other", slug) == {"desk", *LISTS, *own}

    assert ada.delete(f"/posts/{slug}/publication").json["status"] == "draft"
    assert elsewhere("Quite other", slug) == {"desk"}

    ada.put(f"/posts/{slug}/publication")
    assert elsewhere("Quite other", slug) == {"desk", *LISTS, *own}
    gone = ada.delete(f"/posts/{slug}")
    assert (gone.status_code, gone.data) == (204, b"")
    assert elsewhere("Quite other", slug) == set()


def test_draft_that_moves_leaves_its_old_address(ada):
    ada.post("/posts", {"title": "First name"})

    moved = ada.patch("/posts/first-name", {"slug": "second-name"})

    assert moved.json["slug"] == "second-name"
    assert ada.get("/posts/first-name").status_code == 404
    assert ada.get("/posts/second-name").json == moved.json


WRITES = {
    "create_post": lambda ada: ada.post("/posts", {"title": "A new one"}),
    "update_post": lambda ada: ada.patch(f"/posts/{PUBLISHED}", {"title": "Changed"}),
    "delete_post": lambda ada: ada.delete(f"/posts/{PUBLISHED}"),
    "publish_post": lambda ada: ada.put(f"/posts/{DRAFT}/publication"),
    "unpublish_post": lambda ada: ada.delete(f"/posts/{PUBLISHED}/publication"),
}


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("forgotten", [False, True])
def test_write_without_its_revalidation_is_noticed(app, ada, sign_in, monkeypatch, name, forgotten):
    for path in ("/", "/blog", f"/blog/{PUBLISHED}", "/api/v1/posts", f"/api/v1/posts/{PUBLISHED}", "/api/v1/tags"):
        assert app.test_client().get(path).status_code == 200
    assert sign_in("ada").get("/dashboard").status_code == 200
    if forgotten:
        monkeypatch.setattr("api.v1.posts.revalidate_tag", lambda *tags: None)
        with pytest.raises(ForgottenRevalidation, match=f"^api {name} changed table"):
            WRITES[name](ada)
    else:
        assert WRITES[name](ada).status_code in (200, 201, 204)


def test_every_write_of_the_door_is_among_them(app):
    unsafe = {
        rule.endpoint.rpartition(".")[2]
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("api_v1") and rule.methods & {"POST", "PUT", "PATCH", "DELETE"}
    }

    assert unsafe - {"add_picture"} == set(WRITES)  # of which no page knows before a post names it


def test_stranger_sees_what_is_published_and_nothing_else(app, ada):
    with app.app_context():
        published = {post.slug for post in PostFilter().page(size=100).rows}
    stranger = Caller(app)

    assert set(slugs(stranger.every("/posts"))) == published
    assert {post["status"] for post in stranger.every("/posts")} == {"published"}
    for slug in (BOBS_DRAFT, EDITHS_DRAFT, "a-clock-that-knocks"):
        assert refusal(stranger.get(f"/posts/{slug}")) == (404, "not-found")
        assert ada.get(f"/posts/{slug}").status_code == 200


def test_author_sees_own_drafts_and_nobody_elses(app, bob):
    with app.app_context():
        rows = db.session.query(Post.slug, Post.status, User.handle).join(User).all()
    allowed = {slug for slug, status, handle in rows if status == "published" or handle == "bob"}
    assert {slug for slug, *_ in rows} - allowed

    assert set(slugs(bob.every("/posts"))) == allowed


def test_reader_with_a_key_sees_and_does_no_more_than_a_reader(app, key_of):
    cleo = Caller(app, key_of("cleo"))
    before = fingerprint(app)

    assert set(slugs(cleo.every("/posts"))) == set(slugs(Caller(app).every("/posts")))
    assert refusal(cleo.post("/posts", {"title": "Mine"})) == (403, "forbidden")
    assert refusal(cleo.patch(f"/posts/{PUBLISHED}", {"title": "Mine"})) == (404, "not-found")
    assert fingerprint(app) == before


def test_author_cannot_touch_anothers_draft(app, bob):
    before = fingerprint(app)

    answers = [
        bob.get(f"/posts/{EDITHS_DRAFT}"),
        bob.patch(f"/posts/{EDITHS_DRAFT}", {"title": "Mine now"}),
        bob.put(f"/posts/{EDITHS_DRAFT}/publication"),
        bob.delete(f"/posts/{EDITHS_DRAFT}/publication"),
        bob.delete(f"/posts/{EDITHS_DRAFT}"),
    ]

    assert [refusal(answer) for answer in answers] == [(404, "not-found")] * 5
    assert fingerprint(app) == before


def test_author_publishes_only_while_the_house_allows_it(app, bob):
    with app.app_context(), write(by="test"):
        assert Setting.toggle(Switch.AUTHORS_PUBLISH) is False
        revalidate_everything()
    before = fingerprint(app)

    assert refusal(bob.put(f"/posts/{BOBS_DRAFT}/publication")) == (403, "forbidden")
    assert refusal(bob.delete(f"/posts/{BOBS_DRAFT}/publication")) == (403, "forbidden")
    assert fingerprint(app) == before
    assert bob.patch(f"/posts/{BOBS_DRAFT}", {"title": "Still mine to write"}).status_code == 200


def test_fields_that_are_not_the_callers_to_set_are_refused(app, ada):
    before = fingerprint(app)

    for field in ("id", "author", "author_id", "status", "version", "published_at", "created_at", "url", "origin"):
        for answer in (ada.post("/posts", {"title": "T", field: 1}), ada.patch(f"/posts/{DRAFT}", {field: 1})):
            assert refusal(answer) == (422, "invalid")
            assert answer.json["errors"][0]["pointer"] == f"#/{field}"
    assert fingerprint(app) == before


def test_address_that_is_taken_or_settled_is_a_conflict(app, ada):
    before = fingerprint(app)

    answers = [
        ada.post("/posts", {"title": "T", "slug": PUBLISHED}),
        ada.patch(f"/posts/{DRAFT}", {"slug": PUBLISHED}),
        ada.patch(f"/posts/{PUBLISHED}", {"slug": "elsewhere"}),
    ]

    assert [refusal(answer) for answer in answers] == [(409, "conflict")] * 3
    assert [answer.json["errors"][0]["pointer"] for answer in answers] == ["#/slug"] * 3
    assert fingerprint(app) == before
    assert ada.patch(f"/posts/{PUBLISHED}", {"slug": PUBLISHED, "title": "Same place"}).status_code == 200


def test_address_settled_by_a_publication_stays_settled_as_a_draft(ada):
    ada.delete(f"/posts/{PUBLISHED}/publication")

    assert refusal(ada.patch(f"/posts/{PUBLISHED}", {"slug": "elsewhere"})) == (409, "conflict")


def test_address_is_made_from_the_title_and_made_free(ada):
    made = [ada.post("/posts", {"title": "Twice the same"}).json["slug"] for _ in range(2)]

    assert made == ["twice-the-same", "twice-the-same-2"]


def test_written_excerpt_stays_and_an_automatic_one_follows_the_text(ada):
    ada.post("/posts", {"title": "E", "slug": "e", "body": "One. "})
    assert ada.patch("/posts/e", {"body": "Two."}).json["excerpt"] == "Two."

    assert ada.patch("/posts/e", {"excerpt": "By hand."}).json["excerpt"] == "By hand."
    assert ada.patch("/posts/e", {"body": "Three."}).json["excerpt"] == "By hand."
    assert ada.patch("/posts/e", {"excerpt": ""}).json["excerpt"] == "Three."
    assert ada.patch("/posts/e", {"body": "Four."}).json["excerpt"] == "Four."


def test_change_leaves_alone_what_it_does_not_name(ada):
    first = ada.post("/posts", {"title": "T", "body": "B", "excerpt": "E", "tags": ["b", "a"]}).json

    second = ada.patch("/posts/t", {"body": "C"}).json

    differs = {name for name in first if first[name] != second[name]}
    assert differs == {"body", "version", "updated_at"}


def test_publishing_again_changes_nothing(ada):
    for method in ("PUT", "DELETE"):
        first, second = (ada.send(method, f"/posts/{DRAFT}/publication") for _ in range(2))
        assert (first.status_code, first.headers["ETag"]) == (200, second.headers["ETag"])


def test_what_a_write_answers_is_what_a_read_answers(ada):
    made = ada.post("/posts", {"title": "T", "tags": ["z", "a", "z"]})
    read = ada.get("/posts/t")

    assert made.json == read.json
    assert made.headers["ETag"] == read.headers["ETag"]
    changed = ada.patch("/posts/t", {"tags": ["y", "b"]}, If_Match=made.headers["ETag"])
    assert changed.status_code == 200
    assert changed.headers["ETag"] == ada.get("/posts/t").headers["ETag"]


def test_times_are_rfc_3339_in_utc_and_the_url_is_the_page(app, make_app):
    site = make_app(PUBLIC_URL="https://hallway.example", TRUSTED_HOSTS="localhost,hallway.example")
    post = Caller(site).get(f"/posts/{PUBLISHED}").json

    for name in ("published_at", "updated_at"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", post[name])
    stored = in_database(app, PUBLISHED)["published_at"]
    assert datetime.fromisoformat(post["published_at"]) == stored.replace(tzinfo=stored.tzinfo or UTC)
    assert post["url"] == f"https://hallway.example/blog/{PUBLISHED}"


@pytest.mark.parametrize("keyed", [False, True])
def test_head_answers_as_get_does_without_the_body(app, key_of, keyed):
    caller = Caller(app, key_of("ada") if keyed else "")
    for path in ("/posts", f"/posts/{PUBLISHED}", "/tags", "/authors", "/posts.csv", "/openapi.json", "/posts/none"):
        get, head = caller.get(path), caller.send("HEAD", path)
        assert head.data == b""
        assert head.status_code == get.status_code
        of_the_moment = ("RateLimit", "Date", "Expires")
        assert {k: v for k, v in head.headers if k not in of_the_moment} == {
            k: v for k, v in get.headers if k not in of_the_moment
        }, path


def test_key_of_one_scope_opens_only_that(app, key_of):
    reader, writer = Caller(app, key_of("ada", Scope.READ)), Caller(app, key_of("ada", Scope.WRITE))
    before = fingerprint(app)

    assert refusal(reader.post("/posts", {"title": "T"})) == (403, "scope-missing")
    assert refusal(writer.get("/posts")) == (403, "scope-missing")
    assert fingerprint(app) == before


def test_exception_midway_rolls_back_post_versions_and_kept_answer(make_app, key_of, monkeypatch):
    app = make_app(testing=False, **QUOTA)
    caller = Caller(app, key_of("ada"))
    caller.get("/posts")
    before = fingerprint(app)

    def fail(*_):
        db.session.flush()
        raise RuntimeError("a lamp went out")

    monkeypatch.setattr("api.idempotency.remember", fail)
    refused = caller.post("/posts", {"title": "Half"}, Idempotency_Key="k1")
    monkeypatch.undo()

    assert refusal(refused) == (500, "fault")
    assert "lamp" not in refused.text
    assert fingerprint(app) == before
    assert caller.post("/posts", {"title": "Whole"}, Idempotency_Key="k1").status_code == 201


def test_text_is_rendered_once_before_the_write_lock_and_for_no_stranger(app, key_of, monkeypatch):
    render, rendered = comrak.render_markdown, []

    def noted(body, *options):
        rendered.append((body, is_dirty(db)))
        return render(body, *options)

    monkeypatch.setattr("comrak.render_markdown", noted)
    caller, words = Caller(app, key_of("ada")), {"title": "T", "body": "Some *words*."}

    assert refusal(Caller(app).post("/posts", words)) == (401, "key-needed")
    assert rendered == []
    made = caller.post("/posts", words).json["slug"]
    assert rendered == [("Some *words*.", False)]
    assert caller.patch(f"/posts/{made}", {"body": "Others."}).json["excerpt"] == "Others."
    assert rendered[1:] == [("Others.", False)]
    assert caller.patch(f"/posts/{made}", {"title": "U"}).status_code == 200
    assert len(rendered) == 2

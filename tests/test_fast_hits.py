"""Answers given in front of Flask: always those that Flask would give."""

import pytest

from models import Post, db
from web.fast_hits import MAX_NAME

PAGES = ["/", "/blog", "/blog?tag=security", "/blog/commit-is-the-only-moment", "/feed.xml", "/feed.json"]
LISTS = ["/api/v1/posts?limit=3", "/api/v1/tags", "/api/v1/posts/commit-is-the-only-moment"]
ASKED = [
    {},
    {"Accept-Encoding": "gzip, deflate, br, zstd"},
    {"Accept-Encoding": "gzip;q=0"},
    {"If-None-Match": "ETAG"},
    {"If-None-Match": '"of-another", W/ETAG'},
    {"If-None-Match": "*"},
    {"If-Match": "ETAG"},
    {"If-Match": '"of-another"'},
    {"Cookie": "theme=dark"},
    {"Range": "bytes=0-9"},
    {"HX-Request": "true"},
]


def told(answer):
    """Return all that a client gets to see, but the count of its requests. Forms in refusals have keys of their own."""
    if answer.status_code >= 400:
        return answer.status
    headers = {name: value for name, value in answer.headers.items() if name not in ("RateLimit", "Date")}
    return answer.status, headers, answer.data


@pytest.mark.parametrize("path", [*PAGES, *LISTS])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_second_answer_is_the_first_one_whatever_is_asked(app, visitor, path, method):
    etag = visitor.get(path).headers["ETag"]
    for headers in ASKED:
        headers = {name: value.replace("ETAG", etag) for name, value in headers.items()}
        answers = [told(visitor.open(path, method=method, headers=headers)) for _ in range(3)]
        assert answers[1:] == [answers[0]] * 2


def reads(app):
    """Return the list of requests that come through to Flask, from now on."""
    seen = []
    app.before_request(lambda: seen.append(1))
    return seen


@pytest.mark.parametrize("path", ["/blog", "/feed.json", LISTS[0]])
def test_only_the_first_reader_of_a_page_comes_through_to_flask(app, visitor, fast_hits, path):
    seen = reads(app)

    for _ in range(5):
        assert visitor.get(path).status_code == 200

    assert len(seen) == (1 if fast_hits else 5)


def test_who_shows_a_key_or_sends_a_body_is_never_answered_in_front_of_flask(app, visitor):
    seen = reads(app)
    for path in ("/blog", LISTS[0]):
        for _ in range(2):
            assert visitor.get(path).status_code == 200
    seen.clear()

    assert visitor.get(LISTS[0], headers={"Authorization": "Bearer of-nobody"}).status_code == 401
    assert visitor.get("/blog", headers={"Authorization": "Bearer of-nobody"}).status_code == 200
    assert visitor.get("/blog", data=b"a body").status_code == 200
    assert visitor.get("/blog", headers={"Transfer-Encoding": "chunked"}).status_code == 200
    assert len(seen) == 4


def test_write_is_seen_by_the_very_next_reader(app, visitor, ada, find_post):
    post = find_post("commit-is-the-only-moment")
    for number in range(3):
        assert visitor.get(post.path).status_code == 200
        words = {"post_id": post.id, "version": post.version + number, "title": f"Title {number}", "body": "Words."}
        assert ada.act("posts.update_post", page="/dashboard/posts", **words).status_code == 303
        assert f"Title {number}" in visitor.get(post.path).text


def test_page_of_a_person_is_never_given_to_another(app, visitor, ada):
    assert "Sign in" in visitor.get("/blog").text
    own = ada.get("/blog")

    assert own.headers["Cache-Control"] == "private, no-store"
    assert visitor.get("/blog").text != own.text
    assert "Sign in" in visitor.get("/blog").text


def test_condition_is_kept_to_also_where_the_page_is_known(visitor):
    etag = visitor.get("/blog").headers["ETag"]
    asked = [{}, {"If-Match": etag}, {"If-Match": '"x"'}, {}, {"If-None-Match": etag}, {"If-None-Match": '"x"'}, {}]

    for _ in range(2):
        statuses = [visitor.get("/blog", headers=headers).status_code for headers in asked]
        assert statuses == [200, 200, 412, 200, 304, 200, 200]


def test_page_under_a_prefix_is_none_without_it(app, visitor):
    seen = reads(app)
    for prefix in ("", "/app", "", "/app"):
        assert visitor.get("/blog", environ_overrides={"SCRIPT_NAME": prefix}).status_code == 200

    assert len(seen) >= 2


def test_host_that_is_not_ours_is_refused_also_where_the_page_is_known(visitor):
    good, bad = {"Host": "localhost"}, {"Host": "evil.example"}

    assert [visitor.get("/blog", headers=headers).status_code for headers in (good, good, bad, good, bad)] == [
        200, 200, 400, 200, 400,
    ]  # fmt: skip


def test_answers_do_not_fill_the_memory_with_made_up_addresses(app, visitor, fast_hits):
    for number in range(30):
        visitor.get(f"/blog?made-up={number}{'x' * MAX_NAME}")

    assert not fast_hits or len(app.wsgi_app._answers) == 0


def test_hit_counts_against_the_quota_of_the_api(make_app):
    visitor = make_app(API_REQUESTS_PER_MINUTE="5").test_client()
    answers = [visitor.get("/api/v1/posts") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    left = [answer.headers["RateLimit"].split(";")[1] for answer in answers[:5]]
    assert left == ["r=4", "r=3", "r=2", "r=1", "r=0"]


def test_database_that_fails_is_for_flask_to_say_and_is_found_again(app, visitor, fast_hits):
    visitor.get("/blog")
    if fast_hits:
        visitor.get("/blog")
        app.wsgi_app._connection.close()

    assert [visitor.get("/blog").status_code for _ in range(3)] == [200] * 3


def test_write_by_another_worker_is_seen(make_app):
    first, second = make_app(), make_app()
    page = first.test_client().get("/blog").text
    from flask_revalidation import revalidate_tag, write

    with second.app_context(), write(by="another worker"):
        db.session.get(Post, 1).title = "From another worker"
        revalidate_tag("posts", db.session.get(Post, 1).path)

    assert "From another worker" not in page
    assert "From another worker" in first.test_client().get("/blog").text + first.test_client().get("/feed.xml").text

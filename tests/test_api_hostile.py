"""Requests that no client of good will sends: each gets an exact answer, as a problem, and never a fault."""

import base64
import json

import pytest
from keys import PLENTY, bearer, issue_key, send
from scenarios import PUBLISHED, fingerprint

POST = f"/api/v1/posts/{PUBLISHED}"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def app(make_app):
    return make_app(API_REQUESTS_PER_MINUTE=PLENTY)


@pytest.fixture
def key(app):
    return issue_key(app, "ada")


def cursor(*position):
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/posts/%00", 404),
        ("/api/v1/posts/%FF%FE", 404),
        ("/api/v1/posts/a%2Fb", 404),
        ("/api/v1/posts/..%2F..%2Fdashboard", 404),
        ("/api/v1/posts/" + "a" * 9000, 404),
        ("/api/v1/posts/", 404),
        ("/api//v1/posts", 404),
        ("/api/v1//posts", 404),
        ("/api/", 404),
        ("/api/v2/posts", 404),
        ("/api/v1/posts?limit=1e2", 422),
        ("/api/v1/posts?limit=%D9%A1", 422),
        ("/api/v1/posts?limit=0", 422),
        ("/api/v1/posts?limit=" + "9" * 5000, 422),
        ("/api/v1/posts?limit=", 422),
        ("/api/v1/posts?limit=1&limit=2", 422),
        ("/api/v1/posts?tag=%00", 422),
        ("/api/v1/posts?page=2", 422),
        ("/api/v1/tags?cursor=" + cursor("\0"), 422),
        ("/api/v1/tags?cursor=" + cursor("\ud800"), 422),
        ("/api/v1/tags?cursor=" + cursor(1), 422),
        ("/api/v1/posts?cursor=" + cursor(2**63), 422),
        ("/api/v1/posts?cursor=" + cursor(True), 422),
        ("/api/v1/posts?cursor=%F0%9F%9A%AA", 422),
        ("/api/v1/posts?cursor=" + "W" * 299, 422),
        ("/api/v1/posts?api_key=x", 401),
    ],
)
@pytest.mark.parametrize("door", ["with a key", "without"])
def test_odd_address_is_refused_as_a_problem(app, key, path, status, door):
    answer = send(app, "GET", path, key if door == "with a key" else "")

    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.json["status"] == status
    assert answer.headers["Cache-Control"] == "no-store"
    assert path.startswith("/api/v1") is (answer.headers.get("Access-Control-Allow-Origin") == "*")


@pytest.mark.parametrize(
    ("headers", "body", "status", "kind"),
    [
        ({}, b"", 415, "not-json"),
        ({}, b"{}", 415, "not-json"),
        ({"Content-Type": "application/merge-patch+json"}, b'{"title":"a"}', 415, "not-json"),
        ({"Content-Type": "application/json, text/plain"}, b'{"title":"a"}', 415, "not-json"),
        (JSON | {"Content-Encoding": "gzip"}, b'{"title":"a"}', 415, "not-json"),
        (JSON, b"", 400, "malformed-json"),
        (JSON, b'{"title":"a","title":"b"}', 400, "malformed-json"),
        (JSON, b"\xef\xbb\xbf{}", 400, "malformed-json"),
        ({"Content-Type": "application/json; charset=latin-1"}, b'{"title":"\xe9"}', 400, "malformed-json"),
        (JSON, b"[" * 100_000, 400, "malformed-json"),
        (JSON, b'{"title":' + b"9" * 5000 + b"}", 400, "malformed-json"),
        (JSON, b"null", 422, "invalid"),
        (JSON, b'{"title":"\\ud800"}', 422, "invalid"),
        (JSON, b'{"title":"a","\\ud800":1}', 422, "invalid"),
        (JSON, b'{"title":"a\\u0000"}', 422, "invalid"),
        (JSON | {"Idempotency-Key": '""'}, b'{"title":"a"}', 400, "bad-request"),
        (JSON | {"Idempotency-Key": "é"}, b'{"title":"a"}', 400, "bad-request"),
        (JSON, b'{"title":"' + b"a" * 1_000_000 + b'"}', 413, "too-large"),
    ],
)
def test_odd_body_is_refused_and_nothing_is_written(app, key, headers, body, status, kind):
    before = fingerprint(app)

    answer = send(app, "POST", "/api/v1/posts", key, headers=headers, data=body)

    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert answer.json["type"].endswith(f"/api/problems/{kind}")
    assert fingerprint(app) == before


@pytest.mark.parametrize("of", ["application/json; charset=utf-8", "APPLICATION/JSON"])
def test_media_type_may_be_written_as_the_rfc_allows(app, key, of):
    assert (
        send(app, "POST", "/api/v1/posts", key, headers={"Content-Type": of}, data='{"title":"a"}').status_code == 201
    )


def test_faults_beyond_the_twentieth_are_not_listed(app, key):
    body = json.dumps({"title": "a"} | {f"unknown{number}": 1 for number in range(50_000)})

    answer = send(app, "POST", "/api/v1/posts", key, headers=JSON, data=body)

    assert answer.status_code == 422
    assert len(answer.json["errors"]) == 20


def test_publication_needs_no_body_whatever_the_content_type_says(app, key):
    assert send(app, "PUT", f"{POST}/publication", key, headers=JSON).status_code == 200
    assert send(app, "PUT", f"{POST}/publication", key).status_code == 200


def test_if_match_that_is_too_long_is_not_taken_for_missing(app, key):
    answer = send(app, "DELETE", POST, key, headers={"If-Match": "x" * 1001})

    assert (answer.status_code, answer.json["errors"][0]["header"]) == (400, "If-Match")


@pytest.mark.parametrize("door", ["with a key", "without"])
def test_reading_under_a_foreign_if_match_answers_412_without_the_post(app, key, door):
    headers = {"If-Match": '"another"'} | (bearer(key) if door == "with a key" else {})

    answer = send(app, "GET", POST, headers=headers)

    assert (answer.status_code, answer.content_type) == (412, "application/problem+json")
    assert PUBLISHED not in answer.text


@pytest.mark.parametrize("sent", ["two keys", "no scheme", "Basic", "empty", "misspelt", "not ASCII"])
def test_what_is_no_key_opens_nothing(app, key, sent):
    header = {
        "two keys": f"Bearer {key}, Bearer {key}",
        "no scheme": key,
        "Basic": f"Basic {key}",
        "empty": "",
        "misspelt": f"Bearer {key[:-1]}{'1' if key[-1] == '0' else '0'}",
        "not ASCII": "Bearer hd_é",
    }[sent]

    assert send(app, "GET", "/api/v1/posts", headers={"Authorization": header}).status_code == 401


@pytest.mark.parametrize("path", [POST, "/api/v1/posts", "/api/v1/posts.csv", "/api/v1/me"])
def test_head_answers_as_get_does_without_the_body(app, key, path):
    got, head = (send(app, method, path, key) for method in ("GET", "HEAD"))
    told = ("Content-Type", "Content-Length", "ETag", "Vary", "Cache-Control", "Link", "Content-Disposition")

    assert (got.status_code, head.status_code, head.data) == (200, 200, b"")
    assert {name: head.headers.get(name) for name in told} == {name: got.headers.get(name) for name in told}


@pytest.mark.parametrize("door", ["with a key", "without"])
def test_304_says_what_a_cache_needs_and_no_more(app, key, door):
    headers = {"Accept-Encoding": "gzip"} | (bearer(key) if door == "with a key" else {})
    first = send(app, "GET", POST, headers=headers)

    again = send(app, "GET", POST, headers=headers | {"If-None-Match": f'"x", W/{first.headers["ETag"]}'})

    assert (again.status_code, again.data) == (304, b"")
    for name in ("ETag", "Vary", "Cache-Control"):
        assert again.headers[name] == first.headers[name]
    assert not {"Content-Type", "Content-Length", "Content-Encoding"} & set(again.headers.keys())


def test_what_has_no_body_has_no_content_type(app, key):
    gone = send(app, "DELETE", POST, key, headers={"If-Match": "*"})
    asked = send(app, "OPTIONS", "/api/v1/posts")

    assert (gone.status_code, gone.data, gone.content_type) == (204, b"", None)
    assert (asked.status_code, asked.data, asked.content_type) == (200, b"", None)


@pytest.mark.parametrize("method", ["PUT", "TRACE", "PURGE"])
def test_wrong_method_is_told_all_the_right_ones(app, key, method):
    answer = send(app, method, POST, key)

    assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "PATCH", "DELETE"}


def test_body_without_a_length_is_read(app, key):
    import io

    chunks = {
        "input_stream": io.BytesIO(b'{"title": "In pieces"}'),
        "environ_overrides": {"wsgi.input_terminated": True},
    }
    answer = send(app, "POST", "/api/v1/posts", key, headers=JSON | {"Transfer-Encoding": "chunked"}, **chunks)

    assert (answer.status_code, answer.json["title"]) == (201, "In pieces")


def test_unknown_host_is_refused_before_anything_else(app, key):
    assert send(app, "GET", "/api/v1/posts", key, headers={"Host": "evil.example"}).status_code == 400


def test_every_problem_type_leads_to_its_explanation(app):
    from web.problems import KINDS

    for kind, (status, title, _) in KINDS.items():
        answer = send(app, "GET", f"/api/problems/{kind}")
        assert (answer.json["status"], answer.json["title"]) == (status, title)

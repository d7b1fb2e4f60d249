"""Programs in other sites' pages may read what everyone may read; they carry no cookies and change nothing."""

import pytest
from api_client import QUOTA, Caller, issue_key
from scenarios import PUBLISHED, fingerprint

ODD = ["null", "*", "https://evil.example", "http://localhost", "http://127.0.0.1:8000", "https://hallway.example.evil"]
ODD += [
    "https://evil.example, *",
    "//x",
    "file://",
    "\u00fc",
    "x" * 4000,
    "https://[::1]",
    "javascript:0",
    "' or 1",
    "",
]
ORIGINS = [*ODD, *(f"https://{n}.evil.example:{n}" for n in range(1, 200 - len(ODD) + 1))]


def allowed(answer):
    """Return what an answer says about other origins."""
    return {name: value for name, value in answer.headers if name.startswith("Access-Control-")}


@pytest.mark.parametrize("path", ["/posts", f"/posts/{PUBLISHED}", "/tags", "/authors", "/posts.csv", "/openapi.json"])
@pytest.mark.parametrize("keyed", [False, True])
def test_reads_are_open_to_every_origin_and_to_no_cookie(app, path, keyed):
    caller = Caller(app, issue_key(app, "ada") if keyed else "")
    for answer in (caller.get(path), caller.get(path, Origin="https://other.example")):
        assert answer.status_code == 200
        assert allowed(answer) == {
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Expose-Headers": "ETag, Link, RateLimit, RateLimit-Policy, Retry-After",
        }
        assert "Set-Cookie" not in answer.headers


def test_no_origin_is_ever_repeated(make_app):
    app = make_app(testing=False, **QUOTA)
    stranger = Caller(app)
    assert len(ORIGINS) == 200

    for origin in ORIGINS:
        for method in ("GET", "OPTIONS"):
            answer = stranger.send(method, "/posts", headers={"Origin": origin, "Cookie": "session=x"})
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "Access-Control-Allow-Credentials" not in answer.headers
            assert "Origin" not in answer.headers.get("Vary", "")
            assert len(origin) < 5 or origin not in str(answer.headers)


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "DELETE"])
def test_preflight_allows_reading_only(app, method):
    path = {"POST": "/posts", "PUT": f"/posts/{PUBLISHED}/publication"}.get(method, f"/posts/{PUBLISHED}")
    before = fingerprint(app)

    answer = Caller(app).send(
        "OPTIONS",
        path,
        headers={
            "Origin": "https://other.example",
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization, content-type, if-match, idempotency-key",
        },
    )

    assert allowed(answer)["Access-Control-Allow-Methods"] == "GET, HEAD"
    assert allowed(answer)["Access-Control-Allow-Headers"] == "Authorization, If-None-Match"
    assert fingerprint(app) == before


def test_refusal_can_be_read_by_the_program_that_got_it(app):
    answer = Caller(app, "hd_wrong").get("/posts", Origin="https://other.example")

    assert answer.status_code == 401
    assert allowed(answer)["Access-Control-Allow-Origin"] == "*"


def test_answer_is_no_page_that_runs_and_no_script(app):
    answer = Caller(app).get("/posts")

    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/blog", f"/blog/{PUBLISHED}", "/sign-in", "/contact", "/nowhere", "/api/docs"])
def test_pages_are_for_our_own_origin(app, path):
    for method in ("GET", "OPTIONS"):
        answer = app.test_client().open(path, method=method, headers={"Origin": "https://other.example"})
        assert allowed(answer) == {}
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_action_answers_no_preflight(app):
    answer = app.test_client().options("/_actions/posts.create_post", headers={"Origin": "https://other.example"})

    assert allowed(answer) == {}

"""What comes in through the door is read one way or not at all, and every refusal is a problem that explains itself."""

import http.client
import json

import pytest
from api_client import Caller, issue_key, refusal
from scenarios import DRAFT, PUBLISHED, fingerprint
from serving import serving

from web.problems import KINDS

JSON = {"Content-Type": "application/json"}
BOM, TITLE = b"\xef\xbb\xbf", b'{"title": "T"}'
MALFORMED = {
    "deep arrays": b"[" * 100_000,
    "deep objects": b'{"a":' * 50_000,
    "NaN": b'{"title": NaN}',
    "Infinity": b'{"title": "T", "body": Infinity}',
    "-Infinity": b'{"tags": [-Infinity]}',
    "a name twice": b'{"title": "T", "title": "U"}',
    "a name twice inside": b'{"title": "T", "body": {"a": 1, "a": 1}}',
    "a name twice in two spellings": b'{"title": "T", "\\u0074itle": "U"}',
    "byte order mark": BOM + TITLE,
    "UTF-16": TITLE.decode().encode("utf-16"),
    "UTF-16 without a mark": TITLE.decode().encode("utf-16-le"),
    "latin-1": '{"title": "é"}'.encode("latin-1"),
    "overlong UTF-8": b'{"title": "\xc0\xaf"}',
    "surrogate in UTF-8": b'{"title": "\xed\xa0\x80"}',
    "a raw NUL": b'{"title": "\x00"}',
    "nothing": b"",
    "spaces": b"  \n",
    "two texts": TITLE + TITLE,
    "single quotes": b"{'title': 'T'}",
    "a trailing comma": b'{"title": "T",}',
    "a number too long to read": b'{"title": ' + b"9" * 5000 + b"}",
}
INVALID = {
    "null": (b"null", "#"),
    "an array": (b"[]", "#"),
    "a string": (b'"x"', "#"),
    "a number": (b"1e999", "#"),
    "no title": (b"{}", "#/title"),
    "infinity by size": (b'{"title": 1e999}', "#/title"),
    "2^63": (b'{"title": 9223372036854775808}', "#/title"),
    "10^400": (b'{"title": 1' + b"0" * 400 + b"}", "#/title"),
    "true": (b'{"title": true}', "#/title"),
    "a lone surrogate": (b'{"title": "\\ud800"}', "#/title"),
    "a lone surrogate in a tag": (b'{"title": "T", "tags": ["\\udc00"]}', "#/tags/0"),
    "an escaped NUL": (b'{"title": "a\\u0000b"}', "#/title"),
    "NUL in the body": (b'{"title": "T", "body": "\\u0000"}', "#/body"),
    "a control character": (b'{"title": "a\\u007fb"}', "#/title"),
    "two lines of title": (b'{"title": "a\\nb"}', "#/title"),
    "a bell in the body": (b'{"title": "T", "body": "\\u0007"}', "#/body"),
    "a blank title": (b'{"title": " \\t\\u00a0"}', "#/title"),
    "a long title": (b'{"title": "' + b"x" * 121 + b'"}', "#/title"),
    "a long body": (b'{"title": "T", "body": "' + b"x" * 100_001 + b'"}', "#/body"),
    "null for a text": (b'{"title": "T", "body": null}', "#/body"),
    "an address upwards": (b'{"title": "T", "slug": "../x"}', "#/slug"),
    "an empty address": (b'{"title": "T", "slug": ""}', "#/slug"),
    "an address and a line": (b'{"title": "T", "slug": "a\\n"}', "#/slug"),
    "eleven tags": (b'{"title": "T", "tags": ["a","b","c","d","e","f","g","h","i","j","k"]}', "#/tags"),
    "tags in a string": (b'{"title": "T", "tags": "a"}', "#/tags"),
    "an unknown name with a slash": (b'{"title": "T", "a/b~c": 1}', "#/a~1b~0c"),
    "__proto__": (b'{"title": "T", "__proto__": {}}', "#/__proto__"),
    "an unknown surrogate": (b'{"title": "T", "\\ud800": 1}', "#"),
}


@pytest.fixture
def ada(app):
    """The owner, at the door."""
    return Caller(app, issue_key(app, "ada"))


def test_body_that_is_no_clear_json_is_400(app, ada):
    before = fingerprint(app)

    answers = {case: refusal(ada.send("POST", "/posts", data=body, headers=JSON)) for case, body in MALFORMED.items()}

    assert answers == dict.fromkeys(MALFORMED, (400, "malformed-json"))
    assert fingerprint(app) == before


def test_json_that_says_the_wrong_thing_is_422_and_points_at_it(app, ada):
    before = fingerprint(app)

    answers = {case: ada.send("POST", "/posts", data=body, headers=JSON) for case, (body, _) in INVALID.items()}

    assert {case: refusal(answer) for case, answer in answers.items()} == dict.fromkeys(INVALID, (422, "invalid"))
    pointers = {case: answer.json["errors"][0]["pointer"] for case, answer in answers.items()}
    assert pointers == {case: pointer for case, (_, pointer) in INVALID.items()}
    assert fingerprint(app) == before


def test_change_and_publication_are_as_strict(app, ada):
    before = fingerprint(app)
    bodies = MALFORMED | {case: body for case, (body, _) in INVALID.items() if case != "no title"}
    post = f"/posts/{DRAFT}"

    changes = {
        case: refusal(ada.send("PATCH", post, data=body, headers={**JSON, "If-Match": "*"}))[0]
        for case, body in bodies.items()
    }
    publications = {
        case: refusal(ada.send("PUT", f"{post}/publication", data=body, headers=JSON))[0]
        for case, body in MALFORMED.items()
        if body
    }
    with_a_date = ada.send("PUT", f"{post}/publication", data=b'{"publish_at": "2030-01-01"}', headers=JSON)

    assert changes == dict.fromkeys(MALFORMED, 400) | dict.fromkeys(INVALID.keys() - {"no title"}, 422)
    assert publications == {case: 400 for case, body in MALFORMED.items() if body}
    assert refusal(with_a_date) == (422, "invalid")
    assert fingerprint(app) == before


def test_change_of_nothing_is_422(ada):
    assert refusal(ada.patch(f"/posts/{DRAFT}", {})) == (422, "invalid")


OTHER_TYPES = [
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/x-www-form-urlencoded"},
    {"Content-Type": "multipart/form-data; boundary=x"},
    {"Content-Type": "application/json-seq"},
    {"Content-Type": "application/problem+json"},
    {"Content-Type": ""},
    {},
    {**JSON, "Content-Encoding": "gzip"},
]


def test_anything_but_plain_json_is_415(app, ada):
    before = fingerprint(app)

    for headers in OTHER_TYPES:
        change = {**headers, "If-Match": "*"}
        assert refusal(ada.send("POST", "/posts", data=TITLE, headers=headers)) == (415, "not-json"), headers
        assert refusal(ada.send("PATCH", f"/posts/{DRAFT}", data=TITLE, headers=change))[0] == 415, headers
    assert fingerprint(app) == before


def test_json_is_utf_8_whatever_its_parameters_say(ada):
    for kind in ("application/json; charset=utf-8", "APPLICATION/JSON", "application/json;charset=utf-16"):
        made = ada.send("POST", "/posts", data='{"title": "Tür"}'.encode(), headers={"Content-Type": kind})
        assert (made.status_code, made.json["title"]) == (201, "Tür"), kind


def test_two_megabytes_are_413(app, ada):
    before = fingerprint(app)
    body = json.dumps({"title": "T", "body": "x" * 2_000_000})

    assert refusal(ada.send("POST", "/posts", data=body, headers=JSON)) == (413, "too-large")
    assert fingerprint(app) == before


def test_body_in_chunks_is_read_whole_or_refused(app, data_dir):
    headers = {**JSON, "Authorization": f"Bearer {issue_key(app, 'ada')}"}

    def send(*chunks):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request("POST", "/api/v1/posts", iter(chunks), headers, encode_chunked=True)
        answer = connection.getresponse()
        body = json.loads(answer.read())
        connection.close()
        return answer.status, body["title"]

    with serving(data_dir, workers=1) as server:
        assert send(b'{"title": ', b'"In two pieces"}') == (201, "In two pieces")
        assert send(b'{"title": ') == (400, "Malformed JSON")
        assert send(b'{"title": "', *[b"x" * 100_000] * 20, b'"}') == (413, "Too large")
        assert send(b'{"title": "Cut off"}', *[b" " * 100_000] * 20, b"no JSON") == (413, "Too large")


def test_thousands_of_unknown_names_get_a_short_answer(app, ada):
    body = json.dumps({f"name{number}": 1 for number in range(50_000)})

    answer = ada.send("POST", "/posts", data=body, headers=JSON)

    assert refusal(answer) == (422, "invalid")
    assert len(answer.data) < 10_000


ODD_QUERIES = {
    "limit=0": "limit",
    "limit=101": "limit",
    "limit=x": "limit",
    "limit=1e999": "limit",
    "limit=NaN": "limit",
    "limit=9223372036854775808": "limit",
    f"limit=1{'0' * 400}": "limit",
    "limit=5&limit=6": "limit",
    "cursor=": "cursor",
    f"cursor={'x' * 301}": "cursor",
    "tag=%00": "tag",
    "tag=A+b": "tag",
    "author=%ED%A0%80": "author",
    "page=2": "page",
    "__class__=x": "__class__",
}


def test_query_that_does_not_fit_is_422_and_named(app):
    answers = {query: Caller(app).get(f"/posts?{query}") for query in ODD_QUERIES}

    assert {refusal(answer) for answer in answers.values()} == {(422, "invalid")}
    assert {query: answer.json["errors"][0]["parameter"] for query, answer in answers.items()} == ODD_QUERIES


REFUSALS = {
    "404 of no route": (lambda c: c.client.get("/api/v2/posts"), (404, "not-found")),
    "404 of the bare door": (lambda c: c.client.get("/api"), (404, "not-found")),
    "404 of an odd path": (lambda c: c.client.get("/api/v1/posts/%00%0a%ff"), (404, "not-found")),
    "404 of a slash too many": (lambda c: c.get("/posts/"), (404, "not-found")),
    "404 of no problem": (lambda c: c.client.get("/api/problems/none"), (404, "not-found")),
    "405": (lambda c: c.client.delete("/api/v1/posts"), (405, "wrong-method")),
    "405 of TRACE": (lambda c: c.send("TRACE", "/posts"), (405, "wrong-method")),
    "406 is not used": (lambda c: c.get("/posts/none", Accept="text/html"), (404, "not-found")),
    "400 of a foreign host": (
        lambda c: c.client.get("/api/v1/posts", headers={"Host": "evil.example"}),
        (400, "bad-request"),
    ),
    "428": (lambda c: c.send("PATCH", f"/posts/{PUBLISHED}", json={"title": "T"}), (428, "condition-needed")),
    "412": (lambda c: c.delete(f"/posts/{PUBLISHED}", If_Match='"x"'), (412, "changed")),
    "409": (lambda c: c.post("/posts", {"title": "T", "slug": PUBLISHED}), (409, "conflict")),
    "401": (lambda c: c.get("/me", Authorization="Bearer x"), (401, "key-needed")),
}


def test_every_refusal_is_a_problem_whose_type_can_be_read(app, ada):
    for case, (ask, expected) in REFUSALS.items():
        answer = ask(ada)
        assert refusal(answer) == expected, case
        explained = ada.client.get(answer.json["type"].removeprefix(app.config["SITE"]))
        assert explained.status_code == 200, case
        assert explained.json["status"] == answer.status_code, case


def test_405_names_the_methods_that_are_there(ada):
    allowed = ada.client.delete("/api/v1/posts").headers["Allow"]

    assert set(allowed.split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}


def test_each_kind_of_problem_explains_itself(app, visitor):
    for kind, (status, title, remedy) in KINDS.items():
        answer = visitor.get(f"/api/problems/{kind}")
        assert answer.json == {
            "type": f"{app.config['SITE']}/api/problems/{kind}",
            "title": title,
            "status": status,
            "remedy": remedy,
        }


def test_refusals_outside_the_door_stay_pages(visitor):
    for path, method in [("/nowhere", "GET"), ("/apiary", "GET"), ("/blog", "DELETE")]:
        answer = visitor.open(path, method=method)
        assert answer.status_code in (404, 405)
        assert answer.mimetype == "text/html"

"""The document of the API is whole and true to the routes, and keeps the promise of tests/api-v1.json.

`python tests/test_api_document.py --write` renews the promise, unless that would break it.
"""

import json
import re
import sys
import tempfile
from copy import deepcopy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path[:0] = [] if __name__ != "__main__" else [str(ROOT)]

from contract import breaking  # noqa: E402
from openapi_schema_validator import OAS31Validator  # noqa: E402
from openapi_spec_validator import OpenAPIV31SpecValidator  # noqa: E402

from api.v1 import openapi  # noqa: E402

SNAPSHOT = ROOT / "tests/api-v1.json"
PROBLEM = "application/problem+json"
RENEW = "additions are fine; renew the snapshot: python tests/test_api_document.py --write"


def document_of(app):
    return app.test_client().get("/api/v1/openapi.json").json


def operations(document):
    return {f"{method.upper()} {path}": one for path, of in document["paths"].items() for method, one in of.items()}


@pytest.fixture
def document(app):
    return document_of(app)


def test_document_is_valid(document):
    assert document["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []


def test_every_route_is_in_it_and_nothing_else(app, document):
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1/")]
    routes = {
        f"{method} {rule.rule}".replace("<", "{").replace(">", "}")
        for rule in rules
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert set(operations(document)) == routes - {"GET /api/v1/openapi.json"}
    assert len(routes) > 10


def test_every_operation_says_what_it_is_for_and_whom_it_lets_in(document):
    names = [operation["operationId"] for operation in operations(document).values()]

    assert len(set(names)) == len(names)
    for name, operation in operations(document).items():
        assert len(operation["summary"]) > 20, name
        assert operation["tags"], name
        assert all(set(way) <= {"key"} for way in operation["security"]), name
        assert operation["security"], name


def test_every_refusal_is_a_problem(document):
    for name, operation in operations(document).items():
        refusals = {status: answer for status, answer in operation["responses"].items() if int(status) >= 400}
        assert {"400", "401", "422", "429", "500", "503"} <= set(refusals), name
        for status, answer in refusals.items():
            assert answer["content"] == {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}, (name, status)
            assert "RateLimit" in answer["headers"], (name, status)


def bodies(document):
    """Return every body that is sent or answered, as (operation, media type, content)."""
    for name, operation in operations(document).items():
        parts = [*operation["responses"].values(), operation.get("requestBody", {})]
        for kind, content in [item for part in parts for item in part.get("content", {}).items()]:
            yield name, kind, content


def test_every_body_has_an_example_that_fits_it(document):
    seen = set()
    for name, kind, content in bodies(document):
        if model := content["schema"].get("$ref", "").rpartition("/")[2]:
            schema = {"components": document["components"], **document["components"]["schemas"][model]}
            assert schema["examples"], (name, model)
            assert [error.message for error in OAS31Validator(schema).iter_errors(schema["examples"][0])] == []
        elif content["schema"].get("format") != "binary":  # JSON has no example of a picture
            assert content["example"], name
        seen.add(model or kind)

    assert seen >= {"Post", "PostIn", "PostChange", "Problem", "text/csv", "application/x-ndjson"}


# --- what the recommended rules of redocly and spectral ask (tests/lint_openapi.sh runs these themselves) -----------


def test_document_says_whose_it_is_and_where(app, document):
    info = document["info"]

    assert all(info[name] for name in ("title", "version", "description"))
    assert info["license"] == {"name": "MIT", "identifier": "MIT"}
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert info["contact"]["url"] == f"{app.config['SITE']}/contact"
    assert document["servers"] == [{"url": "/"}]  # relative to where the document is (OpenAPI 3.1, section 4.8.5)


def test_every_tag_is_declared_once_and_described(document):
    used = {tag for operation in operations(document).values() for tag in operation["tags"]}
    names = [tag["name"] for tag in document["tags"]]

    assert sorted(names) == sorted(used)
    assert all(tag["description"] for tag in document["tags"])


def test_every_operation_and_parameter_is_described(document):
    for name, operation in operations(document).items():
        assert operation["description"], name
        assert not operation["summary"].startswith("<"), name
        for parameter in operation["parameters"]:
            assert parameter["description"], (name, parameter["name"])
        placed = {one["name"] for one in operation["parameters"] if one["in"] == "path" and one["required"]}
        assert placed == set(re.findall(r"{(\w+)}", name)), name


def test_security_is_that_of_a_declared_scheme_and_the_scope_is_told(document):
    schemes = document["components"]["securitySchemes"]
    scopes = {name: operation.get("x-scope") for name, operation in operations(document).items()}

    for name, operation in operations(document).items():
        # Spectral takes only OAuth's scopes; a bearer key's stands beside it.
        assert all(way in ({}, {"key": []}) for way in operation["security"]), name
        assert scopes[name] is None or scopes[name] in operation["description"], name
    assert schemes["key"]["type"] == "http"
    assert scopes["POST /api/v1/posts"] == "posts:write"
    assert scopes["GET /api/v1/posts"] == "posts:read"
    assert scopes["GET /api/v1/me"] is None


@pytest.mark.parametrize("kind", ["schemas", "headers"])
def test_every_component_is_used_and_every_used_one_is_there(document, kind):
    used = set(re.findall(rf'"#/components/{kind}/([^"]+)"', json.dumps(document)))

    assert used == set(document["components"][kind])


def test_undeclared_answer_fails_the_test_that_gets_it(app, monkeypatch):
    responses = openapi.document(app.config["SITE"])["paths"]["/api/v1/me"]["get"]["responses"]
    monkeypatch.delitem(responses, "401")

    with pytest.raises(AssertionError, match="GET /api/v1/me: 401 is not declared"):
        app.test_client().get("/api/v1/me")


def test_promise_is_kept(document):
    promised = json.loads(SNAPSHOT.read_text())

    assert breaking(promised, document) == []
    assert document == promised, RENEW


def _schema(document, name):
    return document["components"]["schemas"][name]


def _responses(document):
    return document["paths"]["/api/v1/posts/{slug}"]["get"]["responses"]


def _post(document):
    return document["paths"]["/api/v1/posts"]["post"]


def _limit(document):
    return next(one for one in document["paths"]["/api/v1/posts"]["get"]["parameters"] if one["name"] == "limit")


# A change to the document, and what the gate has to say of it.
BROKEN = {
    "POST /api/v1/posts is gone": lambda d: d["paths"]["/api/v1/posts"].pop("post"),
    "GET /api/v1/tags is gone": lambda d: d["paths"].pop("/api/v1/tags"),
    "GET /api/v1/posts/{slug}: 404 is gone": lambda d: _responses(d).pop("404"),
    "GET /api/v1/posts/{slug}: 200: header ETag is gone": lambda d: _responses(d)["200"]["headers"].pop("ETag"),
    "GET /api/v1/posts/{slug}: 200: body/slug is gone": lambda d: _schema(d, "Post")["properties"].pop("slug"),
    "GET /api/v1/posts: 200: body/data[]/author/name is gone": (
        lambda d: _schema(d, "AuthorName")["properties"].update(
            full_name=_schema(d, "AuthorName")["properties"].pop("name")
        )
    ),
    "GET /api/v1/posts/{slug}: 200: body/id may be string now": (
        lambda d: _schema(d, "Post")["properties"].update(id={"type": "string"})
    ),
    "GET /api/v1/posts/{slug}: 200: body/updated_at may be null now": (
        lambda d: _schema(d, "Post")["properties"].update(
            updated_at={"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}
        )
    ),
    "GET /api/v1/posts/{slug}: 200: body/updated_at: format is date now": (
        lambda d: _schema(d, "Post")["properties"]["updated_at"].update(format="date")
    ),
    "GET /api/v1/posts/{slug}: 200: body/version may be absent now": (
        lambda d: _schema(d, "Post")["required"].remove("version")
    ),
    "GET /api/v1/posts/{slug}: 200: body/status: scheduled gone": (
        lambda d: _schema(d, "PostStatus")["enum"].remove("scheduled")
    ),
    "POST /api/v1/posts: body/body is required now": lambda d: _schema(d, "PostIn")["required"].append("body"),
    "POST /api/v1/posts: body/title: minLength is 2 now": (
        lambda d: _schema(d, "PostIn")["properties"]["title"].update(minLength=2)
    ),
    "POST /api/v1/posts: body/title: maxLength is 80 now": (
        lambda d: _schema(d, "PostIn")["properties"]["title"].update(maxLength=80)
    ),
    "POST /api/v1/posts: body/slug: pattern is ^[a-z]+$ now": (
        lambda d: _schema(d, "PostIn")["properties"]["slug"].update(pattern="^[a-z]+$")
    ),
    "POST /api/v1/posts: body/excerpt: others not taken now": (
        lambda d: _schema(d, "PostIn")["properties"]["excerpt"].update(enum=["short"])
    ),
    "POST /api/v1/posts: body/tags[]: maxLength is 9 now": (
        lambda d: _schema(d, "PostIn")["properties"]["tags"]["items"].update(maxLength=9)
    ),
    "POST /api/v1/posts: body/tags is gone": lambda d: _schema(d, "PostIn")["properties"].pop("tags"),
    "POST /api/v1/posts: application/json is not taken now": lambda d: _post(d)["requestBody"]["content"].clear(),
    "GET /api/v1/posts: parameter limit: maximum is 50 now": lambda d: _limit(d)["schema"].update(maximum=50),
    "GET /api/v1/posts: parameter limit is required now": lambda d: _limit(d).update(required=True),
    "GET /api/v1/posts: parameter limit is gone": lambda d: _limit(d).update(name="size"),
    "GET /api/v1/posts: no key is not enough now": lambda d: d["paths"]["/api/v1/posts"]["get"]["security"].remove({}),
    "POST /api/v1/posts: {'key': ['posts:write']} is not enough now": (
        lambda d: _post(d).update({"x-scope": "posts:create"})
    ),
    "GET /api/v1/me: {'key': []} is not enough now": (
        lambda d: d["paths"]["/api/v1/me"]["get"].update(security=[{"key": ["posts:read"]}])
    ),
    "PUT /api/v1/posts/{slug}/publication: a body is required now": (
        lambda d: d["paths"]["/api/v1/posts/{slug}/publication"]["put"].update(requestBody=_post(d)["requestBody"])
    ),
    "POST /api/v1/posts: operationId is begin now": lambda d: _post(d).update(operationId="begin"),
    "security scheme key is another": lambda d: d["components"]["securitySchemes"]["key"].update(scheme="basic"),
}


@pytest.mark.parametrize("said", BROKEN)
def test_gate_names_what_would_break(document, said):
    new = deepcopy(document)
    BROKEN[said](new)

    assert said in breaking(document, new)


# Changes that no client trips over.
FINE = {
    "an operation": lambda d: d["paths"].update({"/api/v1/new": d["paths"]["/api/v1/tags"]}),
    "an answered field": lambda d: _schema(d, "Post")["properties"].update(words={"type": "integer"}),
    "an optional field": lambda d: _schema(d, "PostIn")["properties"].update(subtitle={"type": "string"}),
    "an optional parameter": (
        lambda d: d["paths"]["/api/v1/tags"]["get"]["parameters"].append(
            {"name": "q", "in": "query", "schema": {"type": "string"}}
        )
    ),
    "a wider bound": lambda d: _schema(d, "PostIn")["properties"]["title"].update(maxLength=200),
    "a narrower answer": lambda d: _schema(d, "Post")["properties"].update(
        published_at={"type": "string", "format": "date-time"}
    ),
    "a refusal": lambda d: _responses(d).update({"410": _responses(d)["404"]}),
    "a smaller scope": lambda d: _post(d).pop("x-scope"),
    "a text": lambda d: _post(d).update(summary="Another summary."),
}


@pytest.mark.parametrize("addition", FINE)
def test_gate_lets_additions_pass(document, addition):
    new = deepcopy(document)
    FINE[addition](new)

    assert new != document
    assert breaking(document, new) == []


def test_snapshot_is_renewed_only_where_nothing_breaks(document, tmp_path):
    snapshot = tmp_path / "api.json"
    snapshot.write_text(json.dumps({**document, "paths": {"/gone": {"get": {"operationId": "read_it"}}}}))

    assert "GET /gone is gone" in renew(snapshot)
    assert "/gone" in snapshot.read_text()

    snapshot.write_text(json.dumps({**document, "paths": {}}))

    assert renew(snapshot) == 0
    assert json.loads(snapshot.read_text()) == document


def renew(snapshot=SNAPSHOT):
    """Write the snapshot anew. Where that would break a promise, say which, and leave it."""
    from app import create_app
    from settings import Settings

    with tempfile.TemporaryDirectory() as directory:
        document = document_of(create_app(Settings.from_environment({"DATA_DIR": directory})))
    broken = breaking(json.loads(snapshot.read_text()), document)
    if broken:
        return "This would break clients:\n" + "\n".join(f"  {sentence}" for sentence in broken)
    snapshot.write_text(json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(renew() if sys.argv[1:] == ["--write"] else __doc__)

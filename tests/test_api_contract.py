"""The door keeps to its document: requests made from it, good and bad, alone and in sequence, find no contradiction.

Schemathesis sends them to the real application, with a key that may do everything: the examples, each bound and its
neighbours, chance, and sequences along the document's links. API_EXAMPLES is how many by chance; bin/prove sends more.
"""

import os
from collections import Counter, defaultdict

import pytest
import schemathesis
from keys import PLENTY, issue_key
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import NonFatalError, PhaseFinished, ScenarioFinished
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import RejectedPositiveData
from schemathesis.transport.wsgi import WSGITransport

EXAMPLES = int(os.environ.get("API_EXAMPLES", "6"))

# What each operation has to have answered in the run, so that it proves something.
EXERCISED = {
    "GET /api/v1/posts": {200, 304, 400, 422},
    "POST /api/v1/posts": {201, 400, 401, 409, 415, 422},
    "GET /api/v1/posts/{slug}": {200, 304, 400, 404},
    "PATCH /api/v1/posts/{slug}": {200, 401, 404, 412, 415, 422, 428},
    "DELETE /api/v1/posts/{slug}": {204, 401, 404, 412, 428},
    "PUT /api/v1/posts/{slug}/publication": {200, 401, 404, 412},
    "DELETE /api/v1/posts/{slug}/publication": {200, 401, 404, 412},
    "GET /api/v1/pictures": {200, 304, 401, 422},
    "POST /api/v1/pictures": {201, 400, 401, 415, 422},
    "GET /api/v1/tags": {200, 304, 422},
    "GET /api/v1/authors": {200, 304, 422},
    "GET /api/v1/me": {200, 304, 401},
    "GET /api/v1/posts.csv": {200},
    "GET /api/v1/export": {200, 401},
}


def configuration(key):
    return SchemathesisConfig.from_dict(
        {
            "headers": {"Authorization": f"Bearer {key}"},
            "seed": 7,
            "continue-on-failure": True,
            "generation": {"max-examples": EXAMPLES, "database": "none"},
            "phases": {"stateful": {"generation": {"max-examples": max(2, EXAMPLES // 2)}}},
            "checks": {
                "enabled": True,
                # No If-Match is a 428 here, as RFC 6585 has it; a wrong one is a 412.
                "missing_required_header": {"expected-statuses": [400, 428]},
            },
        }
    )


def is_beyond_a_schema(response):
    """Say whether a well-formed request was refused for what no schema can tell: which ETag is the current one, which
    cursors we have given, what an Idempotency-Key came with before."""
    problem = response.json()
    kind = problem["type"].rpartition("/")[2]
    return kind in ("changed", "key-reused") or (
        kind == "invalid" and [fault.get("parameter") for fault in problem["errors"]] == ["cursor"]
    )


def judge(context, failure, case, response):
    """Keep a failure unless it is that a schema promises too much."""
    return not (isinstance(failure, RejectedPositiveData) and is_beyond_a_schema(response))


@pytest.fixture
def callers_of_all_kinds():
    """Let well-formed requests be made in turn by those who know the current ETag (`*` stands for it), by those who do
    not, and by those who, guessing, ask for a post that was never there. In sequences each creation has a key of its
    own: an answer that is given again, as its key asks, may name what was deleted since."""
    turns = Counter()

    def before_call(context, case, kwargs):
        if not case.meta or not case.meta.generation.mode.is_positive:
            return
        turns[case.operation.label] += 1
        turn = turns[case.operation.label] % 3
        conditions = {parameter.name for parameter in case.operation.headers}
        if "If-Match" in conditions and turn != 2:
            case.headers["If-Match"] = "*"
        if "If-None-Match" in conditions and turn == 2:
            case.headers["If-None-Match"] = "*"
        if "Idempotency-Key" in conditions and case.meta.phase.name is TestPhase.STATEFUL:
            case.headers["Idempotency-Key"] = f"sequence-{turns[case.operation.label]}"
        if "slug" in case.path_parameters and turn == 1 and case.meta.phase.name is TestPhase.FUZZING:
            case.path_parameters["slug"] = "nobody-wrote-this"

    schemathesis.hook(before_call)
    yield
    schemathesis.hooks.unregister(before_call)


@pytest.fixture
def in_process(monkeypatch):
    """Keep what is meant for sockets from the transport without any; its probes pass it on (schemathesis 4.32.5)."""
    send = WSGITransport.send

    def without_sockets(self, case, **options):
        for name in ("max_redirects", "verify", "cert"):
            options.pop(name, None)
        return send(self, case, **options)

    monkeypatch.setattr(WSGITransport, "send", without_sockets)


@pytest.fixture
def app(make_app):
    return make_app(API_REQUESTS_PER_MINUTE=PLENTY)


@pytest.fixture
def server(app):
    """The application behind what each server does, and schemathesis does not: it closes what it has sent."""

    def serve(environ, start_response):
        answer = app(environ, start_response)
        try:
            return [b"".join(answer)]
        finally:
            answer.close()

    return serve


def test_no_answer_contradicts_the_document(app, server, in_process, callers_of_all_kinds):
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", server, config=configuration(issue_key(app, "ada")))
    schema.hook("filter_failure")(judge)
    answered, checks_run, phases, wrong = defaultdict(set), set(), {}, []

    for event in from_schema(schema).execute():
        if isinstance(event, PhaseFinished):
            phases[event.phase.name.value] = event.status.value
        elif isinstance(event, NonFatalError):
            wrong.append(repr(event.value))
        elif isinstance(event, ScenarioFinished):
            recorded = event.recorder
            for case, interaction in recorded.interactions.items():
                if interaction.response is not None:
                    sent = recorded.cases[case].value
                    answered[f"{sent.method} {sent.path}"].add(interaction.response.status_code)
            for checks in recorded.checks.values():
                checks_run |= {check.name for check in checks}
                wrong += [describe(check.failure_info) for check in checks if check.failure_info]

    assert wrong == []
    assert [phases.get(name) for name in ("examples", "coverage", "fuzzing", "stateful")] == ["success"] * 4
    assert checks_run == set(CHECKS.get_all_names()) - {"max_response_time"}  # nothing here is timed
    assert {name: statuses - answered[name] for name, statuses in EXERCISED.items() if statuses - answered[name]} == {}


def test_every_operation_has_to_be_exercised(app):
    document = app.test_client().get("/api/v1/openapi.json").json

    assert set(EXERCISED) == {
        f"{method.upper()} {path}" for path in document["paths"] for method in document["paths"][path]
    }


def describe(found):
    return f"{found.failure.operation}: {found.failure.title}. {found.failure.message}\n{found.code_sample}"

"""Who may do what at the door: every operation, tried with every credential there is. One table, asserted whole."""

import pytest
from conftest import ORIGIN
from keys import PLENTY, READ, bearer, issue_key, send
from scenarios import fingerprint, good_fields

from api.webhooks import SENDERS
from flask_revalidation import write
from models import ApiKey, User

COLUMNS = ("no key", "read key", "another's", "revoked key", "disabled", "cookie", "in the query", "write key")
____ = None  # there is no other's: the operation is on no single thing

# The keys are of Bob, an author; the object is a draft of his. Under `other's` it is a draft of Ada's instead. The
# disabled person was an editor, and the cookie is that of the owner.
TABLE = {
    #                                           no key  read  other's revoked disabled cookie query write
    "GET /api/v1/openapi.json":                 (200,   200,  ____,   200,    200,     200,   200,  200),
    "GET /api/v1/posts":                        (200,   200,  ____,   401,    401,     200,   401,  200),
    "POST /api/v1/posts":                       (401,   403,  ____,   401,    401,     401,   401,  201),
    "GET /api/v1/posts/<slug>":                 (404,   200,  404,    401,    401,     404,   401,  200),
    "PATCH /api/v1/posts/<slug>":               (401,   403,  404,    401,    401,     401,   401,  200),
    "DELETE /api/v1/posts/<slug>":              (401,   403,  404,    401,    401,     401,   401,  204),
    "PUT /api/v1/posts/<slug>/publication":     (401,   403,  404,    401,    401,     401,   401,  200),
    "DELETE /api/v1/posts/<slug>/publication":  (401,   403,  404,    401,    401,     401,   401,  200),
    "GET /api/v1/tags":                         (200,   200,  ____,   401,    401,     200,   401,  200),
    "GET /api/v1/authors":                      (200,   200,  ____,   401,    401,     200,   401,  200),
    "GET /api/v1/me":                           (401,   200,  ____,   401,    401,     401,   401,  200),
    "GET /api/v1/posts.csv":                    (200,   200,  ____,   401,    401,     200,   401,  200),
    "GET /api/v1/export":                       (401,   200,  ____,   401,    401,     401,   401,  200),
}  # fmt: skip

# Open to all; they know no keys.
OPEN = {"GET /api/docs": 200, "GET /api/problems/<kind>": 200}

# For machines that sign, or that know the scheduler's secret: what the owner's write key and cookie get there.
SIGNED = {f"POST /api/webhooks/{sender.name}": 401 for sender in SENDERS} | {"POST /api/cron/publish-due": 401}

# Actions that need no account: whoever comes with a key is a visitor there, for it is not looked at.
FOR_ANYONE = {"accounts.sign_in", "accounts.sign_out", "demo.reset", "demo.switch_persona", "likes.toggle_like"}
FOR_ANYONE |= {"messages.send_message", "memberships.start_checkout", "demo.pay"}

BODIES = {"POST": {"json": {"title": "A new one"}}, "PATCH": {"json": {"title": "Changed"}}}


@pytest.fixture
def app(make_app):
    return make_app(API_REQUESTS_PER_MINUTE=PLENTY)


@pytest.fixture
def drafts(app):
    """A draft of Bob's, and one of Ada's."""
    with app.app_context(), write(by="tests"):
        for handle in ("bob", "ada"):
            User.by_handle(handle).write("A draft", slug=f"of-{handle}")


@pytest.fixture
def keys(app):
    """A key of each kind."""
    found = {
        "read key": issue_key(app, "bob", READ),
        "revoked key": issue_key(app, "ada"),
        "disabled": issue_key(app, "edith"),
    }
    found["write key"] = found["another's"] = issue_key(app, "bob")
    with app.app_context(), write(by="tests"):
        ApiKey.authenticate(found["revoked key"]).revoke()
        User.by_handle("edith").disable()
    return found


def addresses(app):
    """Return every operation under /api/ as `METHOD /path`."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/")]
    return {f"{method} {rule.rule}" for rule in rules for method in rule.methods - {"HEAD", "OPTIONS"}}


def test_every_operation_has_its_row(app):
    assert addresses(app) == {*TABLE, *OPEN, *SIGNED}


@pytest.mark.parametrize("operation", TABLE)
def test_each_credential_opens_what_the_table_says(app, drafts, keys, ada, operation):
    method, path = operation.split()
    expected = dict(zip(COLUMNS, TABLE[operation], strict=True))
    if expected["another's"] is ____:
        assert "<" not in path
        del expected["another's"]
    before, answered = fingerprint(app), {}

    for column in expected:  # the write key comes last, for it alone changes what is there
        at = path.replace("<slug>", "of-ada" if column == "another's" else "of-bob")
        at += f"?api_key={keys['write key']}" if column == "in the query" else ""
        headers = {"If-Match": "*"} if method in ("PATCH", "DELETE") else {}
        headers |= bearer(keys[column]) if column in keys else {}
        client = ada if column == "cookie" else app.test_client()
        answer = client.open(at, method=method, headers=headers, buffered=True, **BODIES.get(method, {}))
        answered[column] = answer.status_code
        assert "Set-Cookie" not in answer.headers
        assert answer.status_code < 400 or answer.content_type == "application/problem+json"
        assert "of-ada" not in answer.text
        if column != "write key":
            assert fingerprint(app) == before, column

    assert answered == expected
    assert (fingerprint(app) == before) is (method == "GET")


@pytest.mark.parametrize("operation", OPEN)
def test_what_is_open_needs_nothing_and_writes_nothing(app, operation):
    method, path = operation.split()
    before = fingerprint(app)

    answer = send(app, method, path.replace("<kind>", "invalid"))

    assert answer.status_code == OPEN[operation]
    assert "Set-Cookie" not in answer.headers
    assert fingerprint(app) == before


def test_neither_key_nor_cookie_replaces_a_signature(app, ada):
    key = issue_key(app, "ada")
    before = fingerprint(app)

    for operation, status in SIGNED.items():
        method, path = operation.split()
        answer = ada.open(path, method=method, headers=bearer(key), json={})
        assert (answer.status_code, answer.content_type) == (status, "application/problem+json"), operation
        assert "Set-Cookie" not in answer.headers
    assert fingerprint(app) == before


def test_key_opens_no_action(app):
    key, actions = issue_key(app, "ada"), app.extensions["server_actions"].actions
    guarded = [name for name in actions if name not in FOR_ANYONE]
    before = fingerprint(app)

    for name in guarded:
        sent = {"data": good_fields(app, name), "headers": {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}}
        assert send(app, "POST", f"/_actions/{name}", key, **sent).status_code in (401, 403), name
    for name in actions:
        assert send(app, "POST", f"/_actions/{name}", key, data=good_fields(app, name)).status_code == 403, name
    assert fingerprint(app) == before
    assert len(guarded) > 10

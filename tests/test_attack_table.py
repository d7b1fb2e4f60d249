"""Who may do what: every address and every action, tried by every caller there is. No cell is left out."""

import re
from secrets import token_hex

import attack_table
import pytest
from attack_table import CANARY, PEOPLE, address, addresses, prepare, table
from conftest import ORIGIN
from keys import PLENTY, bearer
from scenarios import SESSION, fingerprint, good_fields, png
from test_structure import PARTS

PAGES, ACTIONS, API = table(attack_table.PAGES), table(attack_table.ACTIONS), table(attack_table.API)
POST_OF = {"publish": "draft", "schedule": "draft", "restore": "deleted"}
BODIES = {"POST": {"json": {"title": "A new one"}}, "PATCH": {"json": {"title": "Changed"}}}
BODIES |= {"POST /api/v1/pictures": {"data": png()[0].getvalue(), "content_type": "image/png"}}
WRITE_NOTHING = ("posts.preview_post", "memberships.start_checkout")
FORM_OF_OURS = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def app(make_app):
    return make_app(API_REQUESTS_PER_MINUTE=PLENTY)


def path_of(row, made):
    """Return the address to ask for: of the thing behind the `#`, or of one that is there for everyone."""
    path, _, state = row.partition(" ")[2].partition("#")
    post_id, slug, _ = made["posts"][state or "live"]
    parts = PARTS | {"post_id": post_id, "slug": slug, "session_id": SESSION}
    if path.startswith("/_actions/"):
        parts |= {"filename": "forms.js", "name": "posts.create_post"}
    return re.sub(r"<(\w+)>", lambda part: str(parts[part[1]]), path)


def fields_of(app, name, made):
    """Return what an action takes, for the things that are made."""
    fields = good_fields(app, name)
    fields |= {field: value for field, value in made["ids"].items() if field in fields}
    if "post_id" in fields:
        state = POST_OF.get(name.split(".")[1].partition("_")[0], "live")
        fields["post_id"], _, version = made["posts"][state]
        fields |= {"version": version} if "version" in fields else {}
    return fields | ({"session": f"cs_demo_{token_hex(12)}"} if name == "demo.pay" else {})


def browser_of(app, column, callers):
    """Return a browser in which the column's person is signed in, or one that sends their key."""
    token, key = callers[column]
    browser = app.test_client()
    if column in PEOPLE:
        browser.set_cookie("session", token)
    return browser, bearer(key) if column == "key" else {}


def test_every_address_has_its_row(app):
    rows = {address(row) for row in [*PAGES, *API]}

    assert addresses(app) - {"POST /_actions/<name>"} == rows


def test_every_action_has_its_row(app):
    assert app.extensions["server_actions"].actions.keys() == ACTIONS.keys()


def test_page_answers_each_caller_as_the_table_says(app):
    columns = PAGES["GET /"]
    made, callers, before = prepare(app, columns)
    answered, browsers = {row: {} for row in PAGES}, {column: browser_of(app, column, callers) for column in columns}

    for row in PAGES:
        for column, (browser, headers) in browsers.items():
            answer = browser.get(path_of(row, made), headers=headers, buffered=True)
            answered[row][column] = answer.status_code
            assert answer.status_code == 200 or CANARY not in answer.text, (row, column)
        assert fingerprint(app) == before, row

    assert answered == PAGES


def test_page_knows_no_method_that_writes(app):
    made, callers, before = prepare(app, ["owner"])
    owner, _ = browser_of(app, "owner", callers)

    for row in PAGES:
        for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"):
            if (row, method) != ("GET /_actions/<name>", "POST"):
                answer = owner.open(path_of(row, made), method=method, headers=FORM_OF_OURS)
                assert answer.status_code == 405, (method, row)
    assert fingerprint(app) == before


@pytest.mark.parametrize("name", ACTIONS)
def test_action_does_for_each_caller_what_the_table_says(app, name):
    answered, (made, callers, before) = {}, prepare(app, ACTIONS[name])

    for column, expected in ACTIONS[name].items():
        browser, key = browser_of(app, column, callers)
        answer = browser.post(f"/_actions/{name}", data=fields_of(app, name, made), headers=FORM_OF_OURS | key)
        answered[column] = answer.status_code
        if expected >= 400:
            assert fingerprint(app) == before, column
            assert expected == 409 or CANARY not in answer.text, (
                column
            )  # 409 is the page it was on, here the front page
        else:
            assert column != "owner" or name in WRITE_NOTHING or fingerprint(app) != before, "a good form did nothing"
            made, callers, before = prepare(app, ACTIONS[name])  # what was done cannot be done again

    assert answered == ACTIONS[name]


@pytest.mark.parametrize("operation", API)
def test_each_credential_opens_what_the_table_says(app, operation):
    method, answered = operation.partition(" ")[0], {}
    made, callers, before = prepare(app, API[operation])

    for column, expected in API[operation].items():
        client, path, (token, key) = app.test_client(), path_of(operation, made), callers[column]
        path += f"?api_key={key}" if column == "query" else ""
        if column == "cookie":
            client.set_cookie("session", token)
        headers = {"If-Match": "*"} if method in ("PATCH", "DELETE") else {}
        headers |= bearer(key) if column not in ("nobody", "cookie", "query") else {}
        answer = client.open(
            path, method=method, headers=headers, buffered=True, **BODIES.get(operation, BODIES.get(method, {}))
        )
        answered[column] = answer.status_code
        assert "Set-Cookie" not in answer.headers
        assert (fingerprint(app) == before) is (method == "GET" or expected >= 400), column
        if expected >= 400:
            assert answer.content_type == "application/problem+json"
            assert CANARY not in answer.text
        elif method != "GET":
            made, callers, before = prepare(app, API[operation])

    assert answered == API[operation]


def test_key_alone_is_no_form_of_our_own(app):
    _, callers, before = prepare(app, ["key"])
    headers = bearer(callers["key"][1])

    for name in ACTIONS:
        fields = good_fields(app, name)
        assert app.test_client().post(f"/_actions/{name}", data=fields, headers=headers).status_code == 403, name
    assert fingerprint(app) == before

"""`/learn`, and what holds for every page of the labs."""

import re
from html import unescape

import pytest
from markup import faults
from scenarios import fingerprint
from test_settings import GOOD
from test_structure import ROOT

pytest.importorskip("labs", reason="the folder labs/ is taken out")

from labs.learn import CASES

PAGES = [
    "/learn",
    "/decide",
    "/decide/cards",
    "/lab/two-ways",
    "/lab/two-ways?badge=1&forgets=1",
    "/lab/stale?steps=wc",
]
PAGES += ["/lab/patterns", "/lab/attack", "/lab/outside", "/lab/stripe", "/lab/source", "/lab/source/actions/posts.py"]


@pytest.fixture
def app(make_app):
    return make_app(LABS="1")


@pytest.mark.parametrize("person", ["", "ada", "cleo"])
def test_every_page_of_the_labs_is_valid_and_writes_nothing(app, sign_in, person):
    browser = sign_in(person) if person else app.test_client()
    before = fingerprint(app)

    for path in PAGES:
        answer = browser.get(path)
        assert answer.status_code == 200
        assert faults(answer.text) == [], path
        assert answer.headers["Cache-Control"] == "private, no-store"
    assert fingerprint(app) == before


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_case_happens_where_its_link_leads(ada, case):
    assert f'<a href="{case.link}">' in ada.get("/learn").text

    with ada.get(case.link) as answer:
        assert answer.status_code == 200
        assert case.proof in unescape(answer.text)


def test_production_has_no_page_and_no_action_of_the_labs(app, make_app):
    production = make_app(XRAY="", LABS="", **GOOD)
    client, here = production.test_client(), {"base_url": GOOD["PUBLIC_URL"]}
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("labs.")]
    actions = app.extensions["server_actions"].actions
    added = actions.keys() - make_app(LABS="0").extensions["server_actions"].actions.keys()

    assert len(rules) > 12
    for rule in rules:
        given = {"post_id": "1", "path": "app.py"}
        path = rule.build({name: given.get(name, "labs.css") for name in rule.arguments})[1]
        assert client.get(path, **here).status_code == 404, path
    assert added
    assert added.isdisjoint(production.extensions["server_actions"].actions)
    headers = {"Origin": GOOD["PUBLIC_URL"], "Sec-Fetch-Site": "same-origin"}
    assert {client.post(f"/_actions/{name}", headers=headers, **here).status_code for name in added} == {404}
    assert "Learn" not in client.get("/", **here).text


def test_no_page_of_the_labs_needs_an_exception_from_the_policy():
    for path in (ROOT / "labs/templates").glob("**/*.html"):
        assert not re.search(r"""\sstyle=|\son\w+=|<script(?![^>]*src)|hx-on|javascript:""", path.read_text()), path

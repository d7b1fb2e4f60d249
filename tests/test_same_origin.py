"""Forms from elsewhere are refused, whatever they are and whoever is signed in."""

from itertools import product

import pytest

from flask_server_actions.csrf import is_same_origin

OWN = frozenset({"https://hallway.example"})
SITES = [None, "same-origin", "same-site", "cross-site", "none", "", "Same-Origin", "same-origin,cross-site", "x"]
ORIGINS = [
    None,
    "https://hallway.example",
    "null",
    "",
    "http://hallway.example",
    "https://hallway.example:444",
    "https://evil.hallway.example",
    "https://hallway.example.",
    "HTTPS://HALLWAY.EXAMPLE",
    "https://ada@hallway.example",
    "https://hallway.example/",
    "https://[::1",
]


def expected(site, origin):
    """Say what the decision table of docs/security.md says, row by row."""
    if site == "same-origin":
        return origin in (None, "https://hallway.example")
    return site is None and origin == "https://hallway.example"


@pytest.mark.parametrize(("site", "origin"), list(product(SITES, ORIGINS)))
def test_decision_table(site, origin):
    assert is_same_origin(site, origin, OWN) is expected(site, origin)


FOREIGN = [
    {},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost:8001"},
    {"Origin": "https://localhost"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://[::1"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_form_from_elsewhere_changes_nothing(ada, find_post, headers):
    post = find_post("names-on-doorbells")

    answer = ada.post("/_actions/posts.publish_post", data={"post_id": post.id}, headers=headers)

    assert answer.status_code == 403
    assert answer.headers["Vary"] == "Sec-Fetch-Site, Origin"
    assert "Set-Cookie" not in answer.headers
    assert "came from somewhere else" in answer.text
    assert find_post("names-on-doorbells").status == "draft"


def test_every_action_refuses_a_foreign_form(app, ada):
    for name in app.extensions["server_actions"].actions:
        assert ada.post(f"/_actions/{name}", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert ada.post("/_actions/no.such_action", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_denied_form_costs_no_query(app, ada):
    from sqlalchemy import event

    from models import db

    asked = []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))

    ada.post("/_actions/posts.create_post", data={"title": "x"}, headers={"Sec-Fetch-Site": "cross-site"})

    assert asked == []


def test_site_behind_its_public_url_knows_only_that(make_app):
    app = make_app(
        SECRET_KEY="kX9vQ2mP7rT4wY8zB3nC6fH1jL5sD0gA",
        PUBLIC_URL="https://hallway.example",
        TRUSTED_HOSTS="hallway.example",
        TRUSTED_PROXIES="1",
    )
    browser = app.test_client()
    send = {"base_url": "https://hallway.example", "data": {"email": "a@b.example", "password": "wrong"}}

    own = browser.post("/_actions/accounts.sign_in", headers={"Origin": "https://hallway.example"}, **send)
    plain = browser.post("/_actions/accounts.sign_in", headers={"Origin": "http://hallway.example"}, **send)

    assert (own.status_code, plain.status_code) == (422, 403)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "localhost:99999", "local host"])
def test_untrusted_host_is_a_readable_400(visitor, host):
    answer = visitor.get("/", headers={"Host": host})

    assert answer.status_code == 400
    assert "made no sense" in answer.text
    assert "evil" not in answer.text

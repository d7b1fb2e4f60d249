"""Keys to the public door: shown once, kept as a digest, revoked at once."""

import re

import pytest
from scenarios import fingerprint, form_key, rows
from sqlalchemy import select, text

from demo.seed import PARTNER_KEY
from flask_revalidation import revalidate_everything, write
from models import ApiKey, Scope, User, db

PAGE = "/dashboard/developers"
NEW = {"name": "A phone app", "scope": "posts:read"}
KEY = r"hd_[0-9A-Za-z]{10}_[0-9A-Za-z]{38}"


def shown(answer):
    """Return the one key that a page shows."""
    found = re.findall(KEY, answer.text)
    assert len(found) == 1
    return found[0]


def kept(app):
    """Return everything that the database keeps, as text."""
    with app.app_context():
        tables = [db.session.execute(text(f'SELECT * FROM "{name}"')).all() for name in db.metadata.tables]
        return repr([[tuple(row) for row in table] for table in tables])


def authenticate(app, key):
    with app.app_context():
        found = ApiKey.authenticate(key)
        return (found.name, found.scopes.split(), found.user.handle) if found else None


@pytest.mark.parametrize("htmx", [False, True])
def test_key_is_on_the_very_next_page_and_works(app, ada, htmx):
    answer = ada.act("api_keys.create_key", page=PAGE, htmx=htmx, **NEW)

    assert answer.status_code == 200
    assert "<h1>Developers</h1>" in answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert authenticate(app, shown(answer)) == ("A phone app", [Scope.READ], "ada")


@pytest.mark.parametrize("htmx", [False, True])
def test_key_is_kept_nowhere_and_never_shown_again(app, ada, htmx):
    form = form_key(ada.get(PAGE).text.split('id="api_keys-create_key"')[1])
    answer = ada.act("api_keys.create_key", page=PAGE, htmx=htmx, _key=form, **NEW)
    key = shown(answer)
    secret = key.split("_")[2]

    again = ada.act("api_keys.create_key", page=PAGE, htmx=htmx, _key=form, **NEW)

    assert key.split("_")[1] in kept(app)
    assert secret not in kept(app)
    assert "Set-Cookie" not in answer.headers
    assert secret not in str([answer.headers, again.headers, ada._cookies])
    assert again.status_code == (200 if htmx else 303)
    assert secret not in again.text
    assert re.findall(KEY, ada.get(PAGE).text) == []
    assert rows(app, "api_key") == 2  # the demo's partner has one


def test_message_says_to_copy_it_now(ada):
    assert "The key “A phone app” is cut. Copy it now." in ada.act("api_keys.create_key", page=PAGE, **NEW).text


def test_scopes_are_those_that_were_asked_for(app, bob):
    both = bob.act("api_keys.create_key", page=PAGE, name="Both", scope="posts:read posts:write")

    assert authenticate(app, shown(both)) == ("Both", [Scope.READ, Scope.WRITE], "bob")


@pytest.mark.parametrize("scope", ["posts:write", "posts:read  posts:write", "admin", "", "posts:read,posts:write"])
def test_no_other_scopes_are_cut(app, bob, scope):
    before = fingerprint(app)

    answer = bob.act("api_keys.create_key", page=PAGE, name="Both", scope=scope)

    assert answer.status_code == 422
    assert "Please choose one of the offered values." in answer.text
    assert fingerprint(app) == before


def test_revoked_key_opens_nothing(app, ada):
    key = shown(ada.act("api_keys.create_key", page=PAGE, **NEW))
    with app.app_context():
        row = ApiKey.authenticate(key).id

    for _ in range(2):
        assert ada.act("api_keys.revoke_key", page=PAGE, key_id=row).status_code == 303

    assert authenticate(app, key) is None
    assert "revoked" in ada.get(PAGE).text


def test_author_sees_and_revokes_only_their_own(app, ada, bob):
    ada.act("api_keys.create_key", page=PAGE, **NEW)
    bob.act("api_keys.create_key", page=PAGE, name="Bob’s own", scope="posts:read")
    with app.app_context():
        adas, bobs = (
            db.session.scalar(select(ApiKey.id).where(ApiKey.name == n)) for n in ("A phone app", "Bob’s own")
        )

    assert "Bob’s own" in ada.get(PAGE).text
    assert "A phone app" not in bob.get(PAGE).text
    assert "A phone app" in ada.get(PAGE).text
    assert bob.act("api_keys.revoke_key", page=PAGE, key_id=adas).status_code == 404
    assert ada.act("api_keys.revoke_key", page=PAGE, key_id=bobs).status_code == 303


def test_twenty_keys_are_enough_for_one_person(app, bob):
    statuses = [bob.act("api_keys.create_key", page=PAGE, **NEW).status_code for _ in range(21)]
    with app.app_context():
        one = ApiKey.of(User.find_author("bob"))[0].id
    bob.act("api_keys.revoke_key", page=PAGE, key_id=one)

    assert statuses == [200] * 20 + [409]
    assert bob.act("api_keys.create_key", page=PAGE, **NEW).status_code == 200


def test_operator_cuts_and_revokes_a_key(app):
    run = app.test_cli_runner().invoke
    cut = run(args=["keys", "create", "--name", "A scheduler", "--scope", "posts:read", "--scope", "posts:write"])
    key = cut.output.strip()

    assert authenticate(app, key) == ("A scheduler", [Scope.READ, Scope.WRITE], "ada")
    assert run(args=["keys", "revoke", key.split("_")[1]]).output == "“A scheduler” is revoked.\n"
    assert authenticate(app, key) is None
    assert run(args=["keys", "revoke", "NOSUCHKEY0"]).exit_code == 2


def test_operator_names_a_writer_by_address(app):
    run = app.test_cli_runner().invoke
    fields = ["--name", "x", "--scope", "posts:read", "--user"]

    assert authenticate(app, run(args=["keys", "create", *fields, "bob@hallway.example"]).output.strip())[2] == "bob"
    for nobody in ("cleo@hallway.example", "nobody@hallway.example"):
        assert run(args=["keys", "create", *fields, nobody]).exit_code == 2
    assert run(args=["keys", "create", "--name", " ", "--scope", "posts:read"]).exit_code == 2


def test_operator_without_an_owner_is_told_what_to_do(app):
    with app.app_context(), write(by="test"):
        User.owner().disable()
        revalidate_everything()

    answer = app.test_cli_runner().invoke(args=["keys", "create", "--name", "x", "--scope", "posts:read"])

    assert answer.exit_code == 2
    assert "There is no owner yet" in answer.output


def test_the_demos_partner_has_a_key(app):
    assert authenticate(app, PARTNER_KEY) == ("The demo’s partner", [Scope.READ, Scope.WRITE], "ada")


def test_developers_page_says_when_a_key_was_last_used(app, ada):
    assert "Last used" not in ada.get("/dashboard/developers").text

    app.test_client().get("/api/v1/me", headers={"Authorization": f"Bearer {PARTNER_KEY}"})

    assert "Last used: The demo’s partner" in " ".join(ada.get("/dashboard/developers").text.split())

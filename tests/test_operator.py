"""What the operator types about accounts, and `flask check`."""

import os
import subprocess
import sys

import pytest
from conftest import give_to, settings_for
from postgres import environment_of
from scenarios import fingerprint, rows
from serving import ROOT
from test_settings import GOOD, STRONG

from flask_revalidation import write
from models import ApiKey, Scope, User, UserSession, db

BOB, ADA, NOBODY = "bob@hallway.example", "ada@hallway.example", "nobody@x.example"
PASSWORD = "twelve letters at least"


@pytest.fixture
def flask(app):
    """Type `flask …` and return the exit code and what is said."""

    def run(*words):
        ran = app.test_cli_runner().invoke(args=[*words])
        return ran.exit_code, ran.output

    return run


def may_sign_in(app, email, password):
    answer = app.test_client().act("accounts.sign_in", email=email, password=password)
    return answer.status_code == 303


def test_password_is_changed_and_who_is_signed_in_is_signed_out(app, flask, bob):
    assert flask("users", "password", BOB, "--password", PASSWORD)[0] == 0

    assert bob.get("/dashboard").status_code != 200
    assert may_sign_in(app, BOB, PASSWORD)
    assert not may_sign_in(app, BOB, "open-the-door")


@pytest.mark.parametrize("password", ["short", "x" * 201, " twelve letters at least", "twelve letters at least "])
def test_password_that_is_none_changes_nothing(app, flask, bob, password):
    before = fingerprint(app)

    code, said = flask("users", "password", BOB, "--password", password)

    assert code == 2
    assert password not in said
    assert fingerprint(app) == before
    assert bob.get("/dashboard").status_code == 200


def test_role_holds_at_once_and_sessions_end(app, flask, bob):
    with app.app_context(), write(by="test"):
        key = ApiKey.issue(User.by_email(BOB), "his", [Scope.READ, Scope.WRITE])[1]
    assert flask("users", "role", BOB, "reader") == (0, f"{BOB} is reader now.\n")

    assert bob.get("/dashboard").status_code != 200
    written = app.test_client().post(
        "/api/v1/posts", json={"title": "x"}, headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "1"}
    )
    assert written.status_code == 403
    with app.app_context():
        assert User.by_email(BOB).role == "reader"


def test_session_ends_everywhere_and_the_next_may_begin(app, flask, bob, ada):
    assert flask("users", "sign-out", BOB.upper())[0] == 0

    assert bob.get("/dashboard").status_code != 200
    assert ada.get("/dashboard").status_code == 200
    assert may_sign_in(app, BOB, "open-the-door")


def test_disabled_account_can_be_opened_again_and_its_sessions_stay_ended(app, flask, bob):
    assert flask("users", "disable", BOB)[0] == 0
    assert not may_sign_in(app, BOB, "open-the-door")

    assert flask("users", "enable", BOB) == (0, f"{BOB} can sign in again.\n")

    assert bob.get("/dashboard").status_code != 200
    assert may_sign_in(app, BOB, "open-the-door")


EACH = [("disable",), ("enable",), ("sign-out",), ("role", "owner"), ("password", "--password", PASSWORD)]


@pytest.mark.parametrize(("command", "rest"), [(first, rest) for first, *rest in EACH])
def test_unknown_address_is_refused_with_a_sentence(app, flask, command, rest):
    before = fingerprint(app)

    code, said = flask("users", command, NOBODY, *rest)

    assert (code, "no account has this address" in said) == (2, True)
    assert fingerprint(app) == before


@pytest.mark.parametrize("words", [("disable", ADA), ("role", ADA, "reader"), ("role", ADA, "editor")])
def test_last_owner_stays_the_owner(app, flask, ada, words):
    before = fingerprint(app)

    code, said = flask("users", *words)

    assert (code, "make someone one first, with `flask users role EMAIL owner`" in said) == (2, True)
    assert fingerprint(app) == before
    assert ada.get("/dashboard").status_code == 200
    assert flask("users", "role", BOB, "owner")[0] == 0
    assert flask("users", *words)[0] == 0


def test_disabled_owner_is_nobodys_owner(app, flask):
    flask("users", "role", BOB, "owner")
    flask("users", "disable", BOB)

    assert flask("users", "role", ADA, "reader")[0] == 2


def test_unknown_role_is_refused_with_those_there_are(flask):
    code, said = flask("users", "role", BOB, "boss")

    assert code == 2
    assert "'owner', 'editor', 'author', 'reader'" in said


def test_command_that_fails_half_way_changes_nothing(app, flask, monkeypatch, bob):
    def fail(_user):
        db.session.flush()
        raise RuntimeError

    monkeypatch.setattr(UserSession, "end_all_of", fail)
    before, sessions = fingerprint(app), rows(app, "user_session")

    assert flask("users", "password", BOB, "--password", PASSWORD)[0] == 1
    assert (fingerprint(app), rows(app, "user_session")) == (before, sessions)
    assert may_sign_in(app, BOB, "open-the-door")


def test_name_of_a_new_account_and_address_are_checked(flask):
    command = ["users", "create", "--role", "author", "--password", PASSWORD]

    assert flask(*command, "--name", " ", "--email", "i@x.example")[0] == 2
    assert flask(*command, "--name", "I", "--email", "nowhere")[0] == 2
    assert flask(*command, "--name", "I", "--email", "i@x.example") == (0, "I can sign in as i@x.example.\n")


def check(data_dir, **variables):
    """Type `flask check` as an operator does, and return the exit code and what is said."""
    told = {"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir)} | environment_of(data_dir) | variables
    ran = subprocess.run(
        [sys.executable, "-m", "flask", "check"], cwd=ROOT, env=told, capture_output=True, text=True, timeout=60
    )
    return ran.returncode, ran.stdout + ran.stderr


def test_check_of_a_demo_names_all_that_a_production_would_refuse(app, data_dir):
    before = fingerprint(app)

    code, said = check(data_dir)

    assert code == 1
    for sentence in ("SECRET_KEY is not set", "TRUSTED_HOSTS is not set", "PUBLIC_URL is not set", "its passwords are"):
        assert sentence in said
    assert fingerprint(app) == before


def test_check_of_a_production_names_all_at_once_and_no_secret(data_dir):
    give_to(settings_for(data_dir).database, demo=True)

    code, said = check(
        data_dir, DEMO="0", SECRET_KEY="short-CANARY", STRIPE_SECRET_KEY=f"sk_live_{STRONG}", CRON_SECRET=""
    )

    assert code == 1
    for name in (
        "SECRET_KEY is shorter",
        "TRUSTED_HOSTS is",
        "PUBLIC_URL is",
        "STRIPE_SECRET_KEY needs",
        "CRON_SECRET is",
    ):
        assert name in said
    assert "its passwords are public" in said
    assert "CANARY" not in said
    assert STRONG not in said


def test_check_names_a_folder_that_cannot_be_kept_to_one_user_beside_the_rest(data_dir):
    data_dir.chmod(0o777)

    code, said = check(data_dir)

    assert code == 1
    assert f"DATA_DIR={data_dir} is another user's, or open to all" in said


def test_check_of_what_can_start_says_so(data_dir):
    give_to(settings_for(data_dir).database, demo=False)

    assert check(data_dir, **GOOD, DEMO="0") == (0, "Nothing stops a start in production.\n")


@pytest.mark.sqlite("a port where nobody listens is enough")
def test_check_names_a_database_that_is_away(tmp_path):
    code, said = check(tmp_path / "d", **GOOD, DATABASE_URL="postgresql://u:CANARY@127.0.0.1:9/x")

    assert code == 1
    assert "DATABASE_URL or DATA_DIR cannot be read" in said
    assert "CANARY" not in said

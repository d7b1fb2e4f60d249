"""Signing in and out, sessions, guessing, and the operator's accounts."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from flask_revalidation import revalidate_everything, write
from models import User
from web.auth import SESSION


def guess(browser, forwarded, email=""):
    fields = {"email": email or f"{forwarded}@x.example", "password": "guess"}
    headers = {"Origin": "http://localhost", "X-Forwarded-For": forwarded}
    return browser.post("/_actions/accounts.sign_in", data=fields, headers=headers).status_code


def test_two_sites_on_one_host_do_not_sign_each_other_out(make_app):
    one, other = (make_app(PORT=port).test_client() for port in ("8000", "8001"))
    other._cookies = one._cookies  # a browser knows hosts, and no ports
    for site in (one, other):
        site.act("accounts.sign_in", email="ada@hallway.example", password="open-the-door")
    assert [site.get("/dashboard").status_code for site in (one, other)] == [200, 200]

    other.act("accounts.sign_out")
    assert [site.get("/dashboard").status_code for site in (one, other)] == [200, 303]
    page = one.get("/blog/commit-is-the-only-moment").text
    assert "Sign out Ada" in page
    assert "Sign out Ada" not in other.get("/blog/commit-is-the-only-moment").text


def test_sign_in_gives_a_new_session_each_time(app, visitor):
    person = {"email": "ADA@hallway.example", "password": "open-the-door"}
    visitor.set_cookie(SESSION, "planted-by-someone-else")

    tokens = set()
    for _ in range(2):
        assert visitor.act("accounts.sign_in", **person).headers["Location"] == "/dashboard"
        tokens.add(visitor.get_cookie(SESSION).value)

    assert len(tokens) == 2
    assert "planted-by-someone-else" not in tokens
    stale = app.test_client()
    for token in tokens - {visitor.get_cookie(SESSION).value}:
        stale.set_cookie(SESSION, token)
        assert stale.get("/dashboard").status_code == 303


def test_session_cookie_is_kept_from_scripts_and_other_sites(visitor):
    answer = visitor.act("demo.switch_persona", persona="ada")

    cookie = next(line for line in answer.headers.getlist("Set-Cookie") if line.startswith("session="))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_signing_out_ends_the_session_on_every_worker(make_app):
    one, other = make_app(), make_app()
    browser = one.test_client()
    browser.act("demo.switch_persona", persona="ada")
    elsewhere = other.test_client()
    elsewhere.set_cookie(SESSION, browser.get_cookie(SESSION).value)
    assert elsewhere.get("/dashboard").status_code == 200

    browser.act("accounts.sign_out")

    assert elsewhere.get("/dashboard").status_code == 303
    assert browser.get_cookie(SESSION) is None


def test_disabled_account_is_out_at_once(app, bob):
    result = app.test_cli_runner().invoke(args=["users", "disable", "bob@hallway.example"])

    assert result.exit_code == 0
    assert bob.get("/dashboard").status_code == 303
    again = app.test_client().act("accounts.sign_in", email="bob@hallway.example", password="open-the-door")
    assert again.status_code == 422


def test_session_of_a_disabled_account_opens_nothing_even_if_it_was_not_ended(app, bob):
    with app.app_context(), write(by="test"):
        User.find_author("bob").disable()
        revalidate_everything()

    assert bob.get("/dashboard").status_code == 303
    assert bob.act("posts.create_post", title="x").status_code == 401


def test_session_ends_by_itself_after_two_weeks(bob):
    token, start = bob.get_cookie(SESSION).value, datetime.now(UTC)

    for minutes, status in ((-1, 200), (1, 303)):
        with time_machine.travel(start + timedelta(days=14, minutes=minutes)):
            bob.set_cookie(SESSION, token)
            assert bob.get("/dashboard").status_code == status


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        ("Schl\u00fcssel-am-Haken", "Schlu\u0308ssel-am-Haken"),
        ("Schlu\u0308ssel-am-Haken", "Schl\u00fcssel-am-Haken"),
        ("\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44-123", "password-123"),
        ("\ub300\ubb38-\uc5f4\uae30-1", unicodedata.normalize("NFD", "\ub300\ubb38-\uc5f4\uae30-1")),
    ],
)
def test_password_is_the_same_on_every_keyboard(app, visitor, chosen, typed):
    with app.app_context(), write(by="test"):
        User.find_author("ada").set_password(chosen)

    assert visitor.act("accounts.sign_in", email="ada@hallway.example", password=typed).status_code == 303
    assert visitor.act("accounts.sign_in", email="ada@hallway.example", password=f"{typed}.").status_code == 422


def test_unknown_address_and_wrong_password_get_the_same_answer_and_the_same_work(app, visitor, monkeypatch):
    checked = []
    real = User.check_password
    monkeypatch.setattr(
        User, "check_password", staticmethod(lambda user, text: checked.append(user) or real(user, text))
    )

    pages = [
        visitor.act("accounts.sign_in", page="/sign-in", email=email, password="wrong").text
        for email in ("ada@hallway.example", "nobody@hallway.example")
    ]

    ours, theirs = (re.sub(r"_key=[\w-]+|\w+@hallway.example", "", page) for page in pages)
    assert ours == theirs
    assert len(checked) == 2
    assert checked[1] is None


def test_guessing_is_slowed_down_per_account_and_stays_so_after_a_restart(make_app):
    person, statuses = {"email": "ada@hallway.example", "password": "guess"}, []
    for _ in range(3):
        browser = make_app().test_client()
        statuses += [browser.act("accounts.sign_in", page="/sign-in", **person).status_code for _ in range(2)]

    answer = browser.act("accounts.sign_in", page="/sign-in", **person | {"password": "open-the-door"})

    assert statuses == [422] * 5 + [429]
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert browser.act("accounts.sign_in", email="bob@hallway.example", password="open-the-door").status_code == 303


def test_five_guesses_never_fall_apart_at_a_minutes_edge(visitor):
    edge, statuses = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=2), []
    for second in (-2, -1, 0, 1, 2, 3, 57):
        with time_machine.travel(edge + timedelta(seconds=second), tick=False):
            statuses.append(visitor.act("accounts.sign_in", email="ada@hallway.example", password="guess").status_code)

    assert statuses == [422] * 5 + [429] * 2


def test_right_password_forgets_the_guesses_at_that_account(visitor):
    tries = ["guess"] * 4 + ["open-the-door"] + ["guess"] * 4 + ["open-the-door"]

    statuses = [
        visitor.act("accounts.sign_in", email="ada@hallway.example", password=text).status_code for text in tries
    ]

    assert statuses == [422] * 4 + [303] + [422] * 4 + [303]


def test_right_password_does_not_forget_the_guesses_at_other_accounts(visitor):
    for number in range(49):
        visitor.act("accounts.sign_in", email=f"n{number}@x.example", password="guess")

    assert visitor.act("accounts.sign_in", email="bob@hallway.example", password="open-the-door").status_code == 303
    assert visitor.act("accounts.sign_in", email="ada@hallway.example", password="guess").status_code == 429


def test_stranger_cannot_lock_the_owner_out(make_app):
    app, start = make_app(TRUSTED_PROXIES="1"), datetime.now(UTC)
    fields = {"email": "ada@hallway.example", "password": "guess"}
    headers = {"Origin": "http://localhost", "X-Forwarded-For": "10.0.0.66"}
    statuses = []
    for number in range(60):
        with time_machine.travel(start + timedelta(seconds=13 * number), tick=False):
            stranger = app.test_client()
            statuses.append(stranger.post("/_actions/accounts.sign_in", data=fields, headers=headers).status_code)

    with time_machine.travel(start + timedelta(minutes=14), tick=False):
        answer = app.test_client().act("accounts.sign_in", email=fields["email"], password="open-the-door")

    assert statuses == [422] * 50 + [429] * 10
    assert answer.status_code == 303


def test_guesses_from_many_networks_are_slowed_down_together(make_app, monkeypatch):
    monkeypatch.setattr(User, "check_password", staticmethod(lambda *_: False))  # it is slow
    browser = make_app(TRUSTED_PROXIES="1").test_client()

    statuses = [guess(browser, f"10.0.0.{number}", "ada@hallway.example") for number in range(201)]

    assert statuses == [422] * 200 + [429]


def test_guessing_from_one_address_is_slowed_down_too(visitor):
    statuses = [
        visitor.act("accounts.sign_in", email=f"n{number}@x.example", password="guess").status_code
        for number in range(51)
    ]

    assert statuses == [422] * 50 + [429]


def test_forged_forwarding_headers_do_not_help_a_guesser(make_app):
    browser = make_app().test_client()

    assert [guess(browser, f"10.0.0.{n}") for n in range(51)][-1] == 429


def test_visitors_behind_a_known_proxy_are_told_apart(make_app):
    browser = make_app(TRUSTED_PROXIES="1").test_client()

    assert [guess(browser, f"10.0.0.{n}") for n in range(51)][-1] == 422


def test_password_is_kept_as_argon2id_with_the_recommended_parameters(app):
    with app.app_context():
        assert User.by_email("ada@hallway.example").password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_operator_adds_an_account(app, visitor):
    command = ["users", "create", "--name", "Ina Berg", "--email", "Ina@x.example", "--role", "author"]
    run = app.test_cli_runner().invoke

    assert run(args=[*command, "--password", "short"]).exit_code == 2
    assert run(args=[*command, "--password", "long enough to keep"]).exit_code == 0
    assert run(args=[*command, "--password", "long enough to keep"]).exit_code == 2
    assert run(args=["users", "disable", "nobody@x.example"]).exit_code == 2
    namesake = [*command, "--email", "other@x.example", "--password", "long enough to keep"]
    assert run(args=namesake).exit_code == 0
    person = {"email": "ina@x.example", "password": "long enough to keep"}
    assert visitor.act("accounts.sign_in", **person).headers["Location"] == "/dashboard"

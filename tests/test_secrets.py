"""What is secret is nowhere printed: each value is a canary, and everything that holds one is looked at."""

import gc
import logging
import pprint

import pytest
from conftest import settings_for
from flask import Config, Flask
from keys import issue_key
from test_settings import GOOD
from test_structure import OURS

from flask_server_actions import Result
from models import User
from settings import Settings

CANARY = "CANARYkX9vQ2mP7rT4wY8zB3nC6fH1jL5s"
KEPT = {"SECRET_KEY": CANARY, "SECRET_KEY_FALLBACKS": f"{CANARY}2,{CANARY}3", "CRON_SECRET": f"{CANARY}4"}
KEPT |= {"STRIPE_SECRET_KEY": f"sk_test_{CANARY}", "STRIPE_PRICE_ID": "price_1"}
KEPT |= {"STRIPE_WEBHOOK_SECRET": f"whsec_{CANARY}5,whsec_{CANARY}6", "GITHUB_WEBHOOK_SECRET": f"{CANARY}7"}
LOCAL = {"PUBLIC_URL": "http://localhost", "TRUSTED_HOSTS": "localhost", "TRUSTED_PROXIES": "0"}


def ours(thing):
    """Say whether something is made of a class of ours, or is what Flask keeps our configuration in."""
    return isinstance(thing, Config | Flask) or str(type(thing).__module__).partition(".")[0] in OURS


def told(*, least):
    """Return what the objects of our classes that are alive say of themselves, where that holds a canary."""
    alive = [thing for thing in gc.get_objects() if ours(thing)]
    kinds = {type(thing).__name__ for thing in alive}
    assert least <= kinds, least - kinds
    return [type(thing).__name__ for thing in alive if "CANARY" in says(thing)]


def says(thing):
    """Return what a thing prints of itself. What is left of another test's application prints nothing in this one."""
    try:
        # A secret itself is a text, and used as one; what holds it prints its `repr`.
        return f"{thing!r} {pprint.pformat(thing)} {'' if isinstance(thing, str) else thing}"
    except RuntimeError as error:
        if "not registered with this 'SQLAlchemy' instance" in str(error):
            return ""
        raise


def holders():
    """Return the kinds of our objects that hold a canary at first hand: there have to be some."""
    alive = [thing for thing in gc.get_objects() if ours(thing)]
    return {type(thing).__name__ for thing in alive if any("CANARY" in str(part) for part in parts(thing))}


def parts(thing):
    inside = [*vars(thing).values()] if hasattr(thing, "__dict__") else []
    inside += thing.values() if isinstance(thing, dict) else []
    return [part for part in inside if isinstance(part, str | bytes)]


def test_settings_and_configuration_print_no_secret(make_app):
    app = make_app(**GOOD | LOCAL | KEPT)

    assert app.config["SECRET_KEY"] == CANARY
    assert {"Settings", "Config"} <= holders()
    assert told(least={"Config", "Flask", "Settings", "RateLimiter", "FastHits", "Revalidation", "ServerActions"}) == []
    assert "Hidden()" in repr(app.config)


@pytest.mark.sqlite("a password that nobody asks")
def test_password_of_the_database_is_not_printed(tmp_path, caplog):
    env = Settings.from_environment(
        GOOD | {"DATABASE_URL": f"postgresql://u:{CANARY}@127.0.0.1:9/x", "DATA_DIR": str(tmp_path)}
    )

    assert env.database.password == CANARY
    assert CANARY not in f"{env!r} {env} {env.database!r} {env.database} {caplog.text}"


def test_setting_of_a_new_sender_is_as_secret_as_the_others(data_dir):
    from test_webhook_senders import WithShop

    env = WithShop.from_environment({"DEMO": "1", "SHOP_WEBHOOK_SECRET": CANARY})

    assert env.webhook_secrets["shop"] == [CANARY]
    assert CANARY not in repr(env)


def test_password_that_is_typed_is_in_no_repr_while_the_form_is_read(app, visitor, monkeypatch):
    found = []

    def look(user, password):
        assert password == CANARY
        found.extend(told(least={"Credentials", "Submission"}))
        return False

    monkeypatch.setattr(User, "check_password", look)

    assert visitor.act("accounts.sign_in", email="ada@hallway.example", password=CANARY).status_code == 422
    assert found == []


def test_what_an_answer_hands_out_once_is_in_no_repr():
    answer = Result(cookies={"session": (CANARY, {})}, reveal_once={"key": CANARY}, fields={"password": [CANARY]})

    assert "CANARY" not in f"{answer!r} {answer}"


def test_key_and_session_are_kept_as_digests(app, ada):
    key = issue_key(app, "ada")
    cookie = ada.get_cookie("session").value

    with app.app_context():
        from models import ApiKey, UserSession, db

        rows = [*db.session.query(ApiKey), *db.session.query(UserSession), *db.session.query(User)]
        text = " ".join(f"{row!r} {vars(row)}" for row in rows)

    assert key.rpartition("_")[2] not in text
    assert cookie not in text


def test_log_of_a_start_and_of_a_sign_in_holds_no_secret(make_app, caplog):
    caplog.set_level(logging.DEBUG)
    app = make_app(**GOOD | LOCAL | KEPT)
    app.logger.warning("%s %r %s", app.config, app.config, settings_for(app.config["DATA_DIR"], **GOOD | LOCAL | KEPT))

    app.test_client().act("accounts.sign_in", email="ada@hallway.example", password=CANARY)

    assert "Hidden()" in caplog.text
    assert "CANARY" not in caplog.text

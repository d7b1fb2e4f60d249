"""Demo or production: what the variables say, what the database says of itself, and what follows from both."""

import shutil
import subprocess
import sys

import pytest
from conftest import Browser, give_to, settings_for
from flask_migrate import downgrade, upgrade
from postgres import environment_of
from scenarios import fingerprint
from serving import ROOT
from sqlalchemy import text
from test_settings import GOOD, STRONG

from app import create_app
from demo.marker import WrongDatabase, claim, is_demo
from demo.seed import seed
from flask_revalidation import write
from models import User, db
from settings import BadSettings, Settings

NEW, DEMOS, PRODUCTIONS = "new", "a demo's", "a production's"
LOST = {name: GOOD[name] for name in ("PUBLIC_URL", "TRUSTED_HOSTS")} | {"CRON_SECRET": STRONG}  # all but SECRET_KEY
LOCAL = {"SECRET_KEY": STRONG, "PUBLIC_URL": "http://localhost:8000", "TRUSTED_HOSTS": "localhost"}
STRIPE = {"STRIPE_PRICE_ID": "price_1", "STRIPE_WEBHOOK_SECRET": f"whsec_{STRONG}"}
NOT_THE_DEMOS, PUBLIC_PASSWORDS = "This database is not the demo's", "its passwords are public"
SAID = {"DEMO": "1"}


def without(name):
    return {other: value for other, value in GOOD.items() if other != name}


# Variables, whose the database is, and the mode or a part of the sentence that stops the start.
TABLE = [
    ({}, NEW, "demo"),
    ({}, DEMOS, "demo"),
    ({}, PRODUCTIONS, NOT_THE_DEMOS),
    ({"PORT": "8001", "HOST": "0.0.0.0", "WEB_CONCURRENCY": "1"}, DEMOS, "demo"),
    ({"PORT": "8001", "HOST": "0.0.0.0", "WEB_CONCURRENCY": "1"}, PRODUCTIONS, NOT_THE_DEMOS),
    (GOOD, NEW, "production"),
    (GOOD, PRODUCTIONS, "production"),
    (GOOD, DEMOS, PUBLIC_PASSWORDS),
    (GOOD | {"DEMO": "0"}, PRODUCTIONS, "production"),
    (GOOD | {"DEMO": "0"}, DEMOS, PUBLIC_PASSWORDS),
    (LOCAL, PRODUCTIONS, "production"),
    (GOOD | STRIPE | {"STRIPE_SECRET_KEY": "sk_live_x"}, PRODUCTIONS, "production"),
    (GOOD | STRIPE | {"STRIPE_SECRET_KEY": "sk_test_x"}, PRODUCTIONS, "production"),
    (SAID, NEW, "demo"),
    (SAID, DEMOS, "demo"),
    (SAID, PRODUCTIONS, NOT_THE_DEMOS),
    (SAID | GOOD, NEW, "demo"),
    (SAID | GOOD, DEMOS, "demo"),
    (SAID | GOOD, PRODUCTIONS, NOT_THE_DEMOS),
    (SAID | {"PUBLIC_URL": "https://editor.example"}, DEMOS, "demo"),
    (SAID | {"PUBLIC_URL": "https://editor.example"}, PRODUCTIONS, NOT_THE_DEMOS),
    (SAID | {"PUBLIC_URL": "https://editor.example/"}, DEMOS, "PUBLIC_URL is not an origin"),
    (SAID | {"PUBLIC_URL": "https://editor.example", "TRUSTED_HOSTS": "localhost"}, DEMOS, "PUBLIC_URL names a host"),
    (SAID | {"STRIPE_SECRET_KEY": "sk_live_x"}, DEMOS, "STRIPE_SECRET_KEY is live, and DEMO=1"),
    (SAID | {"STRIPE_SECRET_KEY": "sk_test_x"}, DEMOS, "demo"),
    (SAID | {"CRON_SECRET": ""}, DEMOS, "CRON_SECRET is given, but empty"),
    (SAID | {"SECRET_KEY": ""}, DEMOS, "demo"),
    (SAID | {"SECRET_KEY": ""}, PRODUCTIONS, NOT_THE_DEMOS),
    ({"DEMO": "0"}, NEW, "SECRET_KEY is not set"),
    ({"DEMO": ""}, DEMOS, "DEMO: "),
    ({"DEMO": "perhaps"}, DEMOS, "DEMO: "),
    (LOST, PRODUCTIONS, "SECRET_KEY is not set"),
    (LOST, NEW, "SECRET_KEY is not set"),
    (LOST | {"SECRET_KEY": ""}, PRODUCTIONS, "SECRET_KEY is given, but empty"),
    (LOST | {"SECRET_KEY": " "}, PRODUCTIONS, "SECRET_KEY is given, but empty"),
    *(({name: ""}, PRODUCTIONS, f"{name} is given, but empty") for name in [*GOOD, *STRIPE, "DATABASE_URL"]),
    *(({name: ""}, NEW, f"{name} is given, but empty") for name in ["SECRET_KEY_FALLBACKS", "STRIPE_SECRET_KEY"]),
    *(({name: ","}, NEW, f"{name} is given, but empty") for name in ["GITHUB_WEBHOOK_SECRET", "CRON_SECRET"]),
    *((without(name), PRODUCTIONS, f"{name} is") for name in GOOD),
    (GOOD | {"SECRET_KEY": "short"}, PRODUCTIONS, "SECRET_KEY is shorter than 32 bytes"),
    (GOOD | {"SECRET_KEY_FALLBACKS": "a" * 40}, PRODUCTIONS, "SECRET_KEY_FALLBACKS is a sample"),
    (GOOD | {"CRON_SECRET": "short"}, PRODUCTIONS, "CRON_SECRET is shorter"),
    (GOOD | {"GITHUB_WEBHOOK_SECRET": f"{STRONG},short"}, PRODUCTIONS, "GITHUB_WEBHOOK_SECRET is shorter"),
    (GOOD | {"STRIPE_WEBHOOK_SECRET": STRONG}, PRODUCTIONS, "STRIPE_WEBHOOK_SECRET is not a signing secret"),
    (GOOD | {"STRIPE_SECRET_KEY": "sk_live_x"}, PRODUCTIONS, "STRIPE_SECRET_KEY needs STRIPE_PRICE_ID"),
    (GOOD | {"STRIPE_SECRET_KEY": f"whsec_{STRONG}"}, PRODUCTIONS, "STRIPE_SECRET_KEY: "),
    (GOOD | {"TRUSTED_PROXIES": "0"}, PRODUCTIONS, "TRUSTED_PROXIES is 0, but https ends at a proxy"),
    (GOOD | {"PUBLIC_URL": "http://hallway.example"}, PRODUCTIONS, "PUBLIC_URL is plain http"),
    (GOOD | {"XRAY": "0", "LABS": "0"}, PRODUCTIONS, "production"),
    (GOOD | {"XRAY": "1"}, PRODUCTIONS, "XRAY is on: it shows the inside of the site"),
    (GOOD | {"LABS": "1"}, PRODUCTIONS, "LABS is on: its buttons are attacks"),
    ({"XRAY": "0", "LABS": "0"}, DEMOS, "demo"),
    (GOOD | {"FLASK_DEBUG": "1"}, PRODUCTIONS, "FLASK_DEBUG is on"),
    (GOOD | {"DATABASE_URL": "mysql://root@db/hallway"}, NEW, "DATABASE_URL or DATA_DIR cannot be read"),
    (GOOD | {"DATABASE_URL": f"nowhere {STRONG}"}, NEW, "DATABASE_URL or DATA_DIR cannot be read"),
    (SAID | {"DATABASE_URL": "postgresql://127.0.0.1:9/x"}, NEW, "DATABASE_URL or DATA_DIR cannot be read"),
]


def database(whose, filled, path):
    """Make a data directory whose database is new, a demo's or a production's, and return it."""
    if whose == NEW:
        return path / "data"
    shutil.copytree(filled, path / "data")
    give_to(settings_for(path / "data").database, demo=whose == DEMOS)
    return path / "data"


def close(app):
    for name in ("fast_hits", "rate_limiter"):
        app.extensions[name].close()
    with app.app_context():
        db.engine.dispose()


@pytest.mark.sqlite("what PostgreSQL's tests are given is a variable of production")
@pytest.mark.parametrize(("variables", "whose", "expected"), TABLE)
def test_mode_is_what_is_said_and_what_the_database_confirms(
    variables, whose, expected, filled_directory, tmp_path, monkeypatch
):
    folder = database(whose, filled_directory, tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in ({"DATA_DIR": str(folder)} | variables).items():
        monkeypatch.setenv(name, value)

    if expected in ("demo", "production"):
        app = create_app()
        assert app.config["DEMO"] is (expected == "demo")
        close(app)
    else:
        with pytest.raises(BadSettings) as stopped:
            create_app()
        assert expected in str(stopped.value)
        assert STRONG not in str(stopped.value)
        assert whose != NEW or not folder.exists()


def test_table_has_forty_configurations_and_each_variable_of_production():
    known = {name.upper() for name in Settings.model_fields} - {"DATA_DIR", "API_REQUESTS_PER_MINUTE"}

    assert len(TABLE) >= 40
    assert known <= {name for variables, _, _ in TABLE for name in variables}


def unmark(app):
    with app.app_context(), db.engine.connect().execution_options(write=True, postgresql_readonly=False) as connection:
        connection.execute(text("DELETE FROM setting WHERE key = 'demo'"))
        connection.commit()


@pytest.mark.parametrize("how", ["unmarked", "a production's"])
def test_demo_seed_and_reset_refuse_a_database_that_is_not_the_demos(app, data_dir, how):
    env = settings_for(data_dir)
    unmark(app) if how == "unmarked" else give_to(env.database, demo=False)
    before = fingerprint(app)

    answer = app.test_client().act("demo.reset")
    with pytest.raises(BadSettings, match=NOT_THE_DEMOS):
        create_app(env)
    for replace in (True, False):
        with app.app_context(), pytest.raises(WrongDatabase, match=NOT_THE_DEMOS), write(by="test"):
            seed(replace=replace)

    assert (answer.status_code, NOT_THE_DEMOS in answer.text.replace("&#39;", "'")) == (409, True)
    assert fingerprint(app) == before


def test_demo_whose_passwords_were_changed_is_still_none_of_a_productions(app):
    with app.app_context(), pytest.raises(WrongDatabase, match=PUBLIC_PASSWORDS), write(by="test"):
        for user in db.session.query(User):
            user.disable()
        db.session.flush()
        claim()


def test_reset_leaves_the_marker(app, data_dir, visitor):
    assert visitor.act("demo.reset").status_code == 303

    with app.app_context():
        assert is_demo(db.session.connection()) is True


def prepare(folder, **variables):
    environment = {"PATH": "/usr/bin:/bin", "DATA_DIR": str(folder)} | environment_of(folder) | variables
    command = [sys.executable, "-m", "flask", "prepare"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.sqlite("its folder is its database")
def test_empty_production_never_becomes_a_demo_again(tmp_path):
    assert prepare(tmp_path / "d", **GOOD).returncode == 0

    lost = prepare(tmp_path / "d")

    assert lost.returncode == 1
    assert lost.stderr.startswith("These settings stop the start:\n  This database is not the demo's")


def revise(app, change):
    """Go back to before there was a marker, change people, and return what the upgrade takes the database for."""
    with app.app_context():
        downgrade(revision="0010")
        assert db.session.execute(text("SELECT 1 FROM setting WHERE key = 'demo'")).all() == []
        with write(by="test"):
            change()
        upgrade()
        found = is_demo(db.session.connection())
        db.session.rollback()
        return found


def test_demo_that_is_older_than_the_marker_is_known_by_its_passwords(app, data_dir):
    assert revise(app, lambda: None) is True
    close(create_app(settings_for(data_dir)))


def test_production_that_is_older_than_the_marker_is_none_of_the_demos(app, data_dir):
    assert revise(app, lambda: [user.disable() for user in db.session.query(User)]) is False
    with pytest.raises(BadSettings, match=NOT_THE_DEMOS):
        create_app(settings_for(data_dir))


def test_database_is_known_before_it_is_upgraded(app, data_dir):
    with app.app_context():
        downgrade(revision="0010")
        close(create_app(settings_for(data_dir)))
        with write(by="test"):
            for user in db.session.query(User):
                user.disable()
        db.session.rollback()
    with pytest.raises(BadSettings, match=NOT_THE_DEMOS):
        create_app(settings_for(data_dir))


@pytest.mark.sqlite("a port where nobody listens is enough")
def test_production_starts_while_its_database_is_away_and_says_so(tmp_path, caplog):
    away = GOOD | {"DATABASE_URL": "postgresql://u:CANARY@127.0.0.1:9/x", "DATA_DIR": str(tmp_path / "d")}

    app = create_app(Settings.from_environment(away))

    assert "DATABASE_URL or DATA_DIR cannot be read" in caplog.text
    assert "CANARY" not in caplog.text
    assert app.test_client().get("/readyz", base_url="https://hallway.example").status_code == 503


PUBLIC = "This demo is on a public address"


def test_demo_on_a_public_address_says_so_on_each_page_and_in_the_log(make_app, caplog):
    app = make_app(PUBLIC_URL="http://editor.example")
    client: Browser = app.test_client()

    pages = [client.get(path, base_url="http://editor.example") for path in ("/", "/blog", "/sign-in", "/nowhere")]

    assert [PUBLIC in page.text for page in pages] == [True] * 4
    assert "This demo is public, at http://editor.example" in caplog.text
    assert client.get("/", base_url="http://127.0.0.1:8000").status_code == 200


def test_demo_on_this_machine_alone_does_not(app, visitor, caplog):
    assert PUBLIC not in visitor.get("/").text
    assert "public" not in caplog.text

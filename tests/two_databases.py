"""The product on SQLite and on PostgreSQL in one process, filled alike, and set back to that as often as one likes."""

import re
import shutil
from contextlib import contextmanager
from datetime import UTC, datetime
from difflib import unified_diff

import time_machine
from api_client import EVERYTHING, QUOTA
from conftest import Browser
from hypothesis.stateful import RuleBasedStateMachine
from postgres import create_database, drop_database, environment_of, put_back, remember
from scenarios import store_of
from sqlalchemy import select

from bench.fill import prepare
from flask_revalidation import write
from models import ApiKey, Scope, User, db

START = datetime(2026, 11, 30, 9, tzinfo=UTC)
PEOPLE = ["ada", "bob", "edith", "cleo"]
KEYS = {name: f"hd_{name.upper():0<10}_{name:0<38}" for name in ("bob", "cleo", "reads")}  # the last is Ada's
# What is random in an answer or a row: one-time keys, API keys and their ids, the demo's checkouts, the browsers of
# strangers. And in the tables: secrets, their digests, versions.
RANDOM = re.compile(
    r"(?<=_key=)[\w-]+|hd_[0-9A-Za-z]{10}(_[0-9A-Za-z]{38})?|cs_demo_[0-9a-f]{24}|(?<=&#34;)[0-9a-f]{40}"
    r"|(?<='browser:)[\w-]+"
)
RANDOM_TABLES = {"form_key", "user_session", "revalidation_tag"}
RANDOM_COLUMNS = {"key_id", "digest", "password_hash"}


class Database:
    """The application on one of the databases, as it was filled, and its browsers."""

    def __init__(self, directory):
        (directory / "demo-secret").write_text("of both applications: " + "abcdefghij" * 3)
        self.directory, self.app = directory, prepare(str(directory), **QUOTA, **environment_of(directory))
        self.app.test_client_class = Browser
        with self.app.app_context(), write(by="tests"):
            for name, text in KEYS.items():
                scopes = [Scope.READ] if name == "reads" else EVERYTHING
                ApiKey.issue(User.find_author("ada" if name == "reads" else name), name, list(scopes), text=text)
        self.close()
        if environment_of(directory):
            remember(directory)
        else:
            shutil.copy(directory / "hallway.db", directory / "filled")

    def close(self):
        """Let go of all connections."""
        self.app.extensions["fast_hits"].close()
        self.app.extensions["rate_limiter"].close()
        with self.app.app_context():
            db.engine.dispose()

    def begin_again(self):
        """Set the database back to what it was filled with, and forget copies, counts and browsers."""
        self.close()
        if environment_of(self.directory):
            put_back(self.directory)
        else:
            for left in [*self.directory.glob("hallway.db-*"), *self.directory.glob("rate-limits.db*")]:
                left.unlink()
            shutil.copy(self.directory / "filled", self.directory / "hallway.db")
        store_of(self.app).clear()
        self.browsers = {name: self.app.test_client() for name in [*PEOPLE, ""]}

    def rows(self, model):
        """Return all rows by their ids, in that order, and those of deleted posts too."""
        with self.app.app_context():
            found = db.session.execute(select(model.__table__).order_by(model.__table__.c.id))
            return {row.id: row._asdict() for row in found}

    def everything(self):
        """Return all rows but for what is random in them."""
        with self.app.app_context():
            tables = [table for table in db.metadata.sorted_tables if table.name not in RANDOM_TABLES]
            seen = [select(*(column for column in table.c if column.name not in RANDOM_COLUMNS)) for table in tables]
            return [sorted(RANDOM.sub("…", repr(row._asdict())) for row in db.session.execute(query)) for query in seen]


def seen(answer):
    """Return what an answer tells, without what is random in it."""
    headers = [answer.headers.get(name) for name in ("Location", "Content-Type", "Cache-Control", "HX-Push-Url")]
    etag = answer.headers.get("ETag") if answer.request.path.startswith("/api/v1/posts/") else None
    text = RANDOM.sub("…", answer.text)
    answer.close()
    return answer.status_code, [name and RANDOM.sub("…", name) for name in headers], etag, text


class OnBoth(RuleBasedStateMachine):
    """Runs of steps on `databases`, which begin each run as they were filled."""

    databases = ()

    def __init__(self):
        super().__init__()
        self.clock = time_machine.travel(START, tick=False)
        self.time = self.clock.start()
        for database in self.databases:
            database.begin_again()
        self.sign_in()

    def both(self, send):
        """Send one request to both, and return what they answer alike."""
        one, other = (seen(send(database)) for database in self.databases)
        assert one == other, "\n".join(
            unified_diff(*("\n".join(map(str, it)).splitlines() for it in (one, other)), n=0)
        )
        assert one[0] < 500 or "could not be applied" in one[3], one
        return one

    def act(self, person, action, page="/", htmx=False, **fields):
        """Send a form, as someone who is signed in, or as a stranger."""
        fields = {name: value for name, value in fields.items() if value is not None}
        self.both(lambda it: it.browsers[person].act(action, page=page, htmx=htmx, **fields))

    def ask(self, method, path, key="", headers=(), **sent):
        """Send a request without cookies, with a bearer's key or without."""
        headers = {**({"Authorization": f"Bearer {key}"} if key else {}), **dict(headers)}
        return self.both(lambda it: it.app.test_client().open(path, method=method, headers=headers, **sent))

    def sign_in(self):
        """Let each of the demo's people have a session."""
        for name in PEOPLE:
            self.act(name, "demo.switch_persona", persona=name)

    def id_of(self, model, number):
        """Return the id of a row, counted from the newest; a number that is too large stands for itself."""
        ids = list(self.databases[0].rows(model))
        return ids[-1 - number] if 0 <= number < len(ids) else number


@contextmanager
def both_databases(base):
    """Yield SQLite and PostgreSQL in folders of `base`, filled at the same moment."""
    directories = [base / "sqlite", base / "postgresql"]
    directories[0].mkdir()
    create_database(directories[1])
    with time_machine.travel(START, tick=False):
        made = [Database(directory) for directory in directories]
    try:
        yield made
    finally:
        for database in made:
            database.close()
        drop_database(directories[1])

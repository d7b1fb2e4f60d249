"""A migrated, filled database for each test, and browsers that send what browsers send."""

import gzip
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import contract
import pytest
from flask import Flask, request_finished
from flask.testing import FlaskClient
from flask_migrate import upgrade
from jinja2 import FileSystemBytecodeCache
from postgres import create_database, environment_of, lend_database, remember
from sqlalchemy import URL, Engine, NullPool, create_engine, text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app import create_app
from demo.seed import seed
from flask_revalidation import write
from models import Post, PostFilter, PostStatus
from settings import BadSettings, Settings
from web import assets
from web.auth import FLASH

ORIGIN = "http://localhost"


def compiled_once(compile_builder: Callable[..., Any]) -> Callable[..., Any]:
    """Compile each address once for all applications of a run: it takes half of `create_app`."""
    made: dict[tuple[str, bool], Any] = {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> Any:
        key = repr((rule.rule, rule._trace, rule.defaults)), append_unknown
        if key not in made:
            made[key] = compile_builder(rule, append_unknown)
        return made[key]

    return compile_once


assets.release_name = cache(assets.release_name)  # all applications of a run are of one release,
assets.gzip = SimpleNamespace(compress=cache(gzip.compress))  # so its files are packed once
Rule._compile_builder = compiled_once(Rule._compile_builder)  # type: ignore[method-assign]

COMPILED = LRUCache[Any, Any](10_000)  # all engines of a run share what they have compiled
Engine._compiled_cache = property(lambda _engine: COMPILED, lambda _engine, _own: None)  # type: ignore[assignment]
for kind in (SQLiteDialect_pysqlite, PGDialect_psycopg):  # one dialect is as good as another of its kind
    kind.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]
    kind.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]
ON_POSTGRES = os.environ.get("TEST_DATABASE") == "postgresql"


class Browser(FlaskClient):
    """A client that sends the headers with which a browser marks a form of our own page."""

    def act(self, action: str, *, page: str = "/", htmx: bool = False, **fields: Any) -> TestResponse:
        """Send a form to an action, from `page`; `htmx` sends it as htmx does."""
        headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin", "Referer": ORIGIN + page}
        headers |= {"HX-Request": "true", "HX-Current-URL": ORIGIN + page} if htmx else {}
        return self.post(f"/_actions/{action}", data=fields, headers=headers)


def settings_for(directory: Path, **environment: str) -> Settings:
    """Return the settings of a data directory, in demo mode unless told otherwise."""
    given = {"DEMO": "1", "XRAY": "0", "LABS": "0"} | environment_of(directory) | environment
    if given.keys() & {"SECRET_KEY", "STRIPE_SECRET_KEY"} and "DEMO" not in environment:
        given.pop("DEMO", None)
    return Settings.from_environment({"DATA_DIR": str(directory), **given})


def checked(environment: dict[str, str], kind: type[Settings] = Settings) -> Settings:
    """Return the settings of an environment. Raises BadSettings where the application would not start with them."""
    settings = kind.from_environment(environment)
    if found := [*settings.problems()]:
        raise BadSettings(found)
    return settings


def give_to(url: URL, *, demo: bool) -> None:
    """Let a filled database be the demo's, or a production's."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("UPDATE setting SET value = :demo WHERE key = 'demo'"), {"demo": demo})


def pytest_configure(config: pytest.Config) -> None:
    """Let pools of applications that a test has made for itself end with the process: psycopg would complain."""
    if ON_POSTGRES:
        ended = "Exception ignored in. .function (BaseConnection|ServerCursorMixin).__del__"
        ignored = f"ignore:{ended}:pytest.PytestUnraisableExceptionWarning"
        config.addinivalue_line("filterwarnings", ignored)


# What is refused, or drawn, before a database makes a difference, or does not depend on which it is: on PostgreSQL too
# with PROVE=1, as in bin/prove.
BEFORE_THE_DATABASE = (
    "test_hostile_forms",
    "test_attack_table",
    "test_requests_by_chance",
    "test_api_hostile",
    "test_gate",
)
BEFORE_THE_DATABASE += ("test_api_cors", "test_api_json", "test_api_document", "test_markup", "test_labs", "test_xray")
BEFORE_THE_DATABASE += ("test_edges", "test_forgotten_revalidation", "test_commands", "test_secrets")
BEFORE_THE_DATABASE += ("test_same_origin", "test_teaching", "test_feeds")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what is of the other database, and say why; on PostgreSQL also what needs none, or a browser."""
    if ON_POSTGRES:
        items[:] = [item for item in items if {"data_dir", "filled_directory"} & set(getattr(item, "fixturenames", ()))]
        left_out = ("test_browser", "test_howto", *(() if "PROVE" in os.environ else BEFORE_THE_DATABASE))
        items[:] = [item for item in items if not item.path.name.startswith(left_out)]
    for item in items:
        if ON_POSTGRES and (only := item.get_closest_marker("sqlite")):
            item.add_marker(pytest.mark.skip(reason=f"of SQLite: {only.args[0]}"))
        if not ON_POSTGRES and item.get_closest_marker("postgresql"):
            item.add_marker(pytest.mark.skip(reason="of PostgreSQL: run with TEST_DATABASE=postgresql"))


@pytest.fixture(scope="session")
def filled_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the migrated schema and the demo's content; copied, never used."""
    if lent := os.environ.get("FILLED_DIRECTORY"):  # thousands of runs share one (tests/prove_mutants.py)
        return Path(lent)
    directory = tmp_path_factory.mktemp("filled")
    if ON_POSTGRES:
        create_database(directory)
    app = create_app(settings_for(directory), testing=True)
    with app.app_context():
        upgrade()
        with write(by="tests"):
            seed()
            _nothing_is_due_soon()
            throw_one_away()
    _checkpoint(app)
    if ON_POSTGRES:
        remember(directory)
    return directory


def _nothing_is_due_soon() -> None:
    """The demo schedules a post for 90 seconds after its start, and a suite takes longer than that."""
    for post in PostFilter(PostStatus.SCHEDULED).page(by=Post.created_at, size=10).rows:
        assert post.publish_at
        post.publish_at += timedelta(days=1)


def throw_one_away() -> None:
    """Put a post in the trash that was live until now."""
    post = PostFilter().page().rows[0].author.write("The lamp in the stairwell")
    post.publish()
    post.delete()


def _checkpoint(app: Flask) -> None:
    from models import db

    with app.app_context():
        if not ON_POSTGRES:
            raw = db.engine.raw_connection()
            raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
            raw.close()
        db.engine.dispose()


@pytest.fixture
def data_dir(filled_directory: Path, tmp_path: Path) -> Path:
    """A data directory of this test alone, and with PostgreSQL a database as well."""
    directory = tmp_path / "data"
    shutil.copytree(filled_directory, directory)
    if ON_POSTGRES:
        lend_database(directory, like=filled_directory)
    return directory


# Files whose promises hold with the answers in front of Flask, and with Flask alone.
BOTH_WAYS = ("test_cached_answers", "test_fast_hits", "test_feeds", "test_pages", "test_revalidation")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of `BOTH_WAYS` twice."""
    if metafunc.module.__name__ in BOTH_WAYS and "fast_hits" in metafunc.fixturenames:
        metafunc.parametrize("fast_hits", [True, False], ids=["fast hits", "Flask alone"])


@pytest.fixture
def fast_hits() -> bool:
    """Whether cached pages are answered in front of Flask."""
    return True


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Templates as Python, made once for all applications of a run."""
    return FileSystemBytecodeCache(os.environ.get("COMPILED_TEMPLATES") or str(tmp_path_factory.mktemp("templates")))


@pytest.fixture
def make_app(
    data_dir: Path, fast_hits: bool, compiled_templates: FileSystemBytecodeCache
) -> Iterator[Callable[..., Flask]]:
    """Make applications on this test's database, as many as a test needs workers."""
    made: list[Flask] = []

    def make(*, testing: bool = True, **environment: str) -> Flask:
        settings = settings_for(data_dir, **environment)
        give_to(settings.database, demo=settings.demo)
        app = create_app(settings, testing=testing)
        app.test_client_class = Browser
        app.jinja_env.bytecode_cache = compiled_templates
        if not fast_hits:
            app.wsgi_app = app.wsgi_app.flask  # type: ignore[attr-defined, method-assign]
        request_finished.connect(contract.require_declared, app)
        made.append(app)
        return app

    yield make
    from models import db

    for app in made:
        app.extensions["fast_hits"].close()
        app.extensions["rate_limiter"].close()
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    """The application, with the detector for forgotten revalidations on."""
    return make_app()


@pytest.fixture
def visitor(app: Flask) -> Browser:
    """A browser that nobody has signed in with."""
    return app.test_client()  # type: ignore[return-value]


@pytest.fixture
def sign_in(app: Flask) -> Callable[[str], Browser]:
    """Return a browser in which one of the demo's people is signed in."""

    def as_person(handle: str) -> Browser:
        browser: Browser = app.test_client()  # type: ignore[assignment]
        assert browser.act("demo.switch_persona", persona=handle).status_code == 303
        browser.delete_cookie(FLASH)  # the welcome is read
        return browser

    return as_person


@pytest.fixture
def ada(sign_in: Callable[[str], Browser]) -> Browser:
    """The owner."""
    return sign_in("ada")


@pytest.fixture
def bob(sign_in: Callable[[str], Browser]) -> Browser:
    """An author."""
    return sign_in("bob")


@pytest.fixture
def cleo(sign_in: Callable[[str], Browser]) -> Browser:
    """A reader."""
    return sign_in("cleo")


@pytest.fixture
def find_post(app: Flask) -> Callable[[str], Post]:
    """Return a post by its slug, as the database has it now; None when it is not there."""
    from sqlalchemy import select
    from sqlalchemy.orm import undefer

    from models import db

    def find(slug: str) -> Post:
        with app.app_context():
            query = select(Post).where(Post.slug == slug).options(undefer(Post.body), undefer(Post.body_html))
            return db.session.scalar(query)  # type: ignore[return-value]

    return find

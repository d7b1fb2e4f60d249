"""A backup is whole while the site is written to, and brings back what was there; nothing is lost by a wrong one."""

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from importlib.machinery import SourceFileLoader
from types import ModuleType

import pytest
from scenarios import PUBLISHED
from serving import ROOT
from test_pictures import picture_of

from flask_revalidation import revalidate_everything, write
from models import Message, Post, db

pytestmark = pytest.mark.sqlite("PostgreSQL has tools of its own, which bin/backup names")
LETTERS = "SELECT count(*) FROM message WHERE name = 'Twice'"


def run(data_dir, *words, **environment):
    """Run bin/backup for a site, by whichever Python there is, and return its exit code and what it says."""
    path = [place for place in os.environ["PATH"].split(os.pathsep) if not place.startswith(sys.prefix)]
    environment = {**os.environ, "PATH": os.pathsep.join(path), "DATA_DIR": str(data_dir), **environment}
    done = subprocess.run([ROOT / "bin/backup", *words], env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def flask_backup(data_dir, file):
    """Run `flask backup FILE`, and return its exit code."""
    environment = {**os.environ, "DATA_DIR": str(data_dir)}
    return subprocess.run([sys.executable, "-m", "flask", "backup", file], cwd=ROOT, env=environment).returncode


@pytest.fixture
def tool():
    """The command as a module."""
    tool = ModuleType("backup")
    tool.__file__ = str(ROOT / "bin/backup")
    exec(SourceFileLoader("backup", tool.__file__).get_code("backup"), vars(tool))
    return tool


@pytest.fixture
def database(data_dir):
    return data_dir / "hallway.db"


@pytest.fixture
def copy(tool, database, tmp_path):
    """A backup of the site as the test finds it."""
    tool.back_up(database, tmp_path / "copy.db")
    return tmp_path / "copy.db"


def ask(file, query):
    with closing(sqlite3.connect(file)) as connection:
        (found,) = connection.execute(query).fetchone()
        connection.commit()
        return found


def stop(app):
    """Close what a site that is stopped has closed."""
    for name in ("fast_hits", "rate_limiter"):
        app.extensions[name].close()
    with app.app_context():
        db.engine.dispose()


def test_backup_is_of_one_moment_while_the_site_is_written_to(app, tool, database, tmp_path):
    ended, written = threading.Event(), []

    def write_on():
        while not ended.is_set():
            with app.app_context(), write(by="tests"):
                for _ in range(2):
                    Message.send(name="Twice", email="ina@letters.example", body="A letter" * 1000)
                revalidate_everything()
            written.append(2)

    writer = threading.Thread(target=write_on)
    writer.start()
    for name in "abc":
        enough = len(written) + 5
        while len(written) < enough:
            ended.wait(0.01)
        before, said, after = sum(written), tool.back_up(database, tmp_path / name), sum(written)
        assert f"{name} holds {database}" in said
        assert before <= ask(tmp_path / name, LETTERS) <= after + 2
        assert ask(tmp_path / name, LETTERS) % 2 == 0
        assert ask(tmp_path / name, "PRAGMA integrity_check") == "ok"
    ended.set()
    writer.join()

    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a", "b", "c"]


def test_restore_brings_posts_and_pictures_back_and_keeps_what_was_there(
    app, data_dir, database, visitor, tool, tmp_path
):
    picture, post = picture_of(app)
    assert [flask_backup(data_dir, tmp_path / "copy.db") for _ in range(2)] == [0, 1]  # the second would write over it
    with app.app_context(), write(by="tests") as session:
        session.execute(db.text("DELETE FROM post_picture"))
        session.execute(db.text("DELETE FROM picture"))
        Post.find_published(post.rpartition("/")[2]).delete()
        revalidate_everything()
    assert [visitor.get(path).status_code for path in (picture, post)] == [404, 404]

    with pytest.raises(tool.Refused, match="open: stop the site first"):
        tool.restore(tmp_path / "copy.db", database)
    assert visitor.get(post).status_code == 404
    stop(app)
    code, said = run(data_dir, "--restore", tmp_path / "copy.db")

    assert code == 0, said
    assert [visitor.get(path).status_code for path in (picture, post, f"/blog/{PUBLISHED}")] == [200] * 3
    (kept,) = data_dir.glob("hallway.db.20*")
    assert str(kept) in said
    assert ask(kept, "SELECT count(*) FROM picture") == 0
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "copy.db", database, kept)} == {0o600}


def test_backup_is_never_written_over_a_file(tool, database, tmp_path):
    (tmp_path / "there").write_text("precious")

    with pytest.raises(tool.Refused, match="is there already"):
        tool.back_up(database, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "precious"


def test_what_is_no_whole_backup_of_this_release_or_an_earlier_one_changes_nothing(tool, database, copy):
    before, content, other = database.read_bytes(), copy.read_bytes(), copy.with_name("other.db")
    wrong = {
        "file is not a database": lambda: other.write_text("a text"),
        "no such table": lambda: ask(other, "SELECT 1"),
        "malformed": lambda: other.write_bytes(content[: len(content) // 2]),
        "unable to open": lambda: None,
        "of a later release: migration 9000": lambda: (
            other.write_bytes(content),
            ask(other, "UPDATE alembic_version SET version_num = '9000' RETURNING 1"),
        ),
    }

    for said, make in wrong.items():
        other.unlink(missing_ok=True)
        make()
        with pytest.raises(tool.Refused, match=said):
            tool.restore(other, database)
        assert database.read_bytes() == before, said
        assert [path.name for path in database.parent.glob("hallway.db*") if "lock" not in path.name] == ["hallway.db"]


def test_log_that_a_crash_has_left_is_not_taken_for_the_new_ones(tool, database, copy):
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(
            "INSERT INTO message (name, email, body, suspected, created_at) VALUES ('Twice', '', '', 0, 0)"
        )
        connection.commit()
        log = database.with_name("hallway.db-wal").read_bytes()
    database.with_name("hallway.db-wal").write_bytes(log)
    database.unlink()

    tool.restore(copy, database)

    assert ask(database, LETTERS) == 0
    assert [path.read_bytes() for path in database.parent.glob("hallway.db.20*-wal")] == [log]


def test_of_postgresql_it_names_the_tools(data_dir, tmp_path):
    code, said = run(data_dir, tmp_path / "copy.db", DATABASE_URL="postgresql://ada@localhost/hallway")

    assert (code, "pg_dump" in said, "pg_restore" in said) == (2, True, True)
    assert not list(tmp_path.glob("copy.db*"))

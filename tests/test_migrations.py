"""Migrations: up and down again, step by step, and nothing of the data or of the schema is lost on the way."""

import re
import shutil
import subprocess
import sys

import pytest
from alembic.script import ScriptDirectory
from conftest import settings_for
from flask_migrate import check, downgrade, upgrade
from serving import ROOT
from sqlalchemy import inspect, text

from app import create_app
from demo.seed import seed
from flask_revalidation import write
from models import Comment, PostFilter, User, db

REVISIONS = [script.revision for script in ScriptDirectory(str(ROOT / "migrations")).walk_revisions()][::-1]


@pytest.fixture
def empty(tmp_path):
    """The application on a database that nothing has been done to."""
    app = create_app(settings_for(tmp_path))
    with app.app_context():
        yield app
        db.session.rollback()
        db.engine.dispose()


def ask(statement, **values):
    rows = [tuple(row) for row in db.session.execute(text(statement), values)]
    db.session.rollback()
    return rows


def schema():
    """Return what there is: tables with columns, keys and constraints, indexes, triggers, and whose ids only rise."""
    found = inspect(db.engine)
    tables = {}
    for name in found.get_table_names():
        if not name.startswith(("alembic_", "post_search_")):
            columns = {c["name"]: (str(c["type"]), c["nullable"], c["primary_key"]) for c in found.get_columns(name)}
            unique = sorted((c["name"], c["column_names"]) for c in found.get_unique_constraints(name))
            foreign = sorted(
                (c["name"], c["referred_table"], sorted(c["options"].items())) for c in found.get_foreign_keys(name)
            )
            tables[name] = columns, unique, foreign
    others = ask("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type != 'table' AND sql IS NOT NULL")
    rising = ask("SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'")
    return tables, sorted((kind, name, of, " ".join(sql.split())) for kind, name, of, sql in others), sorted(rising)


def test_every_step_down_leads_to_what_the_step_up_came_from(empty):
    on_the_way_up = {}
    for revision in REVISIONS:
        upgrade(revision=revision)
        on_the_way_up[revision] = schema()
    for revision in REVISIONS[-2::-1]:
        downgrade(revision=revision)
        assert schema() == on_the_way_up[revision], revision
    downgrade(revision="base")
    assert schema()[0] == {}
    for revision in REVISIONS:
        upgrade(revision=revision)
        assert schema() == on_the_way_up[revision], revision


def test_models_and_migrations_say_the_same(empty):
    upgrade()

    check()


def test_filled_database_goes_down_and_up_again_with_all_its_posts(empty):
    upgrade()
    with write(by="test"):
        seed()
    posts = "SELECT id, slug, title, body, published_at FROM post ORDER BY id"
    before = ask(posts), ask('SELECT * FROM "like" ORDER BY 1, 2'), ask("SELECT * FROM comment ORDER BY id")
    last_id = ask("SELECT seq FROM sqlite_sequence WHERE name = 'post'")
    for revision in REVISIONS[1::-1]:
        downgrade(revision=revision)
        upgrade()

    after = ask(posts), ask('SELECT * FROM "like" ORDER BY 1, 2'), ask("SELECT * FROM comment ORDER BY id")
    assert after == before
    assert ask("SELECT seq FROM sqlite_sequence WHERE name = 'post'") == last_id
    assert ask("PRAGMA foreign_key_check") == []


def test_table_made_anew_gives_no_id_twice(empty):
    upgrade()
    with write(by="test"):
        seed()
        last = User.find_author("ada").write("The last one")
        db.session.flush()
        last_id = last.id
        db.session.delete(last)
    downgrade(revision="0005")
    upgrade()

    with write(by="test"):
        post = User.find_author("ada").write("A later one")
        db.session.flush()
        assert post.id == last_id + 1


TRASH = """INSERT INTO trash (post_id, author_id, deleted_at, data) VALUES (9, 1, '2026-11-20 10:00:00.000000', '
{"post": {"id": 9, "slug": "s", "title": "Gone", "excerpt": "", "body": "zyzzyva", "body_html": "", "status": "draft",
  "publish_at": null, "published_at": "2026-11-01T08:00:00.250000+00:00", "created_at": "2026-10-01T08:00:00+00:00",
  "updated_at": "2026-11-01T08:00:00+00:00", "version": 3, "like_count": 1, "author_id": 1, "origin": null},
 "tags": ["known", "new"], "likes": [{"post_id": 9, "visitor": "v"}],
 "comments": [{"id": 4, "post_id": 9, "user_id": 1, "body": "Yes", "created_at": "2026-11-02T08:00:00+00:00"}]}')"""


def test_what_lies_in_the_trash_can_be_restored_after_the_upgrade_and_after_a_downgrade(empty):
    upgrade(revision="0005")
    with db.engine.connect().execution_options(write=True) as old:
        old.exec_driver_sql("INSERT INTO user VALUES (1,'A','a','a@b.test','','owner','x',NULL,'2026-01-01')")
        old.exec_driver_sql("INSERT INTO tag (name) VALUES ('known')")
        old.exec_driver_sql(TRASH)
        old.commit()

    upgrade()
    for _ in range(2):
        assert PostFilter(None).count() == 0
        db.session.rollback()
        downgrade(revision="0005")
        ((data,),) = ask("SELECT data FROM trash WHERE post_id = 9 AND deleted_at LIKE '2026-11-20 10:00%'")
        assert '"2026-11-01T08:00:00.250000+00:00"' in data
        assert ask("SELECT count(*) FROM post") == [(0,)]
        upgrade()

    with write(by="test"):
        post = User.find_author("a").find_post(9, deleted=True)
        post.restore()
        db.session.flush()
        assert (post.slug, post.version, [tag.name for tag in post.tags]) == ("s", 3, ["known", "new"])
        assert post.published_at.isoformat() == "2026-11-01T08:00:00.250000+00:00"
        assert [(comment.id, comment.body) for comment in Comment.under(post).rows] == [(4, "Yes")]
        assert db.session.execute(text('SELECT visitor FROM "like"')).all() == [("v",)]
        assert PostFilter(None, words="zyzzyva").count() == 1


COLUMN = "    origin: Mapped[str | None]"
NEW_COLUMNS = (
    "    reviewed_at: Mapped[datetime | None] = mapped_column(index=True)\n"
    '    audience: Mapped[str] = mapped_column(String(12), server_default="all", unique=True)\n'
)


def test_generated_migration_goes_up_and_down_and_up(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(
        ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(".git", ".venv", "data", "dist", "*_cache", "tests")
    )
    post = copy / "models/post.py"
    post.write_text(post.read_text().replace(COLUMN, NEW_COLUMNS + COLUMN))
    environment = {"DATA_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"}

    def flask_db(*arguments):
        command = [sys.executable, "-m", "flask", "db", *arguments]
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    app = create_app(settings_for(tmp_path))
    flask_db("upgrade")
    with app.app_context():
        before = schema()
    flask_db("migrate", "-m", "two columns")
    (made,) = (path for path in (copy / "migrations/versions").glob("*.py") if path.name not in names())
    flask_db("upgrade")
    with app.app_context():
        after = schema()
        flask_db("downgrade")
        assert schema() == before
        flask_db("upgrade")
        assert schema() == after
        db.engine.dispose()

    assert re.findall(r"sa\.Column\('reviewed_at', sa\.DateTime\(\)", made.read_text())
    assert "post_search" not in made.read_text()
    assert "No new upgrade operations" in flask_db("check")
    assert [trigger for trigger in after[1] if trigger[0] == "trigger"] != []
    assert ("post",) in after[2]


def names():
    return {path.name for path in (ROOT / "migrations/versions").glob("*.py")}

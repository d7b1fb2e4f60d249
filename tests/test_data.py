"""The database: durable, no writer starves, migrated once, filled the same each time."""

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg
import pytest
from conftest import ON_POSTGRES, give_to, settings_for
from postgres import environment_of
from serving import ROOT, serving
from sqlalchemy import select, text
from test_settings import GOOD

from app import create_app
from demo.marker import has_public_passwords
from demo.seed import POSTS, Source, seed
from flask_revalidation import Busy, retried, write
from models import ApiKey, Member, Message, Payment, Post, PostFilter, PostStatus, Setting, User, db
from models.setting import Switch
from models.text import first_words, slugify, to_html


@pytest.mark.sqlite("its pragmas")
def test_connections_are_durable_and_checked(app):
    with app.app_context():
        asked = ("journal_mode", "synchronous", "foreign_keys")
        found = [db.session.execute(text(f"PRAGMA {name}")).scalar() for name in asked]

    assert found == ["wal", 2, 1]


@pytest.mark.sqlite("PostgreSQL has sequences")
def test_no_id_is_given_twice(app):
    promised = {table.name for table in db.metadata.sorted_tables if table.kwargs.get("sqlite_autoincrement")}
    with app.app_context():
        made = db.session.execute(text("SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'")).scalars()

        assert "post" in promised
        assert set(made) >= promised


def test_read_modify_write_by_eight_writers_loses_nothing(make_app):
    app = make_app(testing=False)

    @retried
    def count_one():
        with app.app_context(), write(by="test"):
            Post.find_published("what-a-get-promises").like_count += 1

    def count_up(_):
        for _ in range(15):
            with suppress(Busy):  # on PostgreSQL they meet at one row, and eight times may not be enough
                count_one()
                counted.append(1)

    counted = []
    with app.app_context():
        start = Post.find_published("what-a-get-promises").like_count
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(count_up, range(8)))

    with app.app_context():
        assert Post.find_published("what-a-get-promises").like_count == start + len(counted)
    assert len(counted) == 120 or ON_POSTGRES
    assert len(counted) > 60


WRITER = """
import sys
from app import create_app
from models import Message
from flask_revalidation import retried, write
app = create_app()
@retried
def send():
    with app.app_context(), write(by="test", patience=30):
        Message.send(name=sys.argv[1], email="x@x.example", body="x")
print("ready", flush=True)
sys.stdin.readline()
for _ in range(30):
    send()
"""


def test_eight_writers_at_once_all_get_on(app, data_dir):
    environment = {"DATA_DIR": str(data_dir), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    environment |= environment_of(data_dir)
    piped = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", WRITER]
    writers = [subprocess.Popen([*command, f"writer {n}"], env=environment, **piped) for n in range(8)]
    if any(writer.stdout.readline() != "ready\n" for writer in writers):
        pytest.fail("\n".join(writer.communicate(timeout=120)[1] for writer in writers))

    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    finished = [writer.communicate(timeout=120) for writer in writers]

    assert finished == [("", "")] * 8
    with app.app_context():
        query = select(Message.name).where(Message.name.startswith("writer")).order_by(Message.id)
        names = db.session.scalars(query).all()
    assert len(names) == 240
    assert set(Counter(names).values()) == {30}


@pytest.mark.sqlite("it holds the file")
def test_write_that_cannot_start_is_busy_and_leaves_no_lock_behind(app, data_dir):
    import sqlite3

    other = sqlite3.connect(data_dir / "hallway.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with app.app_context(), pytest.raises(Busy), write(by="test"):
        pass
    other.execute("ROLLBACK")
    other.close()

    with app.app_context(), write(by="test"):
        pass


def test_seed_is_the_same_each_time_and_happens_once(app):
    with app.app_context():
        counts = [PostFilter(status).count() for status in PostStatus]
        members, letters, months = (
            Member.count_by_status()["active"],
            len(Message.inbox().rows),
            len(dict(Payment.by_month())["eur"]),
        )
        with write(by="test"):
            assert seed() is False

    assert counts == [2, 2, 20]
    assert (members, letters) == (167, 9)
    assert months in (11, 12)


def test_demo_posts_are_prose_of_the_promised_length():
    sources = list(Source.read_all())

    assert len(sources) == len(list(POSTS.glob("*.md"))) == 24
    for source in sources:
        assert 300 <= len(source.body.split()) <= 700, source.head["slug"]
        assert slugify(source.head["slug"]) == source.head["slug"]
        assert len(source.head["excerpt"]) <= 200


def test_every_link_between_the_demo_posts_leads_somewhere(app, ada):
    import re

    slugs = {source.head["slug"] for source in Source.read_all()}
    links = {link for source in Source.read_all() for link in re.findall(r"\]\(/blog/([^)]*)\)", source.body)}

    assert len(links) > 10
    assert links <= slugs


def test_two_servers_started_at_once_on_an_empty_directory_both_come_up(tmp_path):
    data = tmp_path / "empty"
    data.mkdir()
    environment = {"DATA_DIR": str(data), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "flask", "prepare"]
    both = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60) for process in both]

    assert [process.returncode for process in both] == [0, 0], outputs
    assert sum("The demo is filled" in output for output, _ in outputs) == 1
    with serving(data, workers=1) as one, serving(data, workers=1) as other:
        assert one.url != other.url
        assert one.stop() == 0


@pytest.mark.postgresql
def test_connection_that_is_lost_after_the_answer_was_made_costs_nobody_the_answer(make_app, data_dir):
    app, url = make_app(testing=False), environment_of(data_dir)["DATABASE_URL"].replace("+psycopg", "")

    @app.after_request
    def lose_it(response):
        with psycopg.connect(url, autocommit=True) as other:
            here = "datname = current_database() AND pid <> pg_backend_pid()"
            other.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {here}")
        return response

    assert [app.test_client().get("/blog").status_code for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("marked", [True, False])
def test_production_does_not_open_a_database_whose_passwords_are_public(app, data_dir, marked):
    production = GOOD | {"DATA_DIR": str(data_dir), "PATH": "/usr/bin:/bin"} | environment_of(data_dir) | {"DEMO": "0"}
    give_to(settings_for(data_dir).database, demo=marked)
    command = [sys.executable, "-m", "flask", "prepare"]

    refused = subprocess.run(command, cwd=ROOT, env=production, capture_output=True, text=True, timeout=60)

    assert refused.returncode == 1
    assert "its passwords are public" in refused.stderr


def test_public_passwords_are_found_until_the_last_is_gone(app):
    def opens():
        return has_public_passwords(db.session.connection())

    with app.app_context():
        with write(by="test"):
            assert opens()
            for person in db.session.query(User):
                person.disable()
            db.session.flush()
            assert not opens()
            ada = db.session.query(User).filter_by(handle="ada").one()
            ada.disabled_at, ada.password_hash = None, "changed"
            db.session.flush()
            assert opens(), "the partner's key still opens it"
            ApiKey.named("PARTNERKEY").revoke()
            db.session.flush()
            assert not opens()
        db.session.rollback()


def test_migrated_database_without_demo_is_empty(tmp_path):
    app = create_app(settings_for(tmp_path / "d", DEMO="0", SECRET_KEY="kX9vQ2mP7rT4wY8zB3nC6fH1jL5sD0gA",
                                  PUBLIC_URL="http://localhost", TRUSTED_HOSTS="localhost"), testing=True)  # fmt: skip
    from flask_migrate import upgrade

    with app.app_context():
        upgrade()
        assert PostFilter(None).count() == 0
        assert Setting.is_on(Switch.COMMENTS)
        db.session.rollback()
        db.engine.dispose()
    assert "Nothing is published yet" in app.test_client().get("/").text
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("[a](https://x.example)", '<p><a href="https://x.example" rel="nofollow noopener ugc">a</a></p>'),
        ("[a](javascript:alert(1))", '<p><a rel="nofollow noopener ugc">a</a></p>'),
        ("<b onclick=x>b</b>", "<p>&lt;b onclick=x&gt;b&lt;/b&gt;</p>"),
        ("| a |\n|---|\n| ~~b~~ |", "<del>b</del>"),
        ("```python\nx = 1\n```", '<code class="language-python">'),
    ],
)
def test_markdown_becomes_harmless_html(markdown, html):
    assert html in to_html(markdown)


def test_excerpt_is_plain_text_cut_between_words():
    assert first_words(to_html("# Head\n\nFish & *chips* <b>x</b> `a < b`.\n\nMore.")) == "Fish & chips <b>x</b> a < b."
    assert first_words(to_html("word " * 100)).endswith("word…")
    assert len(first_words(to_html("word " * 100))) <= 180


def test_slug_is_ascii_words():
    assert slugify("  Ünïcode & “quotes” — 100 %! ") == "unicode-quotes-100"
    assert not slugify("x" * 79 + " y").endswith("-")


def test_data_survives_the_migration_to_the_door(tmp_path):
    from flask_migrate import upgrade

    app = create_app(settings_for(tmp_path))
    with app.app_context():
        upgrade(revision="0001")
        with db.engine.connect().execution_options(write=True) as old:
            old.exec_driver_sql("INSERT INTO user VALUES (1,'A','a','a@b.test','','owner','x',NULL,'2026-01-01')")
            old.exec_driver_sql(
                "INSERT INTO post (id, slug, title, excerpt, body, body_html, status, created_at, updated_at, version,"
                " like_count, author_id) VALUES (7,'s','T','','','','draft','2026-01-01','2026-01-01',1,1,1)"
            )
            old.exec_driver_sql("INSERT INTO \"like\" (post_id, visitor) VALUES (7, 'v')")
            old.exec_driver_sql("INSERT INTO member VALUES (3,'m@b.test','monthly','active','cus_1','2026-01-01')")
            old.exec_driver_sql("INSERT INTO payment VALUES (1,'in_1',3,600,'eur','2026-01-01')")
            old.commit()

        upgrade()

        counts = [db.session.execute(text(f'SELECT count(*) FROM "{t}"')).scalar() for t in ("post", "like", "payment")]
        assert counts == [1, 1, 1]
        assert db.session.execute(text("SELECT email FROM member")).scalar() == "m@b.test"
        assert db.session.execute(text("PRAGMA foreign_key_check")).all() == []
        assert db.session.execute(text("PRAGMA foreign_keys")).scalar() == 1

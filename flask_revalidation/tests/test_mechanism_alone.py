"""The mechanism in an application that is not ours: promises, mistakes, strictness, several applications."""

from contextlib import suppress

import pytest
from flask import Flask, current_app, render_template_string, session
from flask_sqlalchemy import SQLAlchemy
from notes_app import Base, Note, close, make, read
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, PendingRollbackError, ResourceClosedError

from flask_revalidation import (
    Busy,
    ForgottenRevalidation,
    Mistake,
    PrivateRead,
    Revalidation,
    WriteOutsideTransaction,
    cached,
    cached_page,
    revalidate_everything,
    revalidate_path,
    revalidate_tag,
    write,
)
from flask_revalidation.store import Entry, Fill

HERE = r"test_mechanism_alone\.py:\d+"


@pytest.fixture
def app(tmp_path):
    made = make(tmp_path)
    yield made
    close(made)


@pytest.fixture
def strict(tmp_path):
    made = make(tmp_path, strict=True)
    yield made
    close(made)


def add(app, text, *tags):
    with app.app_context(), write("a test"):
        app.extensions["db"].session.add(Note(text=text))
        revalidate_tag(*tags)


def test_committed_write_is_seen_by_the_next_reader_of_every_worker(tmp_path):
    workers = [make(tmp_path, create=number == 0) for number in range(3)]
    assert [read(worker) for worker in workers] == ["", "", ""]

    add(workers[0], "tea", "notes")

    assert [read(worker) for worker in workers] == ["tea"] * 3
    close(*workers)


def test_rollback_revalidates_nothing(app):
    etag = app.test_client().get("/").headers["ETag"]

    with app.app_context(), pytest.raises(ZeroDivisionError), write("a test"):
        app.extensions["db"].session.add(Note(text=str(1 / 0)))

    assert app.test_client().get("/", headers={"If-None-Match": etag}).status_code == 304


@pytest.mark.parametrize("act", ["add", "core", "engine"])
def test_forgotten_revalidation_is_noticed_whatever_wrote(app, act):
    db = app.extensions["db"]
    assert read(app) == ""

    with app.app_context(), pytest.raises(ForgottenRevalidation, match="changed table note, which the cached copy"):
        if act == "engine":
            with db.engine.begin() as connection:
                connection.execute(insert(Note).values(text="x"))
        else:
            with write("a test"):
                db.session.add(Note(text="x")) if act == "add" else db.session.execute(insert(Note).values(text="x"))

    assert read(app) == ""


def test_commit_elsewhere_keeps_working_and_is_watched_in_development(tmp_path):
    watched, plain = make(tmp_path), make(tmp_path, detect=False, create=False)
    read(watched)

    with plain.app_context():
        plain.extensions["db"].session.add(Note(text="tea"))
        plain.extensions["db"].session.commit()
    with watched.app_context():
        watched.extensions["db"].session.add(Note(text="jam"))
        with pytest.raises(ForgottenRevalidation, match=rf"The commit at .*{HERE} changed table note"):
            watched.extensions["db"].session.commit()

    with plain.app_context():
        assert plain.extensions["db"].session.scalars(select(Note.text)).all() == ["tea"]
    close(watched, plain)


def suggestion(app, tags, table="note"):
    with app.app_context():
        cached("part", tags=tags, render=lambda: str(app.extensions["db"].session.scalars(select(Note.text)).all()))
        with pytest.raises(ForgottenRevalidation) as noticed, write("a test"):
            app.extensions["db"].session.add(Note(text="x"))
    return str(noticed.value)


@pytest.mark.parametrize(
    ("tags", "remedy"),
    [
        (["weather", "notes", "settings"], 'Add revalidate_tag("notes").'),
        (["weather", "my-notes"], 'Add revalidate_tag("my-notes").'),
        (["weather", "settings"], "Give that part a tag for them, and revalidate it here."),
    ],
)
def test_detector_suggests_the_tag_that_fits_and_never_an_unrelated_one(app, tags, remedy):
    message = suggestion(app, tags)

    assert message.endswith(remedy)
    assert "weather" not in message.partition("Readers would")[2]


def test_page_whose_tags_do_not_fit_is_revalidated_by_its_path(app):
    view = cached_page(tags=["weather"])(lambda: read_notes(app))
    app.add_url_rule("/odd", view_func=view, endpoint="odd")
    read(app, "/odd")

    with app.app_context(), pytest.raises(ForgottenRevalidation, match=r'Add revalidate_path\("/odd"\)\.$'), write("t"):
        app.extensions["db"].session.add(Note(text="x"))


def read_notes(app):
    return " ".join(app.extensions["db"].session.scalars(select(Note.text)))


def test_version_once_read_is_never_replaced_by_a_later_one():
    fill = Fill("outer", {"notes": "first"})

    fill.add(Entry("inner", {"notes": "later", "other": "1"}))

    assert fill.versions == {"notes": "first", "other": "1"}
    assert not fill.agree


def test_copy_around_a_part_that_is_not_kept_is_not_kept_either():
    fill = Fill("outer", {"notes": "first"})

    fill.add(Entry("inner", {"notes": "first"}, kept=False))

    assert not fill.agree


def test_copies_are_kept_again_after_everything_was_revalidated(app):
    add(app, "tea", "notes")
    with app.app_context(), write("a test"):
        revalidate_everything()

    assert read(app) == "tea"
    assert len(app.extensions["revalidation"].store.entries()) == 1


def test_copy_whose_parts_saw_different_versions_is_not_kept(app, monkeypatch):
    seen = iter(["1", "2", "3", "4", "5"])
    monkeypatch.setattr("flask_revalidation.cache.read_versions", lambda _db, tags: dict.fromkeys(tags, next(seen)))

    with app.app_context():
        cached("outer", tags=["a"], render=lambda: f"<{cached('inner', tags=['a'], render=lambda: 'x')}>")

    kept = [entry.key for entry in app.extensions["revalidation"].store.entries()]
    assert not any("outer" in key for key in kept)


@pytest.mark.parametrize("act", ["flush", "core", "engine"])
def test_strict_application_refuses_a_write_outside_and_names_the_line(strict, act):
    db = strict.extensions["db"]

    with strict.app_context(), pytest.raises(WriteOutsideTransaction, match=rf"{HERE} writes to table note outside"):
        if act == "flush":
            db.session.add(Note(text="x"))
            db.session.flush()
        elif act == "core":
            db.session.execute(insert(Note).values(text="x"))
        else:
            with db.engine.begin() as connection:
                connection.execute(text("INSERT INTO note (text) VALUES ('x')"))


def test_strict_readers_cannot_write_whatever_the_statement(strict):
    with strict.app_context(), pytest.raises((OperationalError, WriteOutsideTransaction)):
        strict.extensions["db"].session.execute(text("/* hidden */ DELETE FROM note"))


def test_strict_application_makes_its_tables(tmp_path):
    app = make(tmp_path, strict=True, create=False)

    with app.app_context():
        app.extensions["db"].create_all()
        app.extensions["db"].drop_all()
        app.extensions["db"].create_all()
    assert read(app) == ""
    close(app)


@pytest.mark.parametrize("name", ["commit", "rollback", "close", "reset", "invalidate"])
def test_ending_the_transaction_inside_a_write_is_refused_before_anything_is_written(app, name):
    sentence = rf"{HERE} calls {name}\(\) inside the write of a test\. Take it out"

    with app.app_context(), pytest.raises(Mistake, match=sentence), write("a test"):
        app.extensions["db"].session.add(Note(text="half"))
        getattr(app.extensions["db"].session(), name)()

    assert read(app) == ""


def test_write_that_has_lost_its_transaction_to_a_swallowed_error_is_no_success(app):
    with app.app_context(), pytest.raises(PendingRollbackError), write("a test") as running:
        running.add(Note(text=None))
        with suppress(IntegrityError):
            running.flush()


def test_write_whose_transaction_was_ended_behind_its_back_is_no_success(app):
    with app.app_context(), pytest.raises(ResourceClosedError), write("a test") as running:
        running.add(Note(text="half"))
        running.get_transaction().rollback()


def test_refused_write_leaves_nothing_in_the_session_either(app):
    db = app.extensions["db"]
    add(app, "tea", "notes")
    assert read(app) == "tea"

    with app.app_context():
        note = db.session.scalars(select(Note)).one()
        with pytest.raises(ForgottenRevalidation), write("a test"):
            note.text = "jam"
        assert note.text == "tea"


def test_write_inside_a_write_is_refused(app):
    sentence = rf"{HERE}: inner asks for a second write inside that of outer\. Take out the inner"

    with app.app_context(), pytest.raises(Mistake, match=sentence), write("outer"), write("inner"):
        pass


@pytest.mark.parametrize("revalidate", [revalidate_tag, revalidate_path])
def test_revalidation_outside_a_write_is_refused(app, revalidate):
    with app.app_context(), pytest.raises(Mistake, match=rf"{HERE} calls {revalidate.__name__} outside of a write\."):
        revalidate("notes")


def test_missing_table_is_said_in_a_sentence(tmp_path):
    app = make(tmp_path, create=False)

    with pytest.raises(
        Mistake, match=r"has no table revalidation_tag, or nothing in it\. Call `Revalidation\(app, db\)`"
    ):
        read(app)
    close(app)


def test_extension_before_its_database_is_refused():
    with pytest.raises(Mistake, match=r"'early' has no such database yet\. Write `db\.init_app\(app\)` before"):
        Revalidation(Flask("early"), SQLAlchemy(model_class=Base))


def test_cached_page_without_the_extension_names_the_view():
    app = Flask("bare")
    app.add_url_rule("/", view_func=cached_page()(lambda: "x"), endpoint="x")
    app.testing = True

    with pytest.raises(Mistake, match=rf"@cached_page on <lambda> \(.*{HERE}\): the application 'bare' has no Revalid"):
        app.test_client().get("/")


def test_private_read_in_a_cached_part_names_the_line(app):
    @app.get("/me")
    @cached_page()
    def me():
        return session.get("name", "nobody")

    with pytest.raises(PrivateRead, match=rf"is cached for everyone, yet .*{HERE} reads the session\. Read it outside"):
        read(app, "/me")


def test_private_read_in_a_template_names_the_templates_line(app):
    @app.get("/me")
    @cached_page()
    def me():
        return render_template_string("line one\n{{ session.name }}")

    with pytest.raises(PrivateRead, match=r"reads the session"):
        read(app, "/me")


def test_session_interface_of_the_application_is_guarded_too(app):
    class Mine(dict):
        accessed = modified = new = permanent = False

    class Interface(type(app.session_interface)):
        def open_session(self, app, request):
            return Mine()

        def save_session(self, app, session, response): ...

    app.session_interface = Interface()

    @app.get("/me")
    @cached_page()
    def me():
        return str("name" in session)

    with pytest.raises(PrivateRead):
        read(app, "/me")


def test_two_applications_of_one_database_handle(tmp_path):
    db = SQLAlchemy(model_class=Base)
    one, other = make(tmp_path, "one", db), make(tmp_path, "other", db)

    add(one, "tea", "notes")
    add(other, "jam", "notes")

    assert (read(one), read(other)) == ("tea", "jam")
    close(one, other)


def test_write_of_one_application_beside_a_write_of_another(tmp_path):
    one, other = make(tmp_path, "one"), make(tmp_path, "other")

    with one.app_context(), write("outer"):
        add(other, "jam", "notes")
        assert current_app._get_current_object() is one

    assert read(other) == "jam"
    close(one, other)


def test_tables_of_another_bind_are_read_and_are_not_part_of_the_write(tmp_path):
    db, app = SQLAlchemy(), Flask("binds")
    app.config.update(
        SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/a.db", SQLALCHEMY_BINDS={"log": f"sqlite:///{tmp_path}/b.db"}
    )

    class Entry(db.Model):
        __bind_key__ = "log"
        id = db.Column(db.Integer, primary_key=True)

    db.init_app(app)
    Revalidation(app, db)
    with app.app_context():
        db.create_all()
        with write("a test"):
            revalidate_tag("log")
        db.session.add(Entry())
        db.session.commit()
        assert cached("log", tags=["log"], render=lambda: str(db.session.query(Entry).count())) == "1"
        for engine in db.engines.values():
            engine.dispose()


def test_listeners_are_there_once_however_often_an_application_is_made(tmp_path):
    db, statements = SQLAlchemy(model_class=Base), []
    apps = [make(tmp_path, "same", db, create=number == 0) for number in range(3)]
    monkey = apps[2]
    with monkey.app_context():
        from sqlalchemy import event

        event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
        with write("a test"):
            revalidate_tag("notes")

    assert sum("revalidation_tag" in statement for statement in statements) == 1
    close(*apps)


def test_database_in_memory_works():
    app, db = Flask("memory"), SQLAlchemy(model_class=Base)
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db.init_app(app)
    Revalidation(app, db, strict=True)

    with app.app_context():
        db.create_all()
        with write("a test"):
            db.session.add(Note(text="tea"))
            revalidate_tag("notes")
        assert db.session.scalars(select(Note.text)).all() == ["tea"]
        db.session.rollback()
        db.engine.dispose()


def test_busy_database_is_refused_in_time(tmp_path):
    app, neighbour = make(tmp_path, patience=0.05), make(tmp_path, create=False)

    with neighbour.app_context(), write("a slow one"), app.app_context(), pytest.raises(Busy), write("late"):
        pass

    close(app, neighbour)


def test_what_server_actions_look_for_is_there(app):
    options = app.extensions["revalidation"].server_actions

    with app.app_context(), options["transaction"]("a test") as running:
        assert running.connection()
    assert options["is_shared"]() is False
    assert options["personal_environ"] == {"revalidation.personal": True}
    assert options["busy"] == (Busy, TimeoutError)
    assert options["retried"](lambda text: text)("tea") == "tea"

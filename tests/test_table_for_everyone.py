"""The table of posts for those without a key: made once for everyone who asks, never old, and never one caller's."""

import os
import stat
import tempfile
import threading
from pathlib import Path

import pytest
from api_client import Caller, issue_key, refusal
from conftest import ON_POSTGRES
from test_api_export import in_table

import api.v1.export
from api.v1.export import COLUMNS
from flask_revalidation import revalidate_everything, revalidate_tag, write
from models import Post, User, db

TABLE = "/posts.csv"


@pytest.fixture
def made(monkeypatch):
    """How often rows were read for an export: one entry each."""
    posts, made = api.v1.export._posts, []
    monkeypatch.setattr(api.v1.export, "_posts", lambda: made.append(1) or posts())
    return made


@pytest.fixture
def stranger(app):
    return Caller(app)


@pytest.fixture
def ada(app):
    return Caller(app, issue_key(app, "ada"))


def kept(app):
    """Return the files that are kept for strangers."""
    folder = Path(app.config["DATA_DIR"], "exports")
    return sorted(folder.iterdir()) if folder.is_dir() else []


def write_something(app):
    with app.app_context(), write(by="test"):
        revalidate_tag("posts")


# --- once for all ---------------------------------------------------------------------------------------------------


def test_table_is_made_once_for_all_strangers_and_all_workers(app, make_app, made):
    other = make_app()

    answers = [Caller(one).get(TABLE) for one in (app, app, other, other)]

    assert made == [1]
    assert {answer.data for answer in answers} == {answers[0].data}
    assert {answer.headers["ETag"] for answer in answers} == {f'"{kept(app)[0].name}"'}
    assert {row["status"] for row in in_table(answers[-1])} == {"published"}
    assert {int(answer.headers["Content-Length"]) for answer in answers} == {len(answers[0].data)}


def test_client_that_has_the_table_is_told_so_and_whoever_wants_another_state_too(stranger, made):
    first = stranger.get(TABLE)
    etag = first.headers["ETag"]

    again, weak, any_state = (stranger.get(TABLE, If_None_Match=tag) for tag in (etag, f'"x", W/{etag}', "*"))

    assert [answer.status_code for answer in (again, weak, any_state)] == [304] * 3
    assert [answer.data for answer in (again, weak, any_state)] == [b""] * 3
    assert again.headers["ETag"] == etag
    assert stranger.get(TABLE, If_None_Match='"another"').data == first.data
    assert stranger.get(TABLE, If_Match=etag).data == stranger.get(TABLE, If_Match="*").data == first.data
    assert refusal(stranger.get(TABLE, If_Match='"another"')) == (412, "changed")
    assert refusal(stranger.get(TABLE, If_Match=f"W/{etag}")) == (412, "changed")
    assert made == [1]


def test_head_tells_the_same_without_a_body_and_makes_nothing_anew(stranger, made):
    whole = stranger.get(TABLE)
    head = stranger.send("HEAD", TABLE)

    assert head.status_code == 200
    assert head.data == b""
    for name in ("ETag", "Content-Length", "Content-Type", "Cache-Control", "Vary", "Content-Disposition"):
        assert head.headers[name] == whole.headers[name]
    assert stranger.send("HEAD", TABLE, headers={"If_None_Match": whole.headers["ETag"]}).status_code == 304
    assert made == [1]


def test_caches_may_keep_it_but_ask_and_tell_keys_apart(stranger, ada):
    assert "no-cache" in stranger.get(TABLE).headers["Cache-Control"]
    assert ada.get(TABLE).headers["Cache-Control"] == "private, no-cache"
    assert [caller.get(TABLE).headers["Vary"] for caller in (stranger, ada)] == ["Authorization"] * 2


def test_two_machines_name_the_same_table_by_the_same_etag(app, make_app, tmp_path, stranger):
    url = app.config["SQLALCHEMY_DATABASE_URI"].render_as_string(hide_password=False)
    other = make_app(DATA_DIR=str(tmp_path / "other"), DATABASE_URL=url)
    here, there = stranger.get(TABLE), Caller(other).get(TABLE)

    assert here.headers["ETag"] == there.headers["ETag"]
    assert here.data == there.data
    assert Caller(other).get(TABLE, If_None_Match=here.headers["ETag"]).status_code == 304

    write_something(app)

    assert Caller(other).get(TABLE).headers["ETag"] == stranger.get(TABLE).headers["ETag"] != here.headers["ETag"]


def test_another_address_of_the_site_is_another_table(app, make_app, stranger):
    moved = Caller(make_app(PORT="8123")).get(TABLE)

    assert moved.headers["ETag"] != stranger.get(TABLE).headers["ETag"]
    assert {row["url"].partition("/blog")[0] for row in in_table(moved)} == {"http://127.0.0.1:8123"}


# --- never old ------------------------------------------------------------------------------------------------------


def test_after_every_kind_of_write_the_table_is_what_the_list_says(app, stranger, ada):
    def by_hand():
        with app.app_context(), write(by="users"):
            User.find_author("bob").handle = "robert"
            revalidate_everything()

    def restore():
        with app.app_context(), write(by="test"):
            post = db.session.get(Post, post_id, execution_options={"include_deleted": True})
            post.restore()
            revalidate_tag(*post.cache_tags)

    post_id = ada.post("/posts", {"title": "Fresh", "slug": "fresh", "body": "One."}).json["id"]
    steps = [
        lambda: ada.put("/posts/fresh/publication"),
        lambda: ada.patch("/posts/fresh", {"title": "Fresher"}),
        lambda: ada.patch("/posts/fresh", {"tags": ["new-word"]}),
        lambda: ada.patch("/posts/fresh", {"excerpt": "Another beginning."}),
        lambda: ada.delete("/posts/fresh/publication"),
        lambda: ada.put("/posts/fresh/publication"),
        lambda: ada.delete("/posts/fresh"),
        restore,
        by_hand,
    ]
    seen = {stranger.get(TABLE).headers["ETag"]}
    for number, step in enumerate(steps):
        step()
        answer, posts = stranger.get(TABLE), stranger.every("/posts?limit=100")
        table = {row["slug"]: row for row in in_table(answer)}
        assert table.keys() == {post["slug"] for post in posts}, number
        for post in posts:
            told = {**post, "author": post["author"]["handle"], "tags": " ".join(post["tags"])}
            assert {name: table[post["slug"]][name].removeprefix("'") for name in COLUMNS} == {
                name: str(told[name]) for name in COLUMNS
            }, number
        seen.add(answer.headers["ETag"])
    assert len(seen) == len(steps) + 1
    assert stranger.get(TABLE).text.count("robert") > 0


def test_table_that_was_begun_before_a_write_is_not_kept_as_the_one_after_it(app, stranger, monkeypatch):
    """The version that names a copy is of the snapshot that its rows are of, whatever is written while it is made."""
    posts, written = api.v1.export._posts, []

    def write_meanwhile():
        with app.app_context(), write(by="test") as session:
            session.get(Post, 1).title = "Written meanwhile"
            revalidate_tag("posts")

    def posts_and_meanwhile():
        if not written:
            written.append(1)
            other = threading.Thread(target=write_meanwhile)
            other.start()
            other.join()
        return posts()

    monkeypatch.setattr(api.v1.export, "_posts", posts_and_meanwhile)
    first, second = stranger.get(TABLE), stranger.get(TABLE)

    assert written
    assert first.headers["ETag"] != second.headers["ETag"]
    assert [answer.text.count("Written meanwhile") for answer in (first, second)] == [0, 1]


def test_rolled_back_write_leaves_the_table_alone(app, stranger, made):
    stranger.get(TABLE)
    with pytest.raises(ZeroDivisionError), app.app_context(), write(by="test"):
        revalidate_tag("posts")
        raise ZeroDivisionError

    stranger.get(TABLE)

    assert made == [1]


# --- never one caller's ---------------------------------------------------------------------------------------------


def test_what_a_key_sees_is_never_kept(app, stranger, ada):
    ada.post("/posts", {"title": "Nobody's but mine", "body": "A secret draft."})

    assert "but mine" in ada.get(TABLE).text
    assert "secret draft" in ada.get("/export").text
    assert kept(app) == []
    assert "but mine" not in stranger.get(TABLE).text
    assert "but mine" in ada.get(TABLE).text
    assert ada.get(TABLE, If_None_Match=stranger.get(TABLE).headers["ETag"]).status_code == 200
    assert [file.read_bytes().count(b"but mine") for file in kept(app)] == [0]


def test_key_that_is_none_gets_no_table_though_there_is_one(app, stranger):
    stranger.get(TABLE)

    for credential in ("Bearer hd_AAAAAAAAAA_wrong", "Bearer ", "Basic YTpi", ""):
        answer = stranger.get(TABLE, Authorization=credential)
        assert refusal(answer) == (401, "key-needed"), credential


# --- what is on the disk --------------------------------------------------------------------------------------------


def test_one_copy_is_kept_closed_to_others_and_leftovers_of_the_dead_go(app, stranger):
    stranger.get(TABLE)
    folder = kept(app)[0].parent
    for name in ("tmpabcdefgh", "tmpanother", "0" * 40):  # of workers that died while they made one
        (folder / name).write_text("half a table")
    (first, *_) = kept(app)
    write_something(app)

    stranger.get(TABLE)

    (copy,) = kept(app)
    assert copy != first
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_copy_gets_its_name_when_it_is_whole_and_on_disk(stranger, monkeypatch):
    seen, link = [], os.link
    monkeypatch.setattr(os, "fsync", lambda number: seen.append(os.fstat(number).st_size))
    monkeypatch.setattr(os, "link", lambda *names: seen.append(Path(names[0]).stat().st_size) or link(*names))

    size = int(stranger.get(TABLE).headers["Content-Length"])

    assert seen == [size, size]


def test_reader_of_a_copy_that_is_replaced_gets_it_whole(app, stranger):
    whole = stranger.get(TABLE).data
    reading = app.test_client().get(f"/api/v1{TABLE}")
    write_something(app)
    stranger.get(TABLE)

    assert reading.data == whole
    reading.close()


def no_space(*_, **__):
    raise OSError(28, "No space left on device")


CANNOT = {
    "the folder is a file": lambda folder, _: folder.write_text("in the way"),
    "no name can be given": lambda _, patch: patch.setattr(os, "link", no_space),
    "nothing gets to the disk": lambda _, patch: patch.setattr(os, "fsync", no_space),
    "no file can be made there": lambda _, patch: patch.setattr(tempfile, "NamedTemporaryFile", no_space),
    "old ones stay": lambda _, patch: patch.setattr(Path, "unlink", no_space),
}


@pytest.mark.parametrize("why", CANNOT)
def test_table_that_cannot_be_kept_is_answered_all_the_same(app, stranger, monkeypatch, why):
    with monkeypatch.context() as patch:
        CANNOT[why](Path(app.config["DATA_DIR"], "exports"), patch)
        answers = [stranger.get(TABLE) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.headers["ETag"] for answer in answers}) == 1
    assert {row["slug"] for row in in_table(answers[-1])} == {p["slug"] for p in stranger.every("/posts?limit=100")}
    assert all(len(file.name) == 40 for file in kept(app))  # what was begun is gone


def test_fault_while_it_is_made_keeps_nothing(make_app, monkeypatch):
    app = make_app(testing=False)
    with monkeypatch.context() as patch:
        patch.setattr(api.v1.export, "harmless", lambda _: 1 / 0)
        assert [refusal(Caller(app).get(TABLE)) for _ in range(5)] == [(500, "fault")] * 5
    assert kept(app) == []
    assert Caller(app).get(TABLE).status_code == 200


def test_many_who_ask_at_once_get_one_table_or_are_told_to_come_back(app, make_app):
    apps, answers = [app, make_app()], []
    readers = [
        threading.Thread(target=lambda n=n: answers.append(Caller(apps[n % 2]).get(TABLE)), name=str(n))
        for n in range(12)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()

    good = [answer for answer in answers if answer.status_code == 200]
    assert {refusal(answer) for answer in answers if answer not in good} <= {(503, "busy")}
    assert len({answer.data for answer in good}) == len({answer.headers["ETag"] for answer in good}) == 1
    assert len(kept(app)) == 1


@pytest.mark.skipif(ON_POSTGRES, reason="about the folder alone")
def test_folder_that_somebody_emptied_is_filled_again(app, stranger, made):
    for _ in range(2):
        stranger.get(TABLE)
        kept(app)[0].unlink()
    stranger.get(TABLE)

    assert made == [1] * 3
    assert len(kept(app)) == 1

"""Keys to the door: their shape, what they open, and that they are found nowhere but in their owner's hands."""

import logging
import re
import string
import threading

import pytest
from api_client import QUOTA, Caller, issue_key, refusal
from scenarios import DRAFT, PUBLISHED, fingerprint
from sqlalchemy import event, select

import api.v1.operation
from flask_revalidation import revalidate_everything, write
from models import ApiKey, Scope, User, db, now

LETTERS = string.digits + string.ascii_letters


@pytest.fixture
def key(app):
    """A key of the owner's, for everything."""
    return issue_key(app, "ada")


@pytest.fixture
def statements(app):
    """What is asked of the database, from now on."""
    asked = []
    with app.app_context():
        engine = db.engine

    def note(_connection, _cursor, statement, *_):
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


def change(app, text, deed):
    """Do something to the row of a key, in a write of its own."""
    with app.app_context(), write(by="test"):
        deed(db.session.scalar(select(ApiKey).where(ApiKey.key_id == text.split("_")[1])))


def test_key_has_an_id_and_a_secret_of_226_bits(app):
    keys = {issue_key(app, "ada") for _ in range(50)}

    assert len(keys) == 50
    assert all(re.fullmatch(r"hd_[0-9A-Za-z]{10}_[0-9A-Za-z]{38}", key) for key in keys)
    assert {letter for key in keys for letter in key[14:]} == set(LETTERS)


def test_key_is_found_by_one_query(app, key, statements):
    with app.app_context():
        assert ApiKey.authenticate(key)

    assert len([statement for statement in statements if statement.startswith("SELECT")]) == 1


def test_every_change_of_one_character_is_refused(app, key, statements):
    assert Caller(app, key).get("/me").status_code == 200
    changed = {key[:n] + letter + key[n + 1 :] for n in range(len(key)) for letter in LETTERS} - {key}
    misshapen = {key[:n] + letter + key[n + 1 :] for n in range(len(key)) for letter in "_-é"} - {key}
    misshapen |= {key[:n] + key[n + 1 :] for n in range(len(key))} | {
        key[:n] + key[n] + key[n:] for n in range(len(key))
    }

    with app.app_context():
        assert [text for text in changed if ApiKey.authenticate(text)] == []
        statements.clear()
        assert [text for text in misshapen if ApiKey.authenticate(text)] == []
    assert statements == []
    for text in sorted(changed)[::200]:
        assert refusal(Caller(app, text).get("/me")) == (401, "key-needed")


def test_key_issued_with_check_digits_still_works(app):
    old = "hd_PARTNERKEY_DemoPartnerKeyForEveryoneToSee002xf1mo"  # issued by the demo, since its first release

    assert Caller(app, old).get("/me").status_code == 200


def test_invented_key_with_the_id_of_another_opens_nothing(app, key):
    for text in (f"{key[:14]}{'A' * 38}", f"hd_{'A' * 10}_{'A' * 38}", f"hd_{'A' * 10}_{key[14:]}"):
        assert refusal(Caller(app, text).get("/me")) == (401, "key-needed")


@pytest.mark.sqlite("it reads the file")
def test_secret_is_in_no_table_no_file_no_log_and_no_answer(make_app, data_dir, caplog):
    caplog.set_level(logging.DEBUG)
    app = make_app(testing=False, **QUOTA)
    key = issue_key(app, "ada")
    ada = Caller(app, key)
    answers = [
        ada.get("/me"),
        ada.get("/posts"),
        ada.get(f"/posts/{DRAFT}"),
        ada.post("/posts", {"title": "T"}, Idempotency_Key="k1"),
        ada.post("/posts", {"title": ""}),
        ada.patch(f"/posts/{DRAFT}", {"title": "T"}, If_Match='"x"'),
        ada.get("/nowhere"),
        ada.get("/export"),
        Caller(app).get(f"/me?api_key={key}"),
        Caller(app, key + "x").get("/me"),
        Caller(app, Authorization=f"Basic {key}").get("/me"),
        Caller(app, Authorization=f"Bearer {key}, Bearer {key}").get("/me"),
    ]
    change(app, key, lambda row: row.revoke())
    answers.append(ada.get("/me"))
    secret = key.split("_")[2]

    assert not [a for a in answers if secret in a.text or secret in str(a.headers)]
    assert secret not in caplog.text
    kept = [path for path in data_dir.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert kept == []
    assert key.split("_")[1].encode() in b"".join(path.read_bytes() for path in data_dir.glob("hallway.db*"))


UNFIT = {
    "no header": {},
    "Basic": {"Authorization": "Basic {key}"},
    "no scheme": {"Authorization": "{key}"},
    "only a scheme": {"Authorization": "Bearer"},
    "nothing": {"Authorization": ""},
    "two keys": {"Authorization": "Bearer {key}, Bearer {key}"},
    "in quotes": {"Authorization": 'Bearer "{key}"'},
    "as a parameter": {"Authorization": "Bearer token={key}"},
    "other headers": {"X-Api-Key": "{key}", "Cookie": "Authorization={key}; api_key={key}"},
    "not ASCII": {"Authorization": "Bearer {key}\u00e9"},
    "a megabyte": {"Authorization": "Bearer " + "x" * 1_000_000},
}


def test_key_counts_in_one_header_and_one_form_only(app, key):
    for case, headers in UNFIT.items():
        sent = {name: value.replace("{key}", key) for name, value in headers.items()}
        answer = Caller(app, **sent).get("/me")
        assert refusal(answer) == (401, "key-needed"), case
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="api"'), case
        assert ("invalid_token" in answer.headers["WWW-Authenticate"]) == ("Authorization" in headers), case
        assert key not in answer.text


@pytest.mark.parametrize("name", ["api_key", "key", "access_token", "token"])
def test_key_in_the_address_is_refused_with_an_explanation(app, key, name):
    for caller in (Caller(app), Caller(app, key)):
        answer = caller.get(f"/posts?{name}={key}")
        assert refusal(answer) == (401, "key-needed")
        assert f"`{name}`" in answer.json["detail"]


def test_name_of_the_scheme_is_read_in_any_case(app, key):
    for scheme in ("Bearer", "bearer", "BEARER"):  # RFC 9110, section 11.1
        assert Caller(app, Authorization=f"{scheme} {key}").get("/me").status_code == 200


def test_bad_key_is_refused_even_where_none_is_needed(app):
    assert refusal(Caller(app, "hd_wrong").get("/posts")) == (401, "key-needed")


def test_cookie_opens_nothing(app, sign_in):
    ada = sign_in("ada")
    before = fingerprint(app)

    assert refusal(ada.get("/api/v1/me")) == (401, "key-needed")
    assert refusal(ada.post("/api/v1/posts", json={"title": "T"})) == (401, "key-needed")
    assert refusal(ada.get("/api/v1/export")) == (401, "key-needed")
    assert refusal(ada.get(f"/api/v1/posts/{DRAFT}")) == (404, "not-found")
    assert ada.get("/api/v1/posts").data == app.test_client().get("/api/v1/posts").data
    assert fingerprint(app) == before


def test_key_opens_no_page_and_no_action(app, key):
    headers = {"Authorization": f"Bearer {key}", "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    before = fingerprint(app)

    page = app.test_client().get("/dashboard", headers=headers)
    action = app.test_client().post("/_actions/posts.create_post", data={"title": "T"}, headers=headers)

    assert (page.status_code, action.status_code) == (303, 401)
    assert "/sign-in" in page.location
    assert fingerprint(app) == before


def test_missing_scope_is_named(app):
    reader, writer = Caller(app, issue_key(app, "ada", Scope.READ)), Caller(app, issue_key(app, "ada", Scope.WRITE))
    asked = [
        (reader.post("/posts", {"title": "T"}), "posts:write"),
        (reader.patch(f"/posts/{DRAFT}", {"title": "T"}), "posts:write"),
        (reader.delete(f"/posts/{DRAFT}"), "posts:write"),
        (reader.put(f"/posts/{DRAFT}/publication"), "posts:write"),
        (reader.delete(f"/posts/{PUBLISHED}/publication"), "posts:write"),
        (writer.get("/posts"), "posts:read"),
        (writer.get("/export"), "posts:read"),
    ]

    for answer, scope in asked:
        assert refusal(answer) == (403, "scope-missing")
        challenge = f'Bearer realm="api", error="insufficient_scope", scope="{scope}"'
        assert answer.headers["WWW-Authenticate"] == challenge
    assert [caller.get("/me").json["scopes"] for caller in (reader, writer)] == [["posts:read"], ["posts:write"]]


def test_me_says_whose_key_it_is_and_no_more(app, key):
    assert Caller(app, key).get("/me").json == {
        "key": key.split("_")[1],
        "name": "ada's key",
        "scopes": ["posts:read", "posts:write"],
        "person": {"handle": "ada", "name": "Ada", "role": "owner"},
    }


def test_revoked_key_opens_nothing_on_any_worker(app, make_app, key):
    elsewhere = make_app()
    assert Caller(elsewhere, key).get("/me").status_code == 200

    change(app, key, lambda row: row.revoke())

    for worker in (app, elsewhere):
        assert refusal(Caller(worker, key).get("/me")) == (401, "key-needed")
        assert refusal(Caller(worker, key).post("/posts", {"title": "T"})) == (401, "key-needed")


def test_key_of_a_disabled_person_opens_nothing(app, make_app, key):
    change(app, key, lambda row: [row.user.disable(), revalidate_everything()])

    assert refusal(Caller(make_app(), key).get("/me")) == (401, "key-needed")


LATE = {
    "revoked": (lambda row: row.revoke(), (401, "key-needed")),
    "disabled": (lambda row: [setattr(row.user, "disabled_at", now()), revalidate_everything()], (401, "key-needed")),
    "narrowed": (lambda row: setattr(row, "scopes", "posts:read"), (403, "scope-missing")),
    "demoted": (lambda row: setattr(row.user, "role", "reader"), (403, "forbidden")),
}


@pytest.mark.sqlite("on PostgreSQL a write does not wait, and comes before")
@pytest.mark.parametrize("case", LATE)
def test_write_that_waits_while_its_right_is_taken_away_writes_nothing(make_app, monkeypatch, case):
    deed, expected = LATE[case]
    app = make_app(testing=False)
    key, waits, answers = issue_key(app, "bob"), threading.Event(), []

    def write_after_all(by):
        waits.set()
        return write(by=by)

    monkeypatch.setattr(api.v1.operation, "write", write_after_all)
    late = threading.Thread(target=lambda: answers.append(Caller(app, key).post("/posts", {"title": "Too late"})))
    with app.app_context(), write(by="test"):
        late.start()
        assert waits.wait(10)  # let in, and waiting for its turn
        bob = db.session.scalar(select(User).where(User.handle == "bob"))
        deed(db.session.scalar(select(ApiKey).where(ApiKey.user_id == bob.id)))
    late.join()

    assert refusal(answers[0]) == expected
    assert "Too late" not in Caller(app, issue_key(app, "ada")).get("/posts?limit=100").text

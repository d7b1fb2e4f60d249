"""What happens to a form between its arrival and its answer, whichever way it comes."""

import logging
import re
from contextlib import suppress

import pytest
from flask import abort, redirect as see_other
from items_app import ORIGIN, add, make, names, send
from pydantic import field_validator
from sqlalchemy.exc import IntegrityError, PendingRollbackError

from flask_server_actions import (
    Form,
    Result,
    ServerActions,
    action,
    anyone,
    conflict,
    invalid,
    redirect,
    success,
    too_many,
)

OPEN = anyone("a test")
FORM = "application/x-www-form-urlencoded"


class Item(Form):
    """A name, and how many."""

    name: str
    count: int = 1


def serve(function, *, allow=OPEN, prepare=None, rate_limit=None, writes=True, page=None, **options):
    """Return an application with one action; its function gets the application first."""
    made = []

    def act(form: Item, user):
        return function(made[0], form, user)

    def act_prepared(form: Item, user, prepared):
        return function(made[0], form, prepared)

    body = act_prepared if prepare else act
    body.__name__ = "act"
    item = action(allow=allow, prepare=prepare, rate_limit=rate_limit, writes=writes)(body)
    made.append(make(item, **({"page": page} if page else {}), **options))
    return made[0]


NAME = "test_running_actions.act"


def added(app, form, _user):
    add(app, form.name)
    return success(f"{form.name} is there.", data=form.name)


def test_plain_form_and_htmx_end_alike():
    app = serve(added)
    client = app.test_client()

    plain = send(app, NAME, {"name": "tea"}, client=client)
    page = client.get("/").text
    htmx = send(app, NAME, {"name": "jam"}, htmx=True)

    assert (plain.status_code, plain.headers["Location"]) == (303, "/")
    assert "tea is there." in page
    assert htmx.status_code == 200
    assert "jam is there." in htmx.text
    assert "[tea][jam]" in htmx.text.replace("\n", "")
    assert htmx.headers["Cache-Control"] == "private, no-store"


def test_result_gives_data_to_a_caller_in_python_and_renders_nothing():
    app = serve(added)

    with app.test_request_context():
        done, refused = ServerActions.call(NAME, {"name": "tea"}), ServerActions.call(NAME, {"count": "x"})

    assert (done.status, done.data) == (200, "tea")
    assert (refused.status, refused.errors["count"]) == (422, ["This must be a whole number."])
    assert names(app) == ["tea"]


@pytest.mark.parametrize(
    ("returned", "found"), [(None, "None"), ("done", "'done'"), (("x", 200), r"\('x', 200\)"), (42, "42")]
)
def test_what_is_no_result_is_refused_before_anything_is_written(returned, found):
    def act(app, form, _user):
        add(app, form.name)
        return returned

    app = serve(act)

    with pytest.raises(
        TypeError, match=rf"test_running_actions\.py:\d+: action \S+ returned {found}\. Write return succ"
    ):
        send(app, NAME, {"name": "tea"})
    assert names(app) == []


def test_commit_inside_an_action_is_refused_before_anything_is_written():
    def act(app, form, _user):
        add(app, form.name)
        app.extensions["items"][0].session.commit()
        return success("")

    app = serve(act)

    with pytest.raises(RuntimeError, match=r"test_running_actions\.act calls commit\(\)\. Take it out"):
        send(app, NAME, {"name": "tea"})
    assert names(app) == []


def test_write_that_a_swallowed_error_has_ended_is_no_success():
    def act(app, form, _user):
        db, item = app.extensions["items"]
        db.session.add(item(name=None))
        with suppress(IntegrityError):
            db.session.flush()
        return success("Saved.")

    with pytest.raises(PendingRollbackError):
        send(serve(act), NAME, {"name": "tea"})


def test_exception_rolls_back():
    def act(app, form, _user):
        add(app, form.name)
        return success(str(1 / 0))

    app = serve(act)

    with pytest.raises(ZeroDivisionError):
        send(app, NAME, {"name": "tea"})
    assert names(app) == []


def test_returned_refusal_is_committed_and_raised_one_is_not():
    def act(app, form, _user):
        add(app, form.name)
        if form.count == 1:
            return invalid(name="No.")
        raise conflict("Later.")

    app = serve(act)

    returned, raised = (send(app, NAME, {"name": name, "count": n}) for name, n in (("one", 1), ("two", 2)))

    assert (returned.status_code, raised.status_code) == (422, 409)
    assert names(app) == ["one"]


def test_missing_table_is_said_in_a_sentence():
    app = serve(added)
    db, _ = app.extensions["items"]
    with app.app_context():
        db.metadata.tables["form_key"].drop(db.engine)

    with pytest.raises(
        RuntimeError, match=r"The table form_key is missing\. Make it by a migration, or call create_all"
    ):
        send(app, NAME, {"name": "tea", "_key": "k"})


def test_form_from_elsewhere_is_refused_and_the_log_names_our_origins(caplog):
    app = serve(added)

    with caplog.at_level(logging.WARNING):
        answer = send(app, NAME, {"name": "tea"}, headers={"Origin": "http://evil.example"})

    assert answer.status_code == 403
    assert "own: ['http://localhost']" in caplog.text
    assert "http://evil.example" in caplog.text
    assert names(app) == []


def test_validators_own_words_are_never_formatted():
    class Taken(Form):
        name: str

        @field_validator("name")
        @classmethod
        def free(cls, value):
            raise ValueError(f"“{value}” is taken.")

    @action(allow=OPEN)
    def take(form: Taken, user):
        return success("")

    app = make(take)
    for typed in ("{x}", "{max_length.__class__.__init__.__globals__}", "{0}", "{", "%s", "{{7*7}}"):
        answer = send(app, "test_running_actions.take", {"name": typed})

        assert answer.status_code == 422
        assert f"“{typed}” is taken." in answer.text.replace("&#34;", '"').replace("&#39;", "'")


def test_prepared_work_runs_after_the_policy_and_outside_the_transaction():
    order = []

    def prepare(form, user):
        order.append(("prepare", form.name, user))
        return form.name.upper()

    def act(app, form, prepared):
        order.append(("act", prepared))
        return success("")

    def only_ada(user):
        order.append(("policy", user))
        return user == "ada"

    signed_in = ["ada"]
    app = serve(act, allow=only_ada, prepare=prepare, load_user=lambda: signed_in[0])

    assert send(app, NAME, {"name": "tea"}).status_code == 303
    assert order == [("policy", "ada"), ("prepare", "tea", "ada"), ("policy", "ada"), ("act", "TEA")]
    order.clear()
    signed_in[0] = "bob"
    assert send(app, NAME, {"name": "tea"}).status_code == 403
    assert order == [("policy", "bob")]


def test_rate_limiter_is_asked_before_the_policy_and_knows_the_declaration():
    asked = []

    def limiter(item, form):
        asked.append((item.rate_limit, form.name))
        raise too_many("Slowly.", retry_after=7)

    app = serve(added, allow=lambda user: 1 / 0, rate_limit="five", rate_limiter=limiter)
    answer = send(app, NAME, {"name": "tea"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert asked == [("five", "tea")]


def test_nobody_signed_in_gets_the_sign_in_page_and_the_words_go_along():
    page = "{% set r = last_result().resume %}{% if r %}<i>{{ r | tojson }}</i>{% endif %}"
    app = serve(added, allow=lambda user: user is not None, page=page, sign_in="/")

    answer = send(app, NAME, {"name": "half an hour of typing"}, htmx=True)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"]
    assert answer.headers["HX-Push-Url"] == "/?next=/"
    assert "half an hour of typing" in answer.text
    assert names(app) == []


def test_page_and_sign_in_page_that_lead_elsewhere_are_no_endless_loop():
    app = serve(added, page="{{ lead_elsewhere() }}", sign_in="/")
    app.jinja_env.globals["lead_elsewhere"] = lambda: abort(see_other("/elsewhere", 303))

    answer = send(app, NAME, {"count": "x"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/elsewhere")


def test_without_a_sign_in_page_nobody_signed_in_gets_401():
    assert send(serve(added, allow=lambda user: False), NAME, {"name": "x"}).status_code == 401


def test_one_key_has_one_effect():
    app = serve(added)

    answers = [send(app, NAME, {"name": "tea"}, query_string={"_key": "k"}) for _ in range(3)]
    other = send(app, NAME, {"name": "jam"}, query_string={"_key": "k"})

    assert [answer.status_code for answer in answers] == [303] * 3
    assert other.status_code == 409
    assert names(app) == ["tea"]


def test_sentences_speak_another_language():
    app = serve(added, sentences={"missing": "Bitte ausfüllen.", "invalid": "So geht es noch nicht."})

    answer = send(app, NAME, {"count": "x"})

    assert "Bitte ausfüllen." in answer.text
    assert "So geht es noch nicht." in answer.text
    assert "This must be a whole number." in answer.text


def test_unread_messages_never_fill_the_cookie():
    app = serve(lambda _app, form, _user: success("“" + form.name * 60 + "” is there.", undo=("Undo", NAME, {})))
    client = app.test_client()

    for number in range(40):
        assert send(app, NAME, {"name": f"{number:04}"}, client=client).status_code == 303
        assert len(client.get_cookie("session").value) < 3000
    page = client.get("/").text

    assert page.count("is there.") == 3
    assert "0039" in page


def test_two_unread_undo_offers_are_no_fault():
    page = "{% set r = last_result() %}<b>{{ r.undo[0] if r.undo }}</b>{{ r.message }}"
    app = serve(lambda _a, form, _u: success("Gone.", undo=(f"Undo {form.name}", NAME, {})), page=page)
    client = app.test_client()
    for name in ("one", "two"):
        send(app, NAME, {"name": name}, client=client)

    answer = client.get("/")

    assert (answer.status_code, answer.text) == (200, "<b>Undo two</b>Gone. Gone.")


def test_cookie_is_seen_by_the_fresh_page_and_only_set_on_success():
    page = "{{ request.cookies.get('mark', 'none') }}"

    def act(_app, form, _user):
        cookies = {"mark": (form.name, {})}
        return success("", cookies=cookies) if form.count == 1 else Result("No.", 409, cookies=cookies)

    app = serve(act, page=page)
    done, refused = (send(app, NAME, {"name": "x", "count": n}, htmx=True) for n in (1, 2))

    assert (done.text, done.headers.get("Set-Cookie", "")[:6]) == ("x", "mark=x")
    assert (refused.text, refused.headers.get("Set-Cookie")) == ("none", None)


def test_message_that_waits_is_not_lost_to_another_answer():
    app = serve(added)
    client = app.test_client()
    send(app, NAME, {"name": "tea"}, client=client)

    between = send(app, NAME, {"name": "jam"}, client=client, htmx=True).text
    page = client.get("/").text

    assert "jam is there." in between
    assert "tea is there." not in between
    assert "tea is there." in page


def test_redirect_arrives_in_one_round_trip_and_leaves_for_elsewhere():
    app = serve(lambda _a, form, _u: redirect(form.name))

    here, there = (send(app, NAME, {"name": to}, htmx=True) for to in ("/?x=1", "https://pay.example/1"))

    assert (here.status_code, here.headers["HX-Push-Url"]) == (200, "/?x=1")
    assert (there.status_code, there.headers["HX-Redirect"]) == (200, "https://pay.example/1")
    assert send(app, NAME, {"name": "https://pay.example/1"}).headers["Location"] == "https://pay.example/1"


def test_preview_keeps_the_form_and_opens_no_transaction():
    def refuse(by):
        raise AssertionError(by)

    app = serve(lambda _a, form, _u: success("-", reveal_once={"html": form.name}, keep_form=True), writes=False)
    app.extensions["server_actions"].transaction = refuse

    for name in ("tea", "jam"):
        answer = send(app, NAME, {"name": name}, query_string={"_key": "k"})

        assert answer.status_code == 200
        assert f'value="{name}"' in answer.text


def test_form_that_is_given_back_has_other_words_where_the_action_says_so_each_time_it_is_sent():
    done = []

    def add(_a, form, _u):
        done.append(form.name)
        return success("-", reveal_once={"x": "-"}, keep_form=True, fields={"name": [f"{form.name} and more"]})

    app = serve(add)
    answers = [send(app, NAME, {"name": "tea"}, query_string={"_key": "k"}).text for _ in range(2)]

    assert done == ["tea", "tea"]
    assert all('value="tea and more"' in answer for answer in answers)


def test_copy_for_everyone_says_nothing_of_an_action():
    shared = []
    page = "{% set form = action(name) %}[{{ last_result().message }}{{ form.value('name', '') }}]"
    app = serve(lambda *_: conflict("Someone was first."), page=page, is_shared=lambda: bool(shared))

    assert send(app, NAME, {"name": "tea"}, htmx=True).text == "[Someone was first.tea]"
    shared.append(True)
    assert send(app, NAME, {"name": "tea"}, htmx=True).text == "[]"


def test_cookie_is_deleted_by_its_age():
    app = serve(lambda *_: success("", cookies={"mark": ("", {"max_age": 0})}), page="{{ request.cookies['mark'] }}")
    client = app.test_client()
    client.set_cookie("mark", "old")

    assert send(app, NAME, {"name": "x"}, client=client, htmx=True).text == ""
    assert client.get_cookie("mark") is None


def test_busy_database_is_a_503_with_the_words_kept():
    class Busy(Exception):
        retry_after = 3

    def busy(_app, _form, _user):
        raise Busy

    app = serve(busy)
    app.extensions["server_actions"].busy = (Busy,)
    answer = send(app, NAME, {"name": "tea"})

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
    assert 'value="tea"' in answer.text


def test_not_found_inside_an_action_is_the_applications_own_page():
    app = serve(lambda *_: abort(404))

    assert send(app, NAME, {"name": "x"}).status_code == 404


def test_unknown_action_is_404_and_its_address_leads_back():
    app = serve(added)

    assert send(app, "items.nothing").status_code == 404
    assert app.test_client().get(f"/_actions/{NAME}").status_code == 405
    assert app.test_client().get(f"/_actions/{NAME}?_page=/?x=1").headers["Location"] == "/?x=1"


def test_application_under_a_prefix():
    page = "<form {{ action(name) }}></form>{{ last_result().message }}"
    app = serve(added, page=page)
    client = app.test_client()
    under = {"SCRIPT_NAME": "/shop", "wsgi.url_scheme": "http"}

    shown = client.get("/", environ_overrides=under).text
    address = re.search(r'action="([^"]*)"', shown)[1].replace("&amp;", "&")
    referer = {"Referer": f"{ORIGIN}/shop/"}
    plain = send(app, NAME, {"name": "tea"}, headers=referer, environ_overrides=under)
    htmx = send(app, NAME, {"name": "jam"}, headers=referer, environ_overrides=under, htmx=True)

    assert address.startswith(f"/shop/_actions/{NAME}?_page=%2F&_key=")
    assert plain.headers["Location"] == "/shop/"
    assert "jam is there." in htmx.text


def test_result_can_be_raised_and_says_its_message():
    with pytest.raises(Result, match="Someone was first"):
        raise conflict("Someone was first", name="theirs")

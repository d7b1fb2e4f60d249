"""Every mistake in a declaration is an error at the start, and says where it is, what was found and what to write."""

from typing import TYPE_CHECKING

import pytest
from flask import Flask
from items_app import make

from flask_server_actions import (
    Action,
    BadDeclaration,
    Form,
    ServerActions,
    action,
    anyone,
    success,
)

if TYPE_CHECKING:
    from nowhere import Missing

OPEN = anyone("a test")
HERE = r"tests/test_declaring_actions\.py:\d+: action test_declaring_actions\.add "


class Name(Form):
    """One field."""

    name: str


def plain(form: Name, user: None):
    return success("")


def test_no_policy():
    with pytest.raises(BadDeclaration, match=HERE + r"has no policy\. Write @action\(allow=…\), or allow=anyone"):

        @action()
        def add(form: Name, user): ...


def test_policy_that_is_none():
    with pytest.raises(
        BadDeclaration, match=HERE + r"has allow=True, which is no policy\. Write allow=anyone\(reason\)"
    ):

        @action(allow=True)
        def add(form: Name, user): ...


def test_decorator_without_parentheses():
    with pytest.raises(
        BadDeclaration, match=HERE + r"stands under @action without parentheses\. Write @action\(allow="
    ):

        @action
        def add(form: Name, user): ...


def test_parameters_in_the_wrong_order():
    with pytest.raises(BadDeclaration, match=HERE + r"takes \(user, form\)\. Write def add\(form: …, user\)"):

        @action(allow=OPEN)
        def add(user, form: Name): ...


def test_only_the_form():
    with pytest.raises(BadDeclaration, match=HERE + r"takes \(form\)\. Write def add\(form: …, user\)"):

        @action(allow=OPEN)
        def add(form: Name): ...


def test_no_schema():
    with pytest.raises(BadDeclaration, match=HERE + r"has no schema\. Write def add\(form: …, user\), with a Form"):

        @action(allow=OPEN)
        def add(form, user): ...


def test_schema_that_is_only_there_for_the_type_checker():
    with pytest.raises(BadDeclaration, match=HERE + r"names Missing, which is unknown when it runs\. Write the import"):

        @action(allow=OPEN)
        def add(form: "Missing", user): ...


def test_prepared_work_without_a_parameter_for_its_result():
    with pytest.raises(BadDeclaration, match=HERE + r"takes \(form, user\)\. Write def add\(form: …, user, prepared\)"):

        @action(allow=OPEN, prepare=lambda form, user: 1)
        def add(form: Name, user): ...


def test_coroutine():
    with pytest.raises(BadDeclaration, match=HERE + r"is async; the transaction belongs to one thread\. Write def add"):

        @action(allow=OPEN)
        async def add(form: Name, user): ...


def test_two_modules_of_one_last_name():
    first, second = (action(allow=OPEN)(plain) for _ in range(2))

    with pytest.raises(BadDeclaration, match=r"plain is also in tests/test_declaring_actions\.py:\d+"):
        make(first, second)


def test_secret_key_missing_stops_the_start():
    with pytest.raises(BadDeclaration, match=r"SECRET_KEY is missing.*Write app\.config\['SECRET_KEY'\] = …"):
        ServerActions(Flask("x"), modules=[action(allow=OPEN)(plain)])


def test_no_transaction():
    app = Flask("x")
    app.secret_key = "k"

    with pytest.raises(
        BadDeclaration, match=r"No transaction\. Write ServerActions\(app, db, …\), or give transaction="
    ):
        ServerActions(app, modules=[action(allow=OPEN)(plain)])


def test_rate_limit_that_nobody_counts():
    with pytest.raises(
        BadDeclaration, match=r"plain has a rate_limit\. Write ServerActions\(app, db, rate_limiter=…\)"
    ):
        make(action(allow=OPEN, rate_limit="5 a minute")(plain))


def test_action_for_anyone_that_nobody_limits():
    with pytest.raises(
        BadDeclaration, match=r"plain is open to anyone, without a limit\. Write rate_limit=\[…\] beside allow="
    ):
        make(action(allow=OPEN)(plain), rate_limiter=lambda _action, _form: None)


def test_several_applications_keep_their_own_actions():
    one = make(action(allow=OPEN)(plain))
    other = make(Action("other.plain", Name, OPEN, plain))

    assert list(one.extensions["server_actions"].actions) == ["test_declaring_actions.plain"]
    assert list(other.extensions["server_actions"].actions) == ["other.plain"]


def test_extension_is_plugged_in_later():
    extension = ServerActions(modules=[action(allow=OPEN)(plain)], sign_in="/in")
    made = []
    for _ in range(2):
        app, db = Flask("x"), make(action(allow=OPEN)(plain)).extensions["items"][0]
        app.config.update(SECRET_KEY="k", SQLALCHEMY_DATABASE_URI="sqlite://")
        db.init_app(app)
        extension.init_app(app, db)
        made.append(app.extensions["server_actions"])

    assert made[0] is not made[1]
    assert made[0].sign_in == made[1].sign_in == "/in"

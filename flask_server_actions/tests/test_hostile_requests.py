"""Requests that break off half-way, and keys of other people."""

from io import BytesIO
from types import SimpleNamespace
from typing import Annotated

import pytest
from items_app import ORIGIN, add, make, names, send
from pydantic import Field

from flask_server_actions import Form, Upload, UploadLimit, action, anyone, success
from flask_server_actions.submission import Submission

OPEN = anyone("a test")
BODIES = {
    "application/x-www-form-urlencoded": b"name=tea",
    "multipart/form-data; boundary=b": b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\ntea\r\n--b--\r\n',
}


class Item(Form):
    """A name, and perhaps a paper."""

    name: str = ""
    paper: Annotated[Upload, UploadLimit(1000)] | None = None


def serve(**options):
    """Return an application with one action, which adds an item."""

    @action(allow=OPEN)
    def act(form: Item, user):
        add(app, form.name)
        return success("It is there.")

    app = make(act, **options)
    return app


@pytest.mark.filterwarnings("ignore:Exception ignored in. .function SpooledTemporaryFile")  # left to the collector
@pytest.mark.parametrize("kind", BODIES)
def test_form_that_was_cut_off_does_nothing(kind):
    app, whole = serve(), BODIES[kind]

    for body in (whole, whole[: len(whole) // 2], b""):
        # gunicorn says of every body that it has come to its end, whole or not.
        arrived = {"wsgi.input_terminated": True, "CONTENT_LENGTH": str(len(whole) + 1)}
        headers = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
        options = {"input_stream": BytesIO(body), "content_type": kind, "environ_overrides": arrived}
        answer = app.test_client().post("/_actions/test_hostile_requests.act", headers=headers, **options)
        assert answer.status_code == 400
    assert names(app) == []


def test_one_time_key_gets_nobody_anothers_answer():
    people = [1, 1, 2, 2]
    app = serve(load_user=lambda: SimpleNamespace(id=people.pop()))

    for _ in range(4):
        assert send(app, "test_hostile_requests.act", {"name": "tea"}, query_string={"_key": "k"}).status_code == 303

    assert names(app) == ["tea", "tea"]


class SignIn(Form):
    """A name, and what nobody else may see."""

    name: str
    password: Annotated[str, Field(json_schema_extra={"format": "password"})]


def test_secret_that_was_typed_is_not_carried_along_with_the_rest():
    @action(allow=OPEN)
    def enter(form: SignIn, user):
        return success("You are in.")

    app = make(enter)
    with app.test_request_context("/", method="POST", data={"name": "Ina", "password": "open sesame"}):
        assert Submission.read(*app.extensions["server_actions"].actions.values()).texts() == {"name": ["Ina"]}

"""What a browser sends, typed by the schema: lists, blanks, checkboxes, numbers, files."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from io import BytesIO
from typing import Annotated, Literal

import pytest
from items_app import echo, make, send
from pydantic import Field, SecretStr

from flask_server_actions import Form, Upload, UploadLimit

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 64
NAME = "items_app.keep"


class Colour(StrEnum):
    RED = "red"
    DARK_BLUE = "dark_blue"


class Everything(Form):
    """One field of each kind."""

    words: list[str] = []
    colours: list[Colour] = []
    born: date | None = None
    at: datetime | None = None
    weight: float | None = None
    price: Decimal | None = Field(None, max_digits=6, decimal_places=2)
    agreed: bool
    colour: Colour | None = None
    size: Literal["s", "m"] = "m"
    note: str | None = None
    secret: SecretStr | None = None


@pytest.fixture
def seen():
    return []


@pytest.fixture
def app(seen):
    return make(echo(Everything, seen))


def test_several_values_of_one_name_are_a_list(app, seen):
    send(app, NAME, {"words": ["a", "b", "a"], "colours": ["red", "dark_blue"]})

    assert seen[0].words == ["a", "b", "a"]
    assert seen[0].colours == [Colour.RED, Colour.DARK_BLUE]


def test_one_value_of_a_list_is_a_list(app, seen):
    send(app, NAME, {"words": "a"})

    assert seen[0].words == ["a"]


@pytest.mark.parametrize("field", ["born", "at", "weight", "price", "colour"])
def test_optional_field_left_empty_is_none(app, seen, field):
    assert send(app, NAME, {field: ""}).status_code == 303
    assert getattr(seen[0], field) is None


def test_optional_text_left_empty_is_text(app, seen):
    send(app, NAME, {"note": ""})

    assert seen[0].note == ""


@pytest.mark.parametrize(("sent", "found"), [({}, False), ({"agreed": "on"}, True), ({"agreed": "false"}, False)])
def test_checkbox(app, seen, sent, found):
    assert send(app, NAME, sent).status_code == 303
    assert seen[0].agreed is found


@pytest.mark.parametrize(
    ("field", "sent", "sentence"),
    [
        ("price", "cheap", "This must be a number."),
        ("price", "1.234", "Please keep this to 2 decimal places."),
        ("price", "123456.7", "Please keep this to 6 digits."),
        ("agreed", "perhaps", "This is either on or off."),
        ("colour", "green", "Please choose one of the offered values."),
        ("size", "xl", "Please choose one of the offered values."),
        ("born", "tomorrow", "Please give a date."),
        ("at", "soon", "Please give a date and a time."),
        ("weight", "heavy", "This must be a number."),
        ("note", "\ufffd", "This contains characters that cannot be shown."),
        ("note", "\x07", "This contains characters that cannot be shown."),
        ("words", ["fine", "\x00"], "This contains characters that cannot be shown."),
    ],
)
def test_every_error_is_a_readable_sentence(app, seen, field, sent, sentence):
    answer = send(app, NAME, {field: sent})

    assert answer.status_code == 422
    assert sentence in answer.text
    assert seen == []


def test_repeated_field_that_is_no_list_is_refused(app, seen):
    answer = send(app, NAME, {"note": ["one", "two"]})

    assert answer.status_code == 422
    assert "The field “note” was sent twice." in answer.text


def test_bound_argument_sent_again_in_the_body_is_refused(app):
    assert send(app, NAME, {"note": "one"}, query_string={"note": "two"}).status_code == 422


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"note=" + b"x" * 1_000_001, "application/x-www-form-urlencoded", 413),
        (b"words=a&" * 101, "application/x-www-form-urlencoded", 413),
        (b"{}", "application/json", 415),
        (b"note=x", "text/plain", 415),
        (b"--b\r\n\r\n--b--", "multipart/form-data; boundary=b", 415),
        (b"note=%FF", "application/x-www-form-urlencoded", 422),
    ],
)
def test_what_is_no_form_of_this_action_is_refused(app, seen, body, kind, status):
    assert send(app, NAME, body, content_type=kind).status_code == status
    assert seen == []


class Picture(Form):
    """A picture with a name, and papers."""

    name: str
    picture: Annotated[Upload, UploadLimit(1_000, "image/png", "image/jpeg")]
    papers: Annotated[list[Annotated[Upload, UploadLimit(200_000)]], Field(max_length=2)] = []


@pytest.fixture
def pictures(seen):
    return make(echo(Picture, seen))


def test_file_arrives_with_its_type_by_content(pictures, seen):
    answer = send(pictures, NAME, {"name": "x", "picture": (BytesIO(PNG), "a/dir/b.txt", "text/plain")})

    assert answer.status_code == 303
    upload = seen[0].picture
    assert (upload.filename, upload.content_type, upload.size) == ("b.txt", "image/png", len(PNG))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (PNG + b"\0" * 1_000, "Please choose a file of at most 0.001 MB."),
        (b"<svg onload=alert(1)>", "Please choose a file of this kind: image/png, image/jpeg. This one is text/plain."),
        (b"GIF89a", "This one is image/gif."),
        (b"\0\1\2", "This one is application/octet-stream."),
    ],
)
def test_file_that_does_not_fit_is_refused_and_the_rest_is_kept(pictures, seen, content, sentence):
    answer = send(pictures, NAME, {"name": "typed", "picture": (BytesIO(content), "a.png", "image/png")})

    assert answer.status_code == 422
    assert sentence in answer.text
    assert 'value="typed"' in answer.text
    assert seen == []


def test_file_that_was_not_chosen_is_missing(pictures):
    answer = send(pictures, NAME, {"name": "x", "picture": (BytesIO(b""), "")}, content_type="multipart/form-data")

    assert answer.status_code == 422
    assert "Please fill this in." in answer.text


def test_text_in_the_place_of_a_file_is_refused(pictures):
    assert "Please choose a file." in send(pictures, NAME, {"name": "x", "picture": "text"}).text


def test_several_files_are_streamed_to_disk(pictures, seen):
    large = [(BytesIO(b"x" * 150_000), "a"), (BytesIO(b"y" * 150_000), "b")]

    assert send(pictures, NAME, {"name": "x", "picture": (BytesIO(JPEG), "j"), "papers": large}).status_code == 303
    assert [paper.size for paper in seen[0].papers] == [150_000] * 2


def test_files_have_a_size_in_all(pictures, seen):
    head = b'--b\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\n'
    answer = send(
        pictures, NAME, head + b"x" * 1_500_000 + b"\r\n--b--\r\n", content_type="multipart/form-data; boundary=b"
    )

    assert answer.status_code == 413
    assert seen == []


def test_name_that_is_no_text_in_a_multipart_form_is_refused(pictures):
    body = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\n\xff\r\n--b--\r\n'

    assert send(pictures, NAME, body, content_type="multipart/form-data; boundary=b").status_code == 422


def test_same_file_sent_again_has_one_effect_and_another_is_asked_about(pictures, seen):
    def sent(content):
        data = {"name": "x", "picture": (BytesIO(content), "a")}
        return send(pictures, NAME, data, query_string={"_key": "k"}).status_code

    assert [sent(PNG), sent(PNG), sent(JPEG)] == [303, 303, 409]
    assert len(seen) == 1

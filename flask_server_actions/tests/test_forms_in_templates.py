"""`action(…)` and the fields of a form, from the template's side."""

import re
from datetime import datetime
from html import unescape
from typing import Annotated, Literal
from urllib.parse import urlencode

import pytest
from items_app import echo, make, send
from markupsafe import escape
from pydantic import Field, SecretStr

from flask_server_actions import BadTemplate, Form, Upload, UploadLimit, action, anyone, success

NAME = "items_app.keep"


class Note(Form):
    """Fields of several kinds."""

    name: Annotated[str, Field(max_length=80, title="Your name", description="As on the door")]
    note_id: int | None = None
    body: Annotated[str, Field(max_length=5000)] = ""
    password: SecretStr | None = None
    at: datetime | None = None
    kind: Literal["short", "very_long"] = "short"
    agreed: bool = False


def page(text, schema=Note, **options):
    return make(echo(schema, []), page=text, **options)


def shown(text, schema=Note, path="/"):
    return page(text, schema).test_client().get(path).text


def test_action_prints_attributes_and_may_stand_anywhere_in_the_tag():
    html = shown('<form class="a" {{ action(name) }} data-x="y">')
    tag = re.fullmatch(r"<form ([^<>]*)>", html)[1]

    assert tag.startswith(
        'class="a" id="items_app-keep" method="post" action="/_actions/items_app.keep?_page=%2F&amp;_key='
    )
    assert tag.endswith('hx-target="body" hx-swap="innerMorph" hx-sync="drop" data-x="y"')
    assert re.search(r'hx-post="(.*?)"', tag)[1] == re.search(r' action="(.*?)"', tag)[1]


def test_what_is_bound_travels_in_the_address():
    html = unescape(shown('<form {{ action(name, name="a&b", note_id=7, kind=None) }}>', path="/?page=2"))
    address = re.search(r' action="(.*?)"', html)[1]

    assert address.startswith("/_actions/items_app.keep?name=a%26b&note_id=7&_page=%2F%3Fpage%3D2&_key=")
    assert 'id="items_app-keep-a&b-7"' in html


def test_every_rendering_has_a_key_of_its_own():
    text = "<form {{ action(name) }}></form><form {{ action(name) }}></form>"

    assert len(set(re.findall(r'" action="[^"]*_key=([\w-]+)', shown(text)))) == 2


def test_forms_of_a_cached_fragment_have_a_key_each_and_others_at_every_rendering():
    text = """{% set kept = '<form action="/?_shared=1" hx-post="/?a=1&amp;_shared=1"></form>' %}
        {{ own_forms(kept) }}{{ own_forms(kept) }}"""
    found = [*re.findall(r"_page=%2F&amp;_key=([\w-]+)", shown(text)), *re.findall(r"_key=([\w-]+)", shown(text))]

    assert len(set(found)) == len(found) == 8


@pytest.mark.parametrize(
    "typed", ["_shared=1", "?_shared=1", '" action="/?_shared=1', 'x=1&_shared=1"', 'action="_shared=1" >']
)
def test_text_that_looks_like_a_forms_address_stays_as_it_was_typed(typed):
    rich = str(escape(typed)).replace("&#34;", '"')  # what sanitizers return leaves quotation marks in text as they are
    kept = f'<input value="{escape(typed)}"><p title="{escape(typed)}">{escape(typed)}</p><p>{rich}</p>'

    assert shown("{{ own_forms(request.args.kept) }}", path=f"/?{urlencode({'kept': kept})}") == kept


@pytest.mark.parametrize(
    ("field", "parts"),
    [
        ("name", ['<label for="items_app-keep-name">Your name</label>', 'required=""', 'maxlength="80"',
                  "As on the door", 'aria-describedby="items_app-keep-name-hint"', 'type="text"']),
        ("body", ["<textarea", 'rows="8"', 'maxlength="5000"', ">Body</label>"]),
        ("password", ['type="password"']),
        ("at", ['type="datetime-local"']),
        ("note_id", ['type="number"', ">Note Id</label>"]),
        ("kind", ["<select", '<option value="short">Short</option>', '<option value="very_long">Very long</option>']),
        ("agreed", ['<label><input type="checkbox"', "> Agreed</label>"]),
    ],
)  # fmt: skip
def test_field_follows_the_schema(field, parts):
    html = page("{{ action(name).field(request.args.field) }}").test_client().get(f"/?field={field}").text

    for part in parts:
        assert part in html


def test_field_takes_what_the_template_says():
    html = shown('{{ action(name).field("name", "Ina", label="Whom?", hint="", autocomplete="name") }}')

    assert ">Whom?</label>" in html
    assert 'value="Ina"' in html
    assert 'autocomplete="name"' in html
    assert "hint" not in html


def test_refused_form_shows_errors_beside_their_fields_and_keeps_what_was_typed():
    app = page('{% set f = action(name) %}<form {{ f }}>{{ f.summary }}{{ f.field("name") }}{{ f.field("body") }}'
               '{{ f.field("password") }}</form>')  # fmt: skip

    html = send(app, NAME, {"name": "", "body": "<kept> & kept", "at": "soon", "password": "tell nobody"}).text

    assert '<a href="#items_app-keep-name">Your name</a>: Please fill this in.' not in html  # an empty text is a text
    assert '<a href="#items_app-keep-at">At</a>: Please give a date and a time.' in html
    assert "&lt;kept&gt; &amp; kept</textarea>" in html
    assert "tell nobody" not in html
    assert html.count('role="alert"') == 1


def test_answer_belongs_to_the_row_that_was_sent():
    form = "{% set f = action(name, note_id=id) %}<form {{ f }}>{{ f.summary }}</form>"
    text = "{% for id in (1, 2) %}" + form + "{% endfor %}"

    html = send(page(text), NAME, {"name": "x", "at": "soon"}, query_string={"note_id": "2"}).text

    assert html.count('role="alert"') == 1
    assert 'id="items_app-keep-2-summary"' in html


def test_form_with_a_file_is_multipart():
    class WithFile(Form):
        paper: Annotated[Upload, UploadLimit(1000, "application/pdf")]

    html = shown('<form {{ action(name) }}>{{ action(name).field("paper") }}', WithFile)

    assert 'enctype="multipart/form-data"' in html
    assert 'type="file"' in html
    assert 'accept="application/pdf"' in html


def test_button_sends_the_form_to_another_action():
    @action(allow=anyone("a test"))
    def other(form: Note, user):
        return success("")

    first = echo(Note, [])
    app = make(first, other, page="<button {{ action(name, note_id=1).button(request.args.to) }}>")
    html = unescape(app.test_client().get(f"/?to={other.name}").text)

    assert re.search(r'formaction="/_actions/test_forms_in_templates\.other\?note_id=1&_page=', html)


def test_button_sends_files_where_the_other_action_takes_some():
    class WithFile(Note):
        paper: Annotated[Upload, UploadLimit(1000)]

    @action(allow=anyone("a test"))
    def other(form: WithFile, user):
        return success("")

    app = make(echo(Note, []), other, page="<button {{ action(name).button(request.args.to) }}>")
    plain, with_file = (app.test_client().get(f"/?to={to}").text for to in (NAME, other.name))

    assert ("formenctype" in plain, "hx-encoding" in plain) == (False, False)
    assert 'formenctype="multipart/form-data"' in with_file
    assert 'hx-encoding="multipart/form-data"' in with_file


def test_htmx_attributes_are_given_by_the_application():
    assert "hx-" not in page("<form {{ action(name) }}>", htmx={}).test_client().get("/").text
    assert 'hx-target="#x"' in page("<form {{ action(name) }}>", htmx={"hx-target": "#x"}).test_client().get("/").text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('\n\n{{ action("items_app.kep") }}', r":3: there is no action 'items_app\.kep'\. Known: items_app\.keep\."),
        ('{{ action("zzz") }}', r":1: there is no action 'zzz'\. Known: items_app\.keep\."),
        (
            "\n{{ action(name, nam=1) }}",
            r":2: the schema Note of items_app\.keep has no field 'nam'\. Known: name\.",
        ),
        (
            '{{ action(name).field("boddy") }}',
            r":1: the schema Note of items_app\.keep has no field 'boddy'\. Known: body",
        ),
        ('{{ action(name).value("q") }}', r":1: the schema Note .* has no field 'q'\. Known: agreed, at, body"),
    ],
)
def test_every_mistake_names_the_templates_line_and_what_there_is(text, sentence):
    with pytest.raises(BadTemplate, match=sentence):
        shown(text)


def test_mistake_in_a_file_names_the_file(tmp_path):
    from jinja2 import FileSystemLoader

    (tmp_path / "list.html").write_text('<p>\n{{ action("nothing.here") }}')
    app = page('{% include "list.html" %}')
    app.jinja_loader = FileSystemLoader(tmp_path)

    with pytest.raises(BadTemplate, match=r"list\.html:2: there is no action 'nothing\.here'"):
        app.test_client().get("/")


def test_action_whose_module_was_forgotten_is_named():
    @action(allow=anyone("a test"))
    def forgotten(form: Note, user):
        return success("")

    found = rf"'{re.escape(forgotten.name)}' is declared in tests/test_forms_in_templates\.py:\d+"
    wrong = r", but its module is not given to ServerActions\. Add it to modules=\[…\]\."
    with pytest.raises(BadTemplate, match=found + wrong):
        page("{{ action(request.args.to) }}").test_client().get(f"/?to={forgotten.name}")


def test_application_brings_its_own_fields(tmp_path):
    from jinja2 import ChoiceLoader, FileSystemLoader

    (tmp_path / "server_actions").mkdir()
    (tmp_path / "server_actions/form.html").write_text(
        "{% macro field(form, name, rule, values, options) %}<b>{{ name }}</b>{% endmacro %}"
    )
    app = page('{{ action(name).field("body") }}')
    app.jinja_loader = ChoiceLoader([FileSystemLoader(tmp_path), app.jinja_loader])

    assert app.test_client().get("/").text == "<b>body</b>"

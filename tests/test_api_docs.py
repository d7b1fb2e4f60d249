"""The handbook of the API is so: its commands are run from top to bottom, and its tables are the code's."""

import json
import re
import shlex
from http import HTTPStatus
from string import Template

import pytest
from keys import PLENTY
from test_api_document import ROOT

from demo.picture import envelope
from demo.seed import PARTNER_KEY
from web.problems import KINDS

TEXT = (ROOT / "docs/api.md").read_text()
BLOCK = re.compile(r"```(\w+)\n(.*?)\n```", re.DOTALL)


@pytest.fixture
def app(make_app):
    return make_app(API_REQUESTS_PER_MINUTE=PLENTY)


def curl(client, site, words):
    """Send what a curl command would send. Knows -i, -X, -H, -d, the address, and of files a picture."""
    method, headers, body, address = "GET", [], None, ""
    words = iter(words)
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            headers.append((name, value))
        elif word in ("-d", "--data"):
            body = next(words)
        elif word == "--data-binary":
            assert next(words).startswith("@")
            body = envelope()
        elif word != "-i":
            assert word.startswith(site), word
            assert not address, "two addresses"
            address = word.removeprefix(site)
    return client.open(address, method=method, headers=headers, data=body, buffered=True)


def shown(text):
    """Return the pattern for a text in which `…` stands for anything."""
    return re.compile(".*".join(re.escape(part) for part in text.split("…")), re.DOTALL)


def holds(answer, expected):
    """Say whether an answer has everything that is shown of it."""
    if isinstance(expected, dict):
        return isinstance(answer, dict) and all(
            name in answer and holds(answer[name], expected[name]) for name in expected
        )
    if isinstance(expected, list):
        return isinstance(answer, list) and len(answer) == len(expected) and all(map(holds, answer, expected))
    if isinstance(expected, str):
        return expected == "…" or (isinstance(answer, str) and bool(shown(expected).fullmatch(answer)))
    return answer == expected and type(answer) is type(expected)


def require(answer, expected):
    """Compare an answer with how it is shown: status line, headers, and perhaps the beginning of a body."""
    head, _, body = expected.partition("\n\n")
    (status, *headers) = head.splitlines()
    assert f"HTTP/1.1 {answer.status}".upper() == status.upper(), answer.text
    for line in headers:
        name, _, value = line.partition(": ")
        assert shown(value).fullmatch(answer.headers.get(name, "is absent")), f"{line}: {answer.headers.get(name)}"
    if body and answer.is_json:
        assert holds(answer.json, json.loads(body)), answer.text
    else:
        assert answer.text.removeprefix("\ufeff").startswith(body), answer.text[:200]  # nobody sees the mark


def test_every_example_is_answered_as_it_is_shown(app):
    client, blocks = app.test_client(), BLOCK.findall(TEXT)
    known, ran = {}, 0

    for (kind, command), (follows, expected) in zip(blocks, [*blocks[1:], ("", "")], strict=True):
        if kind == "sh" and not command.startswith("curl "):
            known |= dict(line.split("=", 1) for line in command.splitlines())
        elif kind == "sh":
            words = [Template(word).substitute(known) for word in shlex.split(command.replace("\\\n", " "))]
            assert (words.pop(0), follows) == ("curl", "http"), command
            answer = curl(client, known["SITE"], words)
            require(answer, expected)
            known["ETAG"] = answer.headers.get("ETag", known.get("ETAG"))
            if answer.is_json and answer.json.get("next_cursor"):
                known["CURSOR"] = answer.json["next_cursor"]
            ran += 1
    assert known["KEY"] == PARTNER_KEY
    assert ran == sum(kind == "http" for kind, _ in blocks) > 20


def test_every_operation_has_its_heading(app):
    headings = [line.removeprefix("### ") for line in TEXT.splitlines() if line.startswith("### ")]
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1/")]
    operations = [f"{method} {rule.rule}" for rule in rules for method in rule.methods - {"HEAD", "OPTIONS"}]

    assert sorted(heading.replace("&lt;", "<").replace("&gt;", ">") for heading in headings) == sorted(operations)


def test_every_operation_has_an_example_under_its_heading():
    for section in TEXT.split("\n### ")[1:]:
        method, path = section.splitlines()[0].split()
        address = re.compile(re.escape(path).replace(re.escape("&lt;slug&gt;"), "[a-z-]+") + r'["?]')
        commands = [command for kind, command in BLOCK.findall(section) if kind == "sh"]
        sent = [re.search(r"-X (\w+)|$", command)[1] or "GET" for command in commands if address.search(command)]
        assert method in sent, path


def test_table_of_kinds_is_the_code():
    rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \| (.+) \|$", TEXT, re.MULTILINE)

    assert rows == [(kind, str(status), title) for kind, (status, title, _) in KINDS.items()]
    assert all(HTTPStatus(int(status)) for _, status, _ in rows)

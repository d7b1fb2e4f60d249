"""`/decide`: the question is answered as the article answers it, and what is shown is what runs."""

import re
from html import unescape
from itertools import cycle, product
from urllib.parse import urlencode

import pytest
from markup import faults
from scenarios import fingerprint
from test_structure import ROOT, code_lines

pytest.importorskip("labs", reason="the folder labs/ is taken out")

from labs.examples import EXAMPLES
from labs.guide import Answers
from labs.source import Source

ARTICLE = {
    "settings-toggle": "action",
    "partner-api": "handler",
    "contact-form": "action",
    "stripe-webhook": "handler",
    "new-record": "action",
    "mobile-json": "handler",
}


@pytest.fixture
def labs(make_app):
    return make_app(LABS="1")


@pytest.fixture
def reader(labs):
    return labs.test_client()


def test_six_examples_are_decided_as_in_the_article():
    assert {example.slug: example.boundary for example in EXAMPLES[:6]} == ARTICLE
    for example in EXAMPLES:
        assert Answers.model_validate(example.answers).boundary == example.boundary


def test_each_example_leads_to_its_answer_and_to_the_line_that_does_it_here(labs, reader):
    listed = unescape(reader.get("/decide").text)
    for example in EXAMPLES:
        page = reader.get(example.address).text
        verdict = {"action": "a server action", "handler": "a route handler"}[example.boundary]
        with labs.app_context():
            source = example.source

        assert verdict in page
        assert f"<code>{source.place}</code>" in page
        assert (example.address in listed) is (example.slug in ARTICLE)
        assert "What would hurt if you chose the other" in page
        assert faults(page) == []


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.slug)
def test_example_is_done_live_and_harms_nothing(labs, reader, example):
    before = fingerprint(labs)

    page = reader.act("guide.run_example", page=example.address, htmx=True, example=example.slug)

    statuses = re.findall(r"<strong>HTTP/1.1 (\d+)", page.text)
    assert [status[0] for status in statuses] in (["2"], ["3"]), page.text
    assert f"<code>{example.try_at}</code>" in unescape(page.text)
    assert faults(page.text) == []
    assert fingerprint(labs) == before


def test_every_way_to_answer_has_a_verdict_or_is_open(reader):
    questions = {"who": ["ours", "others"], "need": ["page", "answer"]}
    questions |= {name: ["yes", "no"] for name in ("address", "control", "visible")}
    some = product(*([*choices, ""] for name, choices in questions.items() if name != "visible"))
    for values, visible in zip(some, cycle(["yes", "no", ""])):  # it decides nothing
        answers = dict(zip(questions, [*values, visible], strict=True))
        page = reader.get(f"/decide?{urlencode(answers)}").text
        outside = "others" in values or "answer" in values or "yes" in values[2:4]
        inside = not outside and values[:2] == ("ours", "page")

        assert ("Build a door: a route handler" in page) is outside
        assert ("Take the hallway: a server action" in page) is inside
        assert ("Not decided yet" in page) is not (outside or inside)
    assert reader.get("/decide?who=nobody").status_code == 404


def test_address_of_an_answer_brings_the_same_page_to_somebody_else(labs):
    address = "/decide?who=others&need=answer&address=no&control=yes&visible=no"
    mine, yours = (labs.test_client().get(address).text.partition("<main")[2] for _ in range(2))

    mine, yours = (re.sub(r"_key=[\w-]+", "", page) for page in (mine, yours))  # the one-time key of a form
    assert mine == yours
    assert len(re.findall(r'type="radio"[^>]* checked', mine)) == 5


def test_twelve_cards_are_judged_one_by_one(reader):
    assert len(EXAMPLES) == len({example.slug for example in EXAMPLES}) == 12
    right = {example.slug: example.boundary for example in EXAMPLES}
    wrong = {slug: {"action": "handler", "handler": "action"}[boundary] for slug, boundary in right.items()}

    assert "12 of 12 are where we would put them." in reader.get(f"/decide/cards?{urlencode(right)}").text
    page = reader.get(f"/decide/cards?{urlencode(wrong)}").text
    assert "0 of 12 are" in page
    assert page.count("We disagree.") == 12
    assert "1 of 12 are" in reader.get(f"/decide/cards?like={right['like']}").text
    assert "of 12" not in reader.get("/decide/cards").text
    assert "of 12" not in reader.get("/decide/cards?like=neither").text
    assert faults(page) == []


def test_source_is_read_from_what_runs(labs):
    with labs.app_context():
        source = Source.of_action("posts.publish_post")
    file = (ROOT / source.path).read_text().splitlines()

    assert source.text.splitlines() == file[source.line - 1 :][: len(source.text.splitlines())]
    assert source.text.splitlines()[0] == "@action(allow=writers)"
    below = file.index("def publish_post(form: OnePost, user: User) -> Result:")  # from 0, so it is the line above
    assert source.place == f"actions/posts.py:{below}"
    assert source.lines == 6
    assert Source.of_file(source.path).lines == code_lines(ROOT / source.path)

"""`/lab/patterns`: both ways are asked for real, and answer as the page says; the pieces are the site's own."""

import re
from html import unescape

import pytest
from markup import faults
from scenarios import fingerprint

pytest.importorskip("labs", reason="the folder labs/ is taken out")

from labs.patterns import PATTERNS


@pytest.fixture
def app(make_app):
    return make_app(LABS="1")


def side(page, which):
    """Return the statuses that one side of the page shows."""
    panels = [panel for panel in page.split('<div class="panel ')[1:] if panel.startswith(which)]
    return tuple(int(status) for panel in panels for status in re.findall(r"<strong>HTTP/1.1 (\d+)", panel))


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.slug)
def test_both_ways_answer_as_the_page_says(app, visitor, pattern):
    before = fingerprint(app)
    answer = visitor.act("patterns.ask_both", page="/lab/patterns", htmx=True, pattern=pattern.slug)

    assert answer.status_code == 200
    assert (side(answer.text, "ours"), side(answer.text, "theirs")) == pattern.statuses
    assert faults(answer.text) == []
    text = unescape(re.sub("<[^>]+>", "", answer.text))
    with app.app_context():
        assert [source().place for source in pattern.code if source().place not in text] == []
    if pattern.slug != "twice":
        assert fingerprint(app) == before


def test_sent_twice_is_written_once_on_either_side(app, visitor):
    page = visitor.act("patterns.ask_both", page="/lab/patterns", htmx=True, pattern="twice").text

    assert page.count("Idempotency-Replayed: true") == 1
    with app.app_context():
        from models import Message, Post, db

        assert db.session.query(Message).filter_by(body="Sent twice, and written once.").count() == 1
        assert db.session.query(Post).filter_by(title="Written on the train").count() == 1


def test_piece_works_on_the_page_as_elsewhere(ada):
    page = ada.get("/lab/patterns").text
    wrong = {"name": "Ina", "email": "no address", "message": "Hello"}

    answer = ada.act("messages.send_message", page="/lab/patterns", htmx=True, **wrong)

    assert answer.status_code == 422
    assert "<h1>Patterns</h1>" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert re.search(r'class="switch" role="switch"[^>]*aria-label="Published: ', page)

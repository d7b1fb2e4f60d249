"""The X-ray's detail marks the lines that ran, while somebody follows, and never beside another tracer."""

import re
import sys
from pathlib import Path

import pytest
from sqlalchemy import event
from test_xray import app, trace_of, traces, watched

from flask_revalidation import Mistake
from models import Setting, db

lines = pytest.importorskip("xray.lines", reason="the folder xray/ is taken out")
ROOT = Path(__file__).parent.parent
__all__ = ["app", "watched"]


def texts(facts, file):
    """Return the lines of a file that ran, as they stand there."""
    source = (ROOT / file).read_text().splitlines()
    return [source[number - 1].strip() for number in facts["lines"].get(file, [])]


def marked(page, how):
    return [text.strip() for text in re.findall(rf'<span class="line {how}"><i>\d+</i>(.*)', page)]


def test_lines_that_ran_are_marked_while_somebody_follows(app, ada, visitor):
    unseen = trace_of(app, ada.act("posts.publish_post", post_id=14))
    assert (unseen["lines"], unseen["raised"]) == ({}, [])
    assert "while somebody follows" in visitor.get(f"/xray/{unseen['id']}").text

    visitor.get("/xray/rows")
    facts = trace_of(app, ada.act("posts.unpublish_post", post_id=14))

    body = ["post = user.find_post(form.post_id)", "post.unpublish(user)", "revalidate_tag(*post.cache_tags)"]
    assert texts(facts, "actions/posts.py")[:3] == body
    assert "self._become(PostStatus.DRAFT, by)" in " ".join(texts(facts, "models/publication.py"))
    assert set(facts["lines"]) <= {path.relative_to(ROOT).as_posix() for path in ROOT.glob("[am]*s/*.py")}
    assert marked(visitor.get(f"/xray/{facts['id']}").text, "ran")[:3] == body
    assert sys.gettrace() is None


def test_refusal_shows_the_line_that_said_no_wherever_it_stands(app, ada):
    first = trace_of(app, ada.act("posts.publish_post", post_id=24))
    ada.act("replay.again", trace=first["id"], persona="bob")
    again = traces(app, name="posts.publish_post")[0]

    page = ada.get(f"/xray/{again['id']}").text

    assert again["status"] == 404
    assert marked(page, "refuses") == ["raise NotFound"]
    assert "User.find_post" in page
    assert texts(again, "actions/posts.py") == ["post = user.find_post(form.post_id)"]
    assert sys.gettrace() is None


def test_other_tracer_is_left_alone(app, ada, visitor):
    visitor.get("/xray/rows")
    before = sys.gettrace()
    sys.settrace(lambda *_: None)
    try:
        facts, after = trace_of(app, ada.act("posts.publish_post", post_id=14)), sys.gettrace()
    finally:
        sys.settrace(before)

    assert (facts["status"], facts["lines"]) == (303, {})
    assert after.__name__ == "<lambda>"


def test_tracer_rests_while_the_session_works(app, ada, visitor):
    seen = []

    def note(_state):
        seen.append(sys.gettrace())

    with app.app_context():
        event.listen(db.session, "do_orm_execute", note)
    try:
        visitor.get("/xray/rows")
        facts = trace_of(app, ada.act("posts.publish_post", post_id=14))
    finally:
        event.remove(db.session, "do_orm_execute", note)

    assert texts(facts, "actions/posts.py")[:2] == ["post = user.find_post(form.post_id)", "post.publish(user)"]
    assert set(seen) == {None}


def test_action_that_is_not_reached_leaves_no_tracer(app, ada, visitor):
    visitor.get("/xray/rows")
    ada.act("posts.publish_post", post_id=14, _key="k" * 16)

    facts = trace_of(app, ada.act("posts.publish_post", post_id=1, _key="k" * 16))

    assert (facts["status"], facts["lines"]) == (409, {})
    assert sys.gettrace() is None


def test_mistake_is_said_at_the_line_of_its_author_also_where_lines_are_noted(app, ada, visitor):
    visitor.get("/xray/rows")
    ada.act("posts.publish_post", post_id=14)

    with app.app_context(), pytest.raises(Mistake, match=r"test_xray_lines\.py:\d+ writes to table setting outside"):
        db.session.add(Setting(key="anything", value=True))
        db.session.flush()

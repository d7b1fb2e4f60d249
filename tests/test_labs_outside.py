"""`/lab/outside` and `/lab/stripe`: what each button sends is really sent, and answered as the page says."""

import json
import re
from html import unescape

import pytest
from conftest import ORIGIN
from markup import faults
from scenarios import fingerprint

pytest.importorskip("labs", reason="the folder labs/ is taken out")

from labs import outside, webhook
from models import Delivery, Member, Payment, db


@pytest.fixture
def app(make_app):
    return make_app(LABS="1")


@pytest.mark.parametrize("attempt", outside.ATTEMPTS.values(), ids=outside.ATTEMPTS)
def test_caller_from_outside_is_answered_as_the_page_says(app, visitor, attempt):
    before = fingerprint(app)
    page = visitor.act("outside.call", page="/lab/outside", attempt=attempt.slug)

    assert page.status_code == 200
    assert tuple(map(int, re.findall(r"<strong>HTTP/1.1 (\d+)", page.text))) == attempt.statuses
    assert attempt.lesson in unescape(page.text)
    assert faults(page.text) == []
    if attempt.statuses[-1] >= 400 and 201 not in attempt.statuses:
        assert fingerprint(app) == before


def test_page_that_plays_the_checkout_leads_to_the_lab_where_there_is_one(visitor, make_app):
    address = visitor.act("memberships.start_checkout", page="/support").location

    assert 'href="/lab/stripe"' in visitor.get(address).text
    assert "/lab/" not in make_app(LABS="0").test_client().get(address).text.partition("<main")[2]


@pytest.mark.parametrize("how", webhook.SENDINGS)
def test_event_is_delivered_as_the_button_says(app, visitor, how):
    payload = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", visitor.get("/lab/stripe").text, re.S)[1]
    before = counts(app)
    page = visitor.act("webhook.deliver", page="/lab/stripe", payload=unescape(payload), how=how)

    statuses = webhook.SENDINGS[how][2]
    assert tuple(map(int, re.findall(r"<strong>HTTP/1.1 (\d+)", page.text))) == statuses
    assert unescape(payload).strip() in unescape(page.text)
    grown = int(statuses[0] == 200)
    assert counts(app) == [number + grown for number in before]
    assert (f"{before[0]} → {before[0] + 1}" in page.text) is bool(grown)
    assert ("nothing was stored" in page.text) is not grown


@pytest.mark.parametrize(
    "payload",
    [
        "{}",
        "[" * 7_000,
        '{"id": "\\u0000"}',
        '{"id": 1}',
        '{"id": "' + "e" * 300 + '"}',
        "nonsense",
        "é🦊",
        "x" * 9_000,
    ],
    ids=["empty", "deep", "nul", "number", "long", "no json", "no ascii", "too much"],
)
@pytest.mark.parametrize("how", ["good", "flip", "indent"])
def test_odd_event_is_refused_like_any_other(app, visitor, payload, how):
    before = counts(app)
    answer = visitor.act("webhook.deliver", page="/lab/stripe", payload=payload, how=how)

    assert answer.status_code == (422 if len(payload) > 8_000 else 200)
    assert set(re.findall(r"<strong>HTTP/1.1 (\d+)", answer.text)) <= {"400", "401"}
    assert counts(app) == before


def counts(app):
    """Return how many active members, payments and deliveries there are."""
    with app.app_context():
        return [
            Member.count_by_status()["active"],
            db.session.query(Payment).count(),
            db.session.query(Delivery).count(),
        ]


def test_browser_gets_signed_bytes_that_the_webhook_takes_and_its_answers_are_shown(app, visitor):
    event = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", visitor.get("/lab/stripe").text, re.S)[1]
    form, own = {"payload": unescape(event), "how": "twice"}, {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
    signed = visitor.post("/lab/stripe/signed", data=form, headers=own).json
    before, answers = counts(app), []
    for call in signed["calls"]:
        answer = app.test_client().post(call["path"], data=call["body"], headers=call["headers"])
        told = {"status": answer.status_code, "headers": dict(answer.headers), "text": answer.text, "milliseconds": 12}
        answers.append(told)
    assert [answer["status"] for answer in answers] == [200, 200]
    after = counts(app)

    report = json.dumps({"at": signed["at"], "before": signed["before"], "answers": answers})
    page = visitor.act("webhook.deliver", page="/lab/stripe", report=report, **form).text

    assert after == [number + 1 for number in before]
    assert counts(app) == after  # it is shown, and not sent once more
    assert page.count("HTTP/1.1 200 OK") == page.count("Sent by your browser, 12 ms") == 2
    assert f"{before[0]} → {after[0]}" in page


def test_report_of_a_browser_is_text_for_its_own_page(app, visitor):
    answer = {"status": 200, "headers": {"ETag": "<b>"}, "text": "<script>x</script>", "milliseconds": 1}
    for report, status in [
        ({"at": 1, "before": 2, "answers": [answer]}, 200),
        ({"at": 1, "before": 2, "answers": [answer] * 3}, 422),
        ({"at": 1, "before": 2, "answers": [answer | {"status": 42}]}, 422),
        ("nothing", 422),
    ]:
        told = {"payload": "{}", "how": "good", "report": json.dumps(report)}
        page = visitor.act("webhook.deliver", page="/lab/stripe", **told)
        assert page.status_code == status
        assert not {"<b>", "<script>x"} & set(re.findall(r"<b>|<script>x", page.text))
        assert faults(page.text) == []


@pytest.mark.parametrize(
    ("fields", "headers", "status"),
    [
        ({"payload": "{}"}, {"Origin": "https://elsewhere.example"}, 403),
        ({"payload": ""}, {"Origin": ORIGIN}, 422),
        ({"payload": "{}", "how": "else"}, {"Origin": ORIGIN}, 422),
    ],
)
def test_nothing_else_is_signed(visitor, fields, headers, status):
    assert visitor.post("/lab/stripe/signed", data=fields, headers=headers).status_code == status


def test_lab_signs_with_no_secret_that_is_somebodys(make_app):
    app = make_app(LABS="1", STRIPE_WEBHOOK_SECRET="whsec_of_somebody_0123456789abcdef", DEMO="1")
    answer = app.test_client().act("webhook.deliver", page="/lab/stripe", payload="{}", how="good")

    assert answer.status_code == 409
    assert "does not sign with it" in answer.text
    own = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}
    assert app.test_client().post("/lab/stripe/signed", data={"payload": "{}"}, headers=own).status_code == 409

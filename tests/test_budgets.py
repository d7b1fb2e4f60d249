"""What one row, page, write or caller may cost: each bound is reached for."""

import json
import threading
from contextlib import closing
from http.client import HTTPConnection

import pytest
import responses
from keys import bearer, issue_key
from scenarios import LETTER, PUBLISHED
from serving import serving
from test_actions_memberships import CHECKOUT, SESSIONS, START, STRIPE
from webhooks import event, send

from actions import memberships
from api.v1 import export
from flask_revalidation import revalidate_everything, write
from models import Comment, Message, Post, User, db
from pages.redact import LONGEST, redact

POST = f"/blog/{PUBLISHED}"


def comment(app, count, words="A comment"):
    """Have Cleo say something, many times."""
    with app.app_context(), write(by="tests"):
        post, cleo = Post.find_published(PUBLISHED), User.find_author("cleo")
        for number in range(count):
            Comment.add(post, cleo, f"{words} {number:04}.")
        revalidate_everything()


def test_post_shows_a_page_of_its_comments_and_leads_to_the_others(app, visitor):
    comment(app, 730, "x" * 3900)

    page = visitor.get(POST)
    assert len(page.data) < 300_000
    assert page.text.index("0728.") < page.text.index("0729.")
    assert page.text.count('class="comment"') == 50
    assert "Some of the comments" in page.text

    older = visitor.get(page.text.partition('#comments" rel="next"')[0].rpartition('href="')[2])
    assert "0679." in older.text
    assert "0680." not in older.text
    assert 'rel="prev">Later comments' in older.text


def test_page_of_comments_that_is_none_is_not_found(visitor):
    assert [visitor.get(f"{POST}?before={word}").status_code for word in ("x", "0", "-1", "99999999")] == [404] * 4


def test_account_comments_only_so_often(app, cleo, find_post):
    post = find_post(PUBLISHED)

    said = [cleo.act("comments.add_comment", post_id=post.id, body=f"{n}").status_code for n in range(22)]

    assert said == [303] * 20 + [429] * 2


def test_filled_trap_is_counted_like_a_letter(app, visitor):
    answers = [visitor.act("messages.send_message", **LETTER, leave_empty="x").status_code for _ in range(21)]

    assert answers == [303] * 20 + [429]


@pytest.mark.parametrize("shape", ["[" * 300 + "]" * 300, "[0," * 300 + "0" + "]" * 300, "{}"])
def test_payload_takes_no_more_room_than_it_may_and_only_where_it_is_opened(app, ada, shape):
    body = f'{{"data": [{",".join([shape] * (40_000 // len(shape)))}]}}'.encode()
    assert len(redact(body)) <= LONGEST + 20

    told = event(event_id="evt_wide")
    told["data"]["object"]["nested"] = json.loads(body)
    assert send(app.test_client(), told).status_code == 200

    closed = ada.get("/dashboard/developers").text
    assert "<pre" not in closed
    assert len(closed) < 60_000
    row = closed.partition("?open=payload_")[2].partition("#")[0]
    assert len(ada.get(f"/dashboard/developers?open=payload_{row}").text) < 100_000


def test_strangers_take_no_place_from_exports_with_a_key(app, monkeypatch):
    key = issue_key(app, "ada")
    strangers, taken = export._SLOTS[False], 0
    while strangers.acquire(blocking=False):
        taken += 1
    try:
        assert app.test_client().get("/api/v1/posts.csv").status_code == 503
        assert app.test_client().get("/api/v1/posts.csv", headers=bearer(key), buffered=True).status_code == 200
        assert app.test_client().get("/api/v1/export", headers=bearer(key), buffered=True).status_code == 200
    finally:
        for _ in range(taken):
            strangers.release()
    assert app.test_client().get("/api/v1/posts.csv", buffered=True).status_code == 200


def test_calls_to_stripe_are_few_at_once_and_end(make_app, monkeypatch):
    app, goes_on, waiting = make_app(**STRIPE), threading.Event(), threading.Semaphore(0)
    monkeypatch.setattr(memberships, "ALTOGETHER", 0.2)

    def slow(_request):
        waiting.release()
        goes_on.wait(20)
        return 200, {}, json.dumps({"id": "cs_test_1", "object": "checkout.session", "url": CHECKOUT})

    with responses.RequestsMock(assert_all_requests_are_fired=False) as played:
        played.add_callback(responses.POST, SESSIONS, slow)
        statuses = [app.test_client().act(START, page="/support").status_code for _ in range(6)]
        assert [waiting.acquire(timeout=5) for _ in range(memberships.AT_ONCE)] == [True] * memberships.AT_ONCE
        assert not waiting.acquire(timeout=0.1)
        goes_on.set()
        assert [memberships._PLACES.acquire(timeout=5) for _ in range(4)] == [True] * 4
        for _ in range(4):
            memberships._PLACES.release()

    assert statuses == [503] * 6


def test_two_refused_redirects_leave_one_offer_to_undo(app, ada, find_post):
    for slug in (PUBLISHED, "names-on-doorbells"):
        ada.act("posts.delete_post", page="/dashboard/posts", post_id=find_post(slug).id)

    page = ada.get("/dashboard/posts")

    assert page.status_code == 200
    assert page.text.count(">Undo") == 1


def test_address_of_a_letter_writer_names_no_second_addressee(app, ada):
    with app.app_context(), write(by="tests"):
        Message.send(name="Eve", email="eve@x.example?bcc=all@y.example&body=Hello", body="Hello")
        revalidate_everything()

    page = ada.get("/dashboard/inbox").text

    assert 'href="mailto:eve@x.example%3Fbcc%3Dall@y.example%26body%3DHello"' in page


def test_page_that_cannot_be_kept_says_so_in_the_log(app, visitor, caplog):
    with app.app_context(), write(by="tests"):
        db.session.get(Post, 1).body_html = f"<p>{'x' * 1_200_000}</p>"
        revalidate_everything()
        path = db.session.get(Post, 1).path

    assert visitor.get(path).status_code == 200
    assert "too large to be kept" in caplog.text


def test_peer_on_this_machine_moves_the_site_nowhere_and_sends_few_headers(data_dir):
    with serving(data_dir, workers=1) as server:

        def get(headers):
            with closing(HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
                connection.request("GET", "/dashboard", headers=headers)
                answer = connection.getresponse()
                answer.read()
                return answer.status, answer.getheader("Location")

        assert get({"SCRIPT_NAME": "/evil", "Script-Name": "/evil", "PATH_INFO": "/blog"}) == (
            303,
            "/sign-in?next=/dashboard",
        )
        assert get({f"X-{number}": "x" * 8000 for number in range(90)})[0] in (400, 431)

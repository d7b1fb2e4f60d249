"""The scheduler's door: whoever has the secret may knock, as often as they like."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from scenarios import DRAFT, fingerprint
from sqlalchemy import select, update
from webhooks import encoded, event, inbox, member

from demo.keys import DEMO_CRON_SECRET
from flask_revalidation import revalidate_everything, revalidate_tag, write
from models import Delivery, DeliveryStatus, Post, PostFilter, PostStatus, Role, User, db, now
from models.delivery import EFFECTS

DOOR = "/api/cron/publish-due"
SECRET = {"Authorization": f"Bearer {DEMO_CRON_SECRET}"}


def make_due(app, slug=DRAFT):
    with app.app_context(), write(by="test"):
        post = db.session.scalar(select(Post).where(Post.slug == slug))
        post.schedule(now() - timedelta(seconds=1))
        revalidate_tag("posts")


def leave_behind(app, *, minutes, event_id="evt_1", **about):
    """Store an event as a worker does that dies right after."""
    it = event("invoice.paid", event_id=event_id, **about)
    with app.app_context(), write(by="test"):
        row = Delivery.receive(source="stripe", event_id=event_id, type=it["type"], body=encoded(it))
        row.received_at = now() - timedelta(minutes=minutes)


def test_what_is_due_is_published_and_every_page_shows_it(app, visitor, find_post):
    make_due(app)
    post = find_post(DRAFT)
    assert post.title not in visitor.get("/blog").text

    answer = visitor.post(DOOR, headers=SECRET)

    url = f"http://127.0.0.1:8000/blog/{DRAFT}"
    assert answer.json == {"published": [{"slug": DRAFT, "title": post.title, "url": url}], "finished": 0}
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    assert post.title in visitor.get("/blog").text


def test_second_call_publishes_nothing(app, visitor, find_post):
    make_due(app)
    visitor.post(DOOR, headers=SECRET)
    before = find_post(DRAFT).published_at

    assert visitor.post(DOOR, headers=SECRET).json == {"published": [], "finished": 0}
    assert find_post(DRAFT).published_at == before


def test_calls_that_overlap_publish_once(make_app):
    app = make_app(testing=False)
    make_due(app)

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: app.test_client().post(DOOR, headers=SECRET).json, range(16)))

    assert sum(len(answer["published"]) for answer in answers) == 1


@pytest.mark.parametrize(
    "given",
    [None, "", "Bearer", "Bearer ", f"Basic {DEMO_CRON_SECRET}", DEMO_CRON_SECRET, f"Bearer {DEMO_CRON_SECRET}x",
     f"Bearer {DEMO_CRON_SECRET[:-1]}", f"Bearer  {DEMO_CRON_SECRET}", "Bearer ü",
     f"Bearer {DEMO_CRON_SECRET.upper()}"],
)  # fmt: skip
def test_stranger_publishes_nothing(app, visitor, given):
    make_due(app)
    before = fingerprint(app)

    answer = visitor.post(DOOR, headers={} if given is None else {"Authorization": given})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="cron"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content_type == "application/problem+json"
    assert fingerprint(app) == before


def test_secret_in_the_address_or_a_cookie_is_no_credential(app, ada):
    assert ada.post(f"{DOOR}?secret={DEMO_CRON_SECRET}").status_code == 401
    assert ada.post(DOOR, data={"secret": DEMO_CRON_SECRET}).status_code == 401


def test_without_a_secret_nobody_is_let_in(app, visitor):
    app.config["CRON_SECRET"] = ""

    assert visitor.post(DOOR, headers={"Authorization": "Bearer "}).status_code == 401
    assert visitor.post(DOOR, headers=SECRET).status_code == 401


def test_scheme_may_be_written_as_one_likes(visitor):
    assert visitor.post(DOOR, headers={"Authorization": f"bearer {DEMO_CRON_SECRET}"}).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_nothing_but_post(app, visitor, method):
    make_due(app)

    answer = visitor.open(DOOR, method=method, headers=SECRET)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    with app.app_context():
        assert PostFilter(PostStatus.SCHEDULED).count() == 3


def test_event_that_a_dead_worker_left_is_finished(app, visitor):
    leave_behind(app, minutes=2)

    assert visitor.post(DOOR, headers=SECRET).json["finished"] == 1
    assert inbox(app) == [("stripe", "evt_1", "applied", 0)]
    assert member(app)[2:] == ("active", 1)
    assert visitor.post(DOOR, headers=SECRET).json["finished"] == 0


def test_event_that_may_still_be_in_work_is_left_alone(app, visitor):
    leave_behind(app, minutes=0.5)

    assert visitor.post(DOOR, headers=SECRET).json["finished"] == 0
    assert inbox(app) == [("stripe", "evt_1", "pending", 0)]


def test_event_that_fails_does_not_hold_up_the_others(app, visitor, monkeypatch):
    acts = EFFECTS["stripe", "invoice.paid"]
    monkeypatch.setitem(
        EFFECTS, ("stripe", "invoice.paid"), lambda told: 1 / 0 if told["id"] == "evt_1" else acts(told)
    )
    leave_behind(app, minutes=3)
    leave_behind(app, minutes=2, event_id="evt_2")

    assert visitor.post(DOOR, headers=SECRET).json["finished"] == 1
    assert inbox(app) == [("stripe", "evt_1", "failed", 1), ("stripe", "evt_2", "applied", 0)]


def test_what_is_dead_is_left_to_people(app, visitor):
    leave_behind(app, minutes=3)
    with app.app_context(), write(by="test") as session:
        session.execute(update(Delivery).where(Delivery.event_id == "evt_1").values(status=DeliveryStatus.DEAD))

    assert visitor.post(DOOR, headers=SECRET).json["finished"] == 0


def test_one_call_finishes_a_bounded_number(app, visitor):
    for number in range(53):
        leave_behind(app, minutes=2, event_id=f"evt_{number}", invoice=f"in_{number}")

    assert [visitor.post(DOOR, headers=SECRET).json["finished"] for _ in range(3)] == [50, 3, 0]
    assert member(app)[3] == 53


def test_command_does_the_same(app, find_post):
    make_due(app)
    leave_behind(app, minutes=2)

    output = app.test_cli_runner().invoke(args=["cron", "publish-due"]).output

    assert output == f"published 1\n  {find_post(DRAFT).title}\nfinished 1 deliveries\n"
    assert member(app)[3] == 1


def test_posts_of_the_same_moment_are_published_in_the_order_of_their_ids(app):
    at = now() - timedelta(minutes=1)
    with app.app_context(), write(by="test") as session:
        ada = User.find_author("ada")
        late, *others = [ada.write(f"At once {number}") for number in range(4)]
        session.flush()
        for post in (*others, late):
            post.schedule(at)
            session.flush()  # so that rows are changed, and indexed, in this order
        revalidate_tag("posts")
    with app.app_context(), write(by="test"):
        due = [post.id for post in Post.publish_due()]
        revalidate_tag("posts")

    assert len(due) == 4
    assert due == sorted(due)


def test_post_that_its_author_may_not_publish_any_more_is_not_told_as_published(app, visitor, find_post):
    make_due(app)
    with app.app_context(), write(by="test"):
        post = db.session.scalar(select(Post).where(Post.slug == DRAFT))
        post.cleared, post.author.role = False, Role.READER
        revalidate_everything()

    assert visitor.post(DOOR, headers=SECRET).json["published"] == []
    assert find_post(DRAFT).status == PostStatus.DRAFT

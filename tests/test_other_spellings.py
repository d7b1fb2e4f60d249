"""Attacks of the review in other spellings: what held against one of a kind holds against the next."""

from urllib.parse import quote

import pytest
from keys import bearer
from scenarios import PUBLISHED, fingerprint, png
from sqlalchemy import func, select
from test_hostile_forms import OWN
from test_settings import STRONG
from webhooks import STRIPE, encoded, event, signed

from flask_revalidation import revalidate_tag, write
from models import Member, User, db
from web.gate import cookie_name, sign_cookie


@pytest.mark.parametrize("livemode", [False, "true", "True", "live", 1, 1.0, None, [], [True], {"live": True}])
def test_money_is_live_where_the_event_says_so_and_nowhere_else(app, livemode):
    app.config["STRIPE_TEST_EVENTS"] = False
    body = encoded(event("checkout.session.completed", email="new@post.example") | {"livemode": livemode})

    answer = app.test_client().post(STRIPE, data=body, headers={"Stripe-Signature": signed(body)})

    assert answer.json == {"received": True, "outcome": "ignored"}
    with app.app_context():
        assert not db.session.scalar(select(func.count()).where(Member.email == "new@post.example"))


WRONG = [f"Bearer  {STRONG}", f"Bearer\t{STRONG}", f"Bearer {STRONG}x", f"Bearer {STRONG[:-1]}", f"Basic {STRONG}"]
WRONG += [f"Bearer {STRONG}, Bearer x", f"Bearer {STRONG.lower()}", "Bearer ", "Bearer", "", "Bearer \xe9", STRONG]


def test_scheduler_has_one_secret_in_one_spelling(make_app):
    door = make_app(CRON_SECRET=STRONG).test_client()
    path = "/api/cron/publish-due"

    assert [door.post(path, headers={"Authorization": header}).status_code for header in WRONG] == [401] * len(WRONG)
    assert door.post(f"{path}?secret={STRONG}").status_code == 401
    others = [door.open(path, method=method, headers=bearer(STRONG)).status_code for method in ("GET", "HEAD", "PUT")]
    assert others == [405] * 3
    assert door.post(path, headers=bearer(STRONG)).status_code == 200


@pytest.mark.parametrize("name", ["device", "session", "visitor2"])
def test_cookie_signed_for_something_else_makes_no_visitor(app, find_post, name):
    """A device is known by a cookie of ours too: it counts as no browser that has been here, nor does a changed one."""
    with app.test_request_context():
        ((other, _),) = sign_cookie(name, "someone").values()
        visitor = cookie_name("visitor")
    statuses = []
    for number in range(60):
        browser = app.test_client()
        browser.set_cookie(visitor, other.replace("someone", f"someone{number}") if number % 2 else other)
        answer = browser.post("/_actions/likes.toggle_like", data={"post_id": find_post(PUBLISHED).id}, headers=OWN)
        statuses.append(answer.status_code)

    assert statuses == [303] * 50 + [429] * 10


QUERIES = [
    "{}",
    "{}*",
    '"{}"',
    "body:{}",
    "{} OR publish",
    "NOT {}",
    "{}  ",
    "-{}",
    "({})",
    "^{}",
    "%{}%",
    "{}_",
    "{}'--",
]


def test_no_spelling_of_a_search_tells_what_stands_in_anothers_draft(app, bob):
    with app.app_context(), write(by="tests"):
        post = User.find_author("edith").write("A plan", "The zugzwang in the body")
        post.excerpt = "And a quetzal in what it begins with"
        db.session.flush()
        post_id = post.id
        revalidate_tag("posts")

    for word in ("zugzwang", "quetzal", "zugz"):
        for query in QUERIES:
            told = bob.get(f"/dashboard/posts?q={quote(query.format(word))}")
            never = bob.get(f"/dashboard/posts?q={quote(query.format('qqqqq'))}")
            assert told.status_code == never.status_code == 200
            assert f"row_{post_id}" not in told.text, query
            assert told.text.count("row_") == never.text.count("row_"), query


PART = b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
FILE = (
    b'--b\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n%s\r\n'
)


# Werkzeug leaves what came of a file that broke off to the collector.
@pytest.mark.filterwarnings("ignore:Unclosed file <tempfile.SpooledTemporaryFile:ResourceWarning")
def test_upload_without_its_end_does_nothing_though_its_length_is_right(app, ada, find_post):
    """A proxy that gives a broken body its own length: the last boundary is what tells that it is whole."""
    fields = {"post_id": str(find_post(PUBLISHED).id), "version": "1", "body": "Hello"}
    text = b"".join(PART % (name.encode(), value.encode()) for name, value in fields.items())
    file, before = FILE % png()[0].getvalue(), fingerprint(app)

    def send(body):
        kind = "multipart/form-data; boundary=b"
        return ada.post("/_actions/pictures.add_picture", data=body, content_type=kind, headers=OWN).status_code

    assert [send(text + file + end) for end in (b"", b"--b", b"--b-", b"--c--")] == [422] * 4
    assert [send(file + text), send(file + text[:-4]), send(text)] == [422] * 3
    assert fingerprint(app) == before
    assert send(text + file + b"--b--\r\n") == 200

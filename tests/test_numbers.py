"""Numbers from outside: plain ASCII digits are one, and nothing else is, wherever a number is taken from."""

import socket
import time
from urllib.parse import quote

import pytest
from api_client import Caller, refusal
from serving import serving
from webhooks import encoded, event, signed

from models import Post, billing, db
from settings import BadSettings, Settings

# What some `int` reads as a number, and no reader of ours may.
ODD = ["{}_0", "_{}", "+{}", "++{}", " {}", "{} ", "{}\t", "\n{}", "{}.0", "{}e0", "0x{}", "{},0", "-{}", "{}-", "−{}"]
SCRIPTS = {"fullwidth": 0xFF10, "arabic": 0x660, "devanagari": 0x966, "bold": 0x1D7CE}  # where their zeros are


def spellings(number):
    """Yield the ways to write a number that are not plain digits."""
    yield from (form.format(number) for form in ODD)
    for zero in SCRIPTS.values():
        yield "".join(chr(zero + int(digit)) for digit in str(number))
    yield from (f"{number}²", f"⁠{number}", f"{number}\0", "Ⅴ", "½", "NaN", "True", "9" * 400)


def test_limit_of_the_api(app):
    for typed in spellings(5):
        answer = Caller(app).get(f"/posts?limit={quote(typed)}")
        assert refusal(answer) == (422, "invalid"), typed
        assert answer.json["errors"][0]["parameter"] == "limit"


def test_plain_digits_are_taken(app, visitor, ada):
    with app.app_context():
        newest = db.session.scalar(db.select(Post.id).where(Post.status == "published").order_by(Post.id.desc()))

    assert len(Caller(app).get("/posts?limit=5").json["data"]) == 5
    assert len(Caller(app).get("/posts?limit=05").json["data"]) == 5
    assert visitor.get(f"/blog?before={newest}").status_code == 200
    assert ada.get(f"/dashboard/posts/{newest}/edit").status_code == 200
    assert visitor.get("/sitemaps/0.xml").status_code == 200
    assert ada.act("posts.unpublish_post", post_id=newest).status_code == 303


@pytest.fixture
def post_id(app):
    """A post that is there, and live."""
    with app.app_context():
        return db.session.scalar(db.select(Post.id).where(Post.status == "published").order_by(Post.id.desc()))


def test_place_in_a_list(app, visitor, ada, post_id):
    for typed in spellings(post_id):
        for path in ("/blog", "/blog?author=ada", "/dashboard/posts", "/dashboard/inbox"):
            caller = ada if path.startswith("/dash") else visitor
            joint = "&" if "?" in path else "?"
            answer = caller.get(f"{path}{joint}before={quote(typed)}")
            assert answer.status_code == 404, (path, typed)


def test_number_in_an_address(app, visitor, ada, post_id):
    for typed in spellings(post_id):
        assert ada.get(f"/dashboard/posts/{quote(typed)}/edit").status_code == 404, typed
    for typed in spellings(0):
        assert visitor.get(f"/sitemaps/{quote(typed)}.xml").status_code == 404, typed
    assert ada.get(f"/dashboard/posts/{'9' * 5000}/edit").status_code == 404


def test_address_that_is_not_ascii_is_none_of_ours(app, visitor, ada):
    paths = [f"/blog/{quote('straße')}", f"/{quote('è')}", f"/api/v1/posts/{quote('é')}", f"/pictures/{quote('٣')}.png"]

    assert [ada.get(path).status_code for path in [*paths, "/static/%C3%A9.css", "/blog/%FF"]] == [404] * 6
    assert refusal(Caller(app).get(f"/posts/{quote('é')}")) == (404, "not-found")


def test_number_in_a_form(app, ada, post_id):
    for typed in spellings(post_id):
        answer = ada.act("posts.unpublish_post", post_id=typed)
        assert answer.status_code == 422, typed
        version = ada.act("posts.update_post", post_id=post_id, version=typed, title="T", body="B")
        assert version.status_code == 422, typed
    with app.app_context():
        assert db.session.get(Post, post_id).is_published


def test_number_is_no_date(app, ada, post_id):
    ada.act("posts.unpublish_post", post_id=post_id)
    for typed in (
        "1893456000",
        "1893456000.5",
        "+1893456000",
        "1_893_456_000",
        "１８９３４５６０００",
        "1e9",
        "-1",
        "20300101",
    ):
        assert ada.act("posts.schedule_post", post_id=post_id, publish_at=typed).status_code == 422, typed
    assert ada.act("posts.schedule_post", post_id=post_id, publish_at="2030-01-01T00:00").status_code == 303


NUMBERS = ("PORT", "WEB_CONCURRENCY", "TRUSTED_PROXIES", "API_REQUESTS_PER_MINUTE")


@pytest.mark.parametrize("variable", NUMBERS)
def test_number_in_the_environment(variable):
    assert getattr(Settings.from_environment({variable: "5"}), variable.lower()) == 5
    for typed in spellings(5):
        with pytest.raises(BadSettings, match=f"{variable}: "):
            Settings.from_environment({variable: typed})


def test_time_in_a_signature(app):
    body, now = encoded(event("invoice.paid")), str(int(time.time()))
    proof = signed(body).partition("v1=")[2]

    for typed in spellings(now):
        header = f"t={typed},v1={proof}".replace("\n", " ").encode().decode("latin-1")
        answer = app.test_client().post("/api/webhooks/stripe", data=body, headers={"Stripe-Signature": header})
        assert answer.status_code == 401, typed


@pytest.mark.parametrize("count", ["٣", "３", "²", "+3", "3_0", 3.5, -3, True, None, [], {}])
def test_count_that_is_none_names_no_plan(count):
    assert billing._plan({"interval": "month", "interval_count": count}) == ""


LENGTHS = ["+5", "5_0", "-5", " 5 5", "0x5", "5.0", "5e0", "\xb2", "\xb25", "5\xb9", "٥", "５", "5,5", "5;a", ""]


def test_length_and_chunks_of_a_body(data_dir):
    """What gunicorn takes for a length: a wrong one is refused, before anybody guesses where the body ends."""
    with serving(data_dir, workers=1) as server:
        for framing, form in (("Content-Length", "{}"), ("Transfer-Encoding", "chunked")):
            for typed in LENGTHS:
                head = f"POST /api/cron/publish-due HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: close\r\n"
                head += f"{framing}: {form.format(typed)}\r\n\r\n"
                chunk = f"{typed}\r\nhello\r\n0\r\n\r\n" if form == "chunked" else "hello"
                with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
                    connection.sendall((head + chunk).encode())
                    answer = connection.recv(4096)
                status = int(answer.split()[1])
                assert status in (400, 401, 413), (framing, typed, answer[:200])
                assert framing != "Content-Length" or status == 400, (framing, typed, answer[:200])
        assert "Traceback" not in server.log.read_text()

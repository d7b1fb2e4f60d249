"""What one would want a terminal for is on the pages of the demo: the code, keys, passwords, the clock, deliveries."""

import re
from html import unescape

import pytest
from markup import faults
from scenarios import fingerprint
from test_settings import GOOD
from test_structure import ROOT
from webhooks import event, release, send, send_github

pytest.importorskip("labs", reason="the folder labs/ is taken out")

from demo.marker import PARTNER_KEY
from labs import reading
from models import Delivery

DEVELOPERS = "/dashboard/developers"


@pytest.fixture
def app(make_app):
    return make_app(LABS="1")


def link_to_the_code(page):
    return re.search(r'<a href="([^"]*)">The code is open</a>', page)[1]


def test_the_code_is_open_leads_to_the_function_that_has_made_the_page(visitor, ada):
    for path, function in {"/": "index", "/blog": "index", "/dashboard/posts": "index", "/decide": "decide"}.items():
        place, _, line = link_to_the_code(ada.get(path).text).partition("#")
        shown = re.findall(r'id="L(\d+)">(.*?)\n</span>', visitor.get(place).text, re.S)

        text = (ROOT / place.removeprefix("/lab/source/")).read_text().rstrip("\n").split("\n")
        assert [unescape(re.sub("<.*?>", "", code)) for _, code in shown] == text
        assert f"def {function}(" in "\n".join(text[int(line[1:]) - 1 :][:4]), path
    assert link_to_the_code(visitor.get("/nowhere").text) == "/lab/source"


def test_every_file_that_is_listed_is_shown_and_no_other(visitor):
    listed = re.findall(r'<a href="(/lab/source/[^"#]+)"', visitor.get("/lab/source").text)

    assert len(listed) == len(reading.files()) > 200
    for path in [*listed[::50], "/lab/source/app.py"]:
        page = visitor.get(path)
        assert page.status_code == 200
        assert faults(page.text) == [], path
    for path in ("data/hallway.db", ".git/config", "../etc/passwd", "actions/../pyproject.toml", ".venv/pyvenv.cfg"):
        assert visitor.get(f"/lab/source/{path}").status_code == 404, path


def test_production_says_that_the_code_is_open_and_links_nowhere(make_app):
    client = make_app(XRAY="", LABS="", **GOOD).test_client()
    page, sign_in = (client.get(path, base_url=GOOD["PUBLIC_URL"]).text for path in ("/", "/sign-in"))

    assert "The code is open, under the MIT licence" in re.sub(r"\s+(?=,)|(?<=\s)\s+", "", page)
    assert "/lab/" not in page
    assert "open-the-door" not in sign_in


def test_sign_in_page_of_the_demo_tells_addresses_and_a_password_that_open_it(visitor):
    *people, password = re.findall(r"<code>(.*?)</code>", visitor.get("/sign-in").text)

    assert len(people) == 4
    for email in people:
        assert visitor.act("accounts.sign_in", email=email, password=password).status_code == 303


def test_developers_page_has_the_partners_key_lines_for_curl_and_the_clock(ada):
    page = ada.get(DEVELOPERS).text
    told = ada.act("outside.call", page=DEVELOPERS, attempt="cron", htmx=True).text

    assert PARTNER_KEY in re.search(r'<textarea class="key partner-key".*?>(.*?)</textarea>', page)[1]
    lines = [unescape(line) for line in re.findall(r"<code>(curl .*?)</code>", page)]
    assert [f"Bearer {PARTNER_KEY}" in line for line in lines] == [True, False, True, True, False]
    assert "Publish what is due: 200." in told
    assert faults(page) == faults(told) == []


@pytest.mark.parametrize("source", ["stripe", "github"])
def test_delivery_is_delivered_again_and_acts_once(app, ada, bob, visitor, source):
    assert (send(visitor, event()) if source == "stripe" else send_github(visitor, release())).status_code == 200
    with app.app_context():
        one = Delivery.latest(per_page=1).rows[0].id
    before = fingerprint(app)

    answer = ada.act("terminal.again", page=DEVELOPERS, htmx=True, delivery_id=one)

    assert "Delivered again, and answered with 200:" in answer.text
    assert faults(answer.text) == []
    assert bob.act("terminal.again", page=DEVELOPERS, delivery_id=one).status_code == 403
    assert ada.act("terminal.again", page=DEVELOPERS, delivery_id=10**6).status_code == 404
    assert fingerprint(app) == before

"""`/lab/two-ways`: both sides work, and what the page counts is what there is."""

import re

import pytest
from conftest import ORIGIN
from markup import faults
from scenarios import DRAFT, fingerprint
from test_structure import ROOT

pytest.importorskip("labs", reason="the folder labs/ is taken out")

from flask_revalidation import ForgottenRevalidation, cached
from labs import two_ways
from models import PostFilter, PostStatus


@pytest.fixture
def app(make_app):
    return make_app(LABS="1")


OURS = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


def figures(page):
    """Return lines and places of both sides, as the page has them."""
    return [int(number) for number in re.findall(r"<dd>(\d+)</dd>", page)]


@pytest.mark.parametrize("switches", ["", "?badge=1", "?badge=1&forgets=1"])
def test_lines_are_those_of_the_files(app, ada, switches):
    page = ada.get(f"/lab/two-ways{switches}").text
    badge, forgets = "badge" in switches, "forgets" in switches
    with app.app_context():
        sides = two_ways.our_pieces(badge), two_ways.other_pieces(badge, forgets)
    (our_lines, our_places, their_lines, their_places) = figures(page)

    for pieces, lines in zip(sides, (our_lines, their_lines), strict=True):
        assert sum(piece.lines for piece in pieces) == lines
        for piece in pieces:
            file = (ROOT / piece.path).read_text().splitlines()
            text = piece.text.splitlines()
            assert [line.strip() for line in file[piece.line - 1 :][: len(text)]] == [line.strip() for line in text]
    assert our_places == 1
    assert their_places == 3 + (badge and not forgets)
    assert our_lines * 2 < their_lines
    assert faults(page) == []


@pytest.mark.parametrize(
    ("person", "slug", "body", "status"),
    [
        ("ada", DRAFT, '{"published": true}', 200),
        ("ada", DRAFT, '{"published": true, "role": "owner"}', 400),
        ("ada", DRAFT, "nonsense", 400),
        ("ada", None, '{"published": true}', 404),
        ("cleo", DRAFT, '{"published": true}', 403),
        ("", DRAFT, '{"published": true}', 401),
    ],
)
def test_handler_says_in_its_status_what_became_of_it(app, sign_in, find_post, person, slug, body, status):
    browser = sign_in(person) if person else app.test_client()
    post_id, before = find_post(slug).id if slug else 99_999, fingerprint(app)
    path = f"/lab/two-ways/posts/{post_id}/publication"
    answer = browser.post(path, data=body, headers=OURS)

    assert answer.status_code == status
    assert ("error" in answer.json) is (status >= 400)
    assert (fingerprint(app) == before) is (status >= 400)
    assert browser.post(path, data=body, headers={"Origin": "https://mallory.example"}).status_code == 403
    if status == 200:
        assert find_post(DRAFT).is_published
        assert find_post(DRAFT).title in browser.get("/blog").text  # the pages are fresh by it as well


def test_numbers_of_the_client_are_for_those_who_write(app, visitor, bob):
    for path in ("posts", "published", "drafts", "truth"):
        assert visitor.get(f"/lab/two-ways/{path}").status_code == 403
        assert bob.get(f"/lab/two-ways/{path}").is_json
    with app.app_context():
        counts = {"published": PostFilter().count(), "drafts": PostFilter(PostStatus.DRAFT).count()}
    assert bob.get("/lab/two-ways/truth").json == counts


def test_both_sides_count_the_same_after_a_press(ada, find_post):
    ada.act("posts.publish_post", page="/lab/two-ways?badge=1", post_id=find_post(DRAFT).id)
    page, truth = ada.get("/lab/two-ways?badge=1").text, ada.get("/lab/two-ways/truth").json

    for name in ("published", "drafts"):
        assert f'data-truth="{name}">{truth[name]}</strong>' in page
    assert ada.get("/lab/two-ways/drafts").json["drafts"] == truth["drafts"]


def test_forgotten_tag_is_refused_with_the_message_that_the_page_shows(app, find_post, sign_in):
    def untagged():
        """Show how many drafts there are, under no tag."""
        return cached("lab.untagged", tags=[], render=lambda: str(PostFilter(PostStatus.DRAFT).count()))

    app.add_url_rule("/untagged", "untagged", untagged)
    ada = sign_in("ada")
    ada.get("/untagged")
    with pytest.raises(ForgottenRevalidation) as found:
        ada.act("posts.publish_post", page="/lab/two-ways", post_id=find_post(DRAFT).id)

    assert re.sub("copy .*? shows", "copy … shows", str(found.value)) == two_ways.FORGOTTEN

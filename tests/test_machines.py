"""What machines find: a map of the pages, where not to go, and what each page is called elsewhere."""

import html
import re
import struct
from datetime import datetime
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import pytest
from scenarios import PUBLISHED, good_fields
from test_structure import ROOT

from flask_revalidation import revalidate_everything, write
from models import Post, PostFilter

SITE = "http://127.0.0.1:8000"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def mapped(client):
    """Return each address of all sitemaps with its last change."""
    files = [file.findtext(MAP + "loc") for file in ElementTree.fromstring(client.get("/sitemap.xml").data)]
    roots = [ElementTree.fromstring(client.get(file.removeprefix(SITE)).data) for file in files]
    return {url.findtext(MAP + "loc"): url.findtext(MAP + "lastmod") for root in roots for url in root}


def meta(page, name):
    return html.unescape(re.search(rf'<meta (?:name|property)="{name}" content="([^"]*)"', page)[1])


def canonical(page):
    return html.unescape(re.search(r'<link rel="canonical" href="([^"]*)"', page)[1])


def test_sitemap_has_every_published_post_and_nothing_else(app, visitor):
    urls = mapped(visitor)
    with app.app_context():
        posts = PostFilter().page(size=100).rows

    dated = {url: datetime.fromisoformat(time) for url, time in urls.items() if time}
    assert dated == {f"{SITE}{post.path}": post.updated_at for post in posts}
    for path in ("/sitemap.xml", "/sitemaps/0.xml"):
        assert visitor.get(path).content_type == "application/xml; charset=utf-8"
    for url in urls:
        assert visitor.get(url.removeprefix(SITE)).status_code == 200, url


def test_sitemaps_hold_a_bounded_part_of_the_posts(app, visitor, monkeypatch):
    whole = mapped(visitor)
    for module in ("models.post", "pages.machines"):
        monkeypatch.setattr(f"{module}.MANY", 5)
    app.extensions["revalidation"].store._entries.clear()
    files = re.findall(r"<loc>(.*?)</loc>", visitor.get("/sitemap.xml").text)

    assert len(files) == 5
    assert max(visitor.get(file.removeprefix(SITE)).text.count("<lastmod>") for file in files) <= 5
    assert mapped(visitor) == whole


def test_sitemap_is_fresh_after_publishing_and_after_taking_back(app, ada, visitor):
    draft = good_fields(app, "posts.publish_post")
    address = f"{SITE}/blog/names-on-doorbells"
    before = mapped(visitor)
    ada.act("posts.publish_post", **draft)
    during = mapped(visitor)
    ada.act("posts.unpublish_post", **draft)

    assert [address in urls for urls in (before, during, mapped(visitor))] == [False, True, False]


def test_crawlers_are_told_where_not_to_go(visitor):
    answer = visitor.get("/robots.txt")
    robots = RobotFileParser()
    robots.parse(answer.text.splitlines())

    assert answer.content_type == "text/plain; charset=utf-8"
    for path in ("/_actions/posts.create_post", "/dashboard/posts", "/sign-in", "/api/v1/posts"):
        assert not robots.can_fetch("*", path), path
    for path in ("/", "/blog", "/blog?before=9", f"/blog/{PUBLISHED}", "/feed.xml", "/static/site.css"):
        assert robots.can_fetch("*", path), path
    assert robots.site_maps() == [f"{SITE}/sitemap.xml"]


def test_links_for_machines_never_follow_the_host_that_was_asked(make_app):
    app = make_app(PUBLIC_URL="https://hallway.example", TRUSTED_HOSTS="hallway.example,mirror.example")
    client = app.test_client()
    for path in ("/sitemap.xml", "/robots.txt", "/", f"/blog/{PUBLISHED}", "/blog?before=9"):
        text = client.get(path, base_url="https://mirror.example").text

        assert "mirror.example" not in text
        assert "https://hallway.example/" in text


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("/", "/"),
        ("/blog", "/blog"),
        ("/blog?page=1&x=y", "/blog"),
        ("/blog?before=9", "/blog?before=9"),
        ("/blog?utm=1&tag=security", "/blog?tag=security"),
        ("/blog?author=ada", "/blog?author=ada"),
        (f"/blog/{PUBLISHED}?from=feed", f"/blog/{PUBLISHED}"),
        ("/contact", "/contact"),
        ("/api/docs", "/api/docs"),
    ],
)
def test_page_has_one_address(visitor, asked, meant):
    page = visitor.get(asked).text

    assert canonical(page) == meta(page, "og:url") == f"{SITE}{meant}"


def test_article_is_described_by_its_own_words(app, visitor):
    with app.app_context(), write(by="test"):
        post = Post.find_published(PUBLISHED)
        post.title, post.excerpt = 'A "title" & <b>', 'An "excerpt"><script>'
        revalidate_everything()
    page = visitor.get(f"/blog/{PUBLISHED}").text

    assert meta(page, "og:title") == 'A "title" & <b> · Hallway & Door'
    assert meta(page, "description") == meta(page, "og:description") == 'An "excerpt"><script>'
    assert meta(page, "og:type") == "article"
    assert meta(page, "twitter:card") == "summary_large_image"
    assert meta(visitor.get("/blog").text, "og:type") == "website"


def test_pages_have_descriptions_of_their_own(visitor):
    paths = [
        "/",
        "/blog",
        "/blog?tag=security",
        "/blog?author=ada",
        f"/blog/{PUBLISHED}",
        "/contact",
        "/sign-in",
        "/api/docs",
    ]
    found = [meta(visitor.get(path).text, "description") for path in paths]

    assert len(set(found)) == len(paths)
    assert all(40 <= len(text) <= 200 for text in found)


def test_card_is_a_picture_of_the_promised_size(visitor):
    address = meta(visitor.get("/").text, "og:image")
    with visitor.get(address.removeprefix(SITE)) as answer:
        picture = answer.data

    assert address.startswith(f"{SITE}/static/card.png?v=")
    assert picture == (ROOT / "static/card.png").read_bytes()
    assert (picture[:8], struct.unpack(">II", picture[16:24])) == (b"\x89PNG\r\n\x1a\n", (1200, 630))
    assert len(picture) < 100_000


@pytest.mark.parametrize("path", ["/blog?q=door", "/nowhere", "/blog/no-such-post"])
def test_searches_and_refusals_are_not_to_be_listed(visitor, path):
    page = visitor.get(path).text

    assert meta(page, "robots") == "noindex"
    assert "canonical" not in page


def test_private_pages_say_nothing_to_machines(ada):
    for path in ("/dashboard", "/dashboard/posts"):
        assert "og:" not in ada.get(path).text

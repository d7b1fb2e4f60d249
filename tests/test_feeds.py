"""The feeds: valid, whole, fresh, and the same for everyone."""

import json
from datetime import datetime
from html import unescape
from xml.etree import ElementTree

import pytest
from scenarios import PUBLISHED, good_fields
from sqlalchemy import event

from flask_revalidation import revalidate_everything, revalidate_tag, write
from models import Post, PostFilter, db
from pages.feeds import NEWEST

ATOM = "{http://www.w3.org/2005/Atom}"
SITE = "http://127.0.0.1:8000"
HOSTILE = "]]><script>alert('&amp;')</script>\ufffe"
FEEDS = {"/feed.xml": "application/atom+xml; charset=utf-8", "/feed.json": "application/feed+json"}


def atom(client):
    return ElementTree.fromstring(client.get("/feed.xml").data)


def texts(feed, name):
    return [element.text for element in feed.iter(ATOM + name)]


def test_atom_has_what_the_standard_asks_for(visitor):
    feed = atom(visitor)
    entries = feed.findall(ATOM + "entry")

    assert len(entries) == NEWEST
    for element in [feed, *entries]:
        for name in ("id", "title", "updated", "author"):
            assert len(element.findall(ATOM + name)) == 1, name
    assert all(datetime.fromisoformat(time).tzinfo for time in texts(feed, "updated") + texts(feed, "published"))
    assert len(set(texts(feed, "id"))) == NEWEST + 1
    assert {link.get("rel"): link.get("href") for link in feed.findall(ATOM + "link")} == {
        "self": f"{SITE}/feed.xml",
        "alternate": f"{SITE}/",
    }
    assert max(texts(feed, "updated")[1:]) == texts(feed, "updated")[0]


def test_atom_carries_summary_and_whole_text(visitor):
    entry = atom(visitor).find(ATOM + "entry")
    content = entry.find(ATOM + "content")

    assert entry.find(ATOM + "link").get("href") == entry.find(ATOM + "id").text
    assert entry.find(ATOM + "summary").text
    assert content.get("type") == "html"
    assert content.text.startswith("<p>")
    assert len(content.text) > 1500


def test_json_feed_has_what_the_standard_asks_for(visitor):
    feed = visitor.get("/feed.json").get_json(force=True)

    assert (feed["version"], feed["feed_url"]) == ("https://jsonfeed.org/version/1.1", f"{SITE}/feed.json")
    assert len({item["id"] for item in feed["items"]}) == NEWEST
    for item in feed["items"]:
        assert item["url"].startswith(f"{SITE}/blog/")
        assert "<p>" in item["content_html"]
        assert datetime.fromisoformat(item["date_published"]).tzinfo
        assert item["authors"][0]["name"]
        assert item["tags"]


@pytest.mark.parametrize(("path", "kind"), FEEDS.items())
def test_reader_that_has_it_already_gets_304(visitor, path, kind):
    answer = visitor.get(path)

    assert answer.headers["Content-Type"] == kind
    assert visitor.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("path", FEEDS)
def test_feed_is_fresh_after_publishing_and_after_taking_back(app, ada, visitor, path):
    draft = good_fields(app, "posts.publish_post")["post_id"]
    before = visitor.get(path)
    ada.act("posts.publish_post", post_id=draft)
    after = visitor.get(path, headers={"If-None-Match": before.headers["ETag"]})
    ada.act("posts.unpublish_post", post_id=draft)

    assert "Names on doorbells" not in before.text
    assert after.status_code == 200
    assert "Names on doorbells" in after.text
    assert "Names on doorbells" not in visitor.get(path).text


def test_hostile_title_breaks_no_feed(app, visitor):
    with app.app_context(), write(by="test"):
        Post.find_published(PUBLISHED).title = HOSTILE
        revalidate_tag("posts", f"/blog/{PUBLISHED}")

    assert HOSTILE.replace("\ufffe", "\ufffd") in texts(atom(visitor), "title")
    assert HOSTILE in [item["title"] for item in visitor.get("/feed.json").get_json(force=True)["items"]]
    assert "<script>" not in visitor.get("/feed.xml").text


@pytest.mark.parametrize("path", FEEDS)
def test_links_in_the_texts_work_from_anywhere(visitor, path):
    text = visitor.get(path).get_data(as_text=True).replace("&#34;", '"').replace('\\"', '"')

    assert f'href="{SITE}/blog/commit-is-the-only-moment"' in text
    assert 'href="/' not in text


@pytest.mark.parametrize("path", FEEDS)
def test_relative_links_lead_to_the_post_and_beside_it(app, visitor, path):
    written = "[a](another-post) [b](#part) [c](?q=1&r=2) [d](//x.example/e) [e](mailto:a@x.example) ![f](g.png)"
    with app.app_context(), write(by="test"):
        post = Post.find_published(PUBLISHED)
        post.update(title=post.title, body=written)
        revalidate_tag("posts", post.path)

    text = visitor.get(path).text
    text = text if path == "/feed.xml" else "".join(item["content_html"] for item in json.loads(text)["items"])
    text = unescape(text).replace("&amp;", "&")

    here = f"{SITE}/blog/{PUBLISHED}"
    for link in (f"{SITE}/blog/another-post", f"{here}#part", f"{here}?q=1&r=2", "mailto:a@x.example"):
        assert f'<a href="{link}"' in text, link
    assert f'<a href="{SITE}/blog/g.png" class="picture"' in text
    assert 'href="http://x.example/e"' in text or 'href="https://x.example/e"' in text


def test_links_never_follow_the_host_that_was_asked(make_app):
    app = make_app(PUBLIC_URL="https://hallway.example", TRUSTED_HOSTS="hallway.example,mirror.example")
    text = "".join(app.test_client().get(path, base_url="https://mirror.example").text for path in FEEDS)

    assert "mirror.example" not in text
    assert '"https://hallway.example/feed.json"' in text
    assert 'href="https://hallway.example/feed.xml"' in text


@pytest.mark.parametrize("path", FEEDS)
def test_whole_texts_are_read_in_one_query(make_app, path):
    statements = []
    app = make_app(testing=False)  # the detector asks each read a second time
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    app.test_client().get(path)

    texts_read = [text for text in statements if "body_html" in text]
    tags_read = [text for text in statements if "FROM post AS" in text or "JOIN tag" in text]
    assert (len(texts_read), len(tags_read)) == (1, 1)


def test_empty_publication_has_a_feed(app, visitor):
    with app.app_context(), write(by="test"):
        for post in PostFilter().page(size=100).rows:
            post.unpublish()
        revalidate_everything()

    assert texts(atom(visitor), "updated") == ["1970-01-01T00:00:00+00:00"]
    assert visitor.get("/feed.json").get_json(force=True)["items"] == []


def test_pages_name_the_feeds(visitor):
    for path in FEEDS:
        assert f'<link rel="alternate" href="{path}"' in visitor.get("/blog").text

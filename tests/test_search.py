"""Searching: what is found, in which order, how fresh, and that no query is anything but words."""

import html
import re

import pytest
from scenarios import PUBLISHED, good_fields, pages_of
from sqlalchemy import delete, insert, text, update

from flask_revalidation import revalidate_everything, write
from models import Post, PostFilter, User, db
from models.search import words_of

TITLE = "The letter slot and the front desk"
HOSTILE = [
    '"', '""', "'", "*", "a*", "^a", "a AND", "OR", "NOT a", "NEAR(a b, 2)", "NEAR(", "title:a", "-a", "{a b}: c", "(",
    ")", '"a', 'a" OR "b', "a + b", "%", "_", "a_b", "\\", "/*", "--", ";", "a\0b", "\0", "\ud7ff", "🚪", "👩\u200d👧",
    "日本", "é" * 80, "\u0301", "\u200b", "\ufffd", "x" * 10_000, "a " * 5_000, "²", "ⅷ", "１２", "𝒟oor", "\r\n",
]  # fmt: skip


def found(client, query, path="/blog", **others):
    """Return the titles on the page that a search answers with."""
    answer = client.get(path, query_string={"q": query, **others})
    assert answer.status_code == 200
    return titles(answer.text)


def titles(page):
    marked = r'<h2><a href="/blog/[^"]+">(.*?)</a>|class="what">\s*<(?:a|span)[^>]*>(.*?)<'
    return [html.unescape(one or other) for one, other in re.findall(marked, page)]


def test_search_finds_posts_by_title_excerpt_and_body(app, visitor):
    with app.app_context(), write(by="test"):
        post = Post.find_published(PUBLISHED)
        post.set_text("Wombats", "The capybara sleeps.", "A quokka smiles.")
        revalidate_everything()

    for word in ("wombats", "WOMB", "quokka", "capybara", "  capy \t quok "):
        assert found(visitor, word) == ["Wombats"], word
    assert found(visitor, "wombats aardvark") == []


def test_words_of_a_title_come_before_those_of_an_excerpt_and_of_a_text_and_newer_before_older(app, visitor):
    places = [
        ("x", "x", "Quokka wombat"),
        ("x", "Wombats", "quokka"),
        ("Wombat", "quokka", "x"),
        ("Wombat quokka",) * 3,
    ]
    with app.app_context(), write(by="test"):
        posts = PostFilter().page(size=16).rows
        for number, post in enumerate(posts):
            title, excerpt, body = places[number % 4]
            post.set_text(f"{title} {number}", body, excerpt)
        revalidate_everything()
        order = [
            posts[number].title
            for tier in ((3, 7, 11, 15), (2, 6, 10, 14), (0, 1, 4, 5, 8, 9, 12, 13))
            for number in tier
        ]

    assert [title for page in pages_of(visitor, "/blog?q=quokka+womb") for title in titles(page)] == order


def test_accents_and_case_do_not_matter(app, visitor):
    with app.app_context(), write(by="test"):
        Post.find_published(PUBLISHED).title = "Ça suffit, Zoë"
        revalidate_everything()

    for query in ("ca zoe", "ÇA SUFFIT", "Zoe\u0308", "zoë"):
        assert found(visitor, query) == ["Ça suffit, Zoë"], query


SENTENCE = "これは日本の首都東京の話です。ภาษาไทยไม่เว้นวรรค 中文没有空格。"


@pytest.mark.parametrize(
    ("title", "queries"),
    [
        ("m² and CO₂", ["m²", "m2", "CO₂", "co2", "m² co₂", "m² and CO₂"]),
        ("Ｑｕｏｋｋａ １２", ["Ｑｕｏｋｋａ", "quokka", "１２ Ｑｕｏ", "12 quo"]),
        ("The ﬁnch ½ of № 5", ["ﬁnch", "finch", "ﬁnch ½ № 5"]),
        ("ﾄﾞｱの話", ["ﾄﾞｱ", "ドア", "ドアの話"]),
        ("Wombe\u0301 Zoe\u0308", ["Wombé", "wombe", "Wombe\u0301 Zoe\u0308"]),
        (SENTENCE, ["首都", "東京の", "日本の首都東京", "首", "ไทย", "ไม่เว้น", "空格", "没有空格", SENTENCE[:40]]),
    ],
)
def test_what_one_copies_from_a_page_finds_that_page(app, visitor, title, queries):
    with app.app_context(), write(by="test"):
        for place in ("title", "body"):
            words = {"title": "Another", "body": "Nothing.", place: title}
            User.find_author("ada").write(**words).publish()
        revalidate_everything()

    for query in queries:
        assert sorted(found(visitor, query)) == sorted([title, "Another"]), query


def test_letters_that_do_not_stand_side_by_side_are_no_word(app, visitor):
    with app.app_context(), write(by="test"):
        User.find_author("ada").write(SENTENCE, "京東").publish()
        revalidate_everything()

    for query in ("都首", "本首都", "首東京", "เว้นไม่", "格空"):
        assert found(visitor, query) == [], query
    assert found(visitor, "東京 首都") == [SENTENCE]


@pytest.mark.parametrize("query", HOSTILE)
def test_no_query_is_anything_but_words(app, visitor, ada, query):
    for client, path in ((visitor, "/blog"), (ada, "/dashboard/posts")):
        assert client.get(path, query_string={"q": query}).status_code == 200
    with app.app_context():
        assert PostFilter(words=query).count() == len(PostFilter(words=query).page(size=100).rows)


def test_operators_are_searched_for_as_words(app, visitor):
    with app.app_context(), write(by="test"):
        Post.find_published(PUBLISHED).title = "Near, or not, zyzzyva"
        revalidate_everything()

    assert found(visitor, "zyzzyva NOT near OR") == ["Near, or not, zyzzyva"]
    assert found(visitor, "zyzzyva OR door NOT") == ["Near, or not, zyzzyva"]
    assert found(visitor, 'zyzzyva" OR "commit') == []
    assert words_of('NEAR("a" b*, 2)') == ["NEAR", "a", "b", "2"]


def test_search_says_how_many_it_found_and_the_page_keeps_the_question(visitor):
    page = visitor.get("/blog?q=the").text
    total = int(re.search(r"(\d+) posts speak of “the”\.", page)[1])
    found = [title for each in pages_of(visitor, "/blog?q=the") for title in titles(each)]

    assert total > 8
    assert len(found) == len(set(found)) == total
    assert 'value="the"' in page


def test_search_that_finds_nothing_says_so_and_leads_back(visitor, ada):
    for client, path in ((visitor, "/blog"), (ada, "/dashboard/posts")):
        page = client.get(path, query_string={"q": '<b>"zyzzyva'}).text

        assert "Nothing here speaks of “&lt;b&gt;&#34;zyzzyva”." in page
        assert f'<a href="{path}">all posts</a>' in page


def test_blank_search_is_the_list(visitor):
    assert titles(visitor.get("/blog?q=%20").text) == titles(visitor.get("/blog").text)


def test_search_stays_under_the_tag_it_began_under(visitor):
    security = set(titles(visitor.get("/blog?tag=security").text))
    within = found(visitor, "the", tag="security")

    assert within
    assert set(within) <= security
    assert '<input type="hidden" name="tag" value="security">' in visitor.get("/blog?tag=security").text


def test_readers_find_no_drafts_and_the_desk_does(visitor, bob):
    assert found(visitor, "doorbells") == [
        title for title in found(visitor, "doorbells") if title != "Names on doorbells"
    ]
    assert "Names on doorbells" in found(bob, "doorbells", "/dashboard/posts")
    assert "Names on doorbells" not in found(bob, "doorbells", "/dashboard/posts", status="published")


def test_results_are_fresh_after_each_action(app, ada, visitor, find_post):
    draft, edit = good_fields(app, "posts.publish_post"), good_fields(app, "posts.update_post")
    assert found(visitor, "zyzzyva") == []
    assert "Names on doorbells" not in found(visitor, "names doorbells")

    ada.act("posts.publish_post", **draft)
    assert found(visitor, "names doorbells")[0] == "Names on doorbells"
    ada.act("posts.update_post", **{**edit, "title": "A zyzzyva"})
    assert found(visitor, "zyzzyva") == ["A zyzzyva"]
    assert TITLE not in found(visitor, "letter slot front desk")
    ada.act("posts.delete_post", post_id=edit["post_id"])
    assert found(visitor, "zyzzyva") == []


def check_index(app):
    """SQLite compares every word of the index with the posts; it raises where they differ."""
    with app.app_context(), write(by="test") as session:
        session.execute(text("INSERT INTO post_search (post_search, rank) VALUES ('integrity-check', 1)"))


@pytest.mark.sqlite("its index is a table of its own")
def test_whatever_writes_posts_keeps_the_index(app, ada):
    with app.app_context(), write(by="test") as session:
        author = User.find_author("ada")
        row = {"excerpt": "", "body": "bulk", "body_html": "", "author_id": author.id}
        session.execute(insert(Post), [row | {"slug": f"s-{n}", "title": f"Zyzzyva {n}"} for n in range(3)])
        assert PostFilter(None, words="zyzzyva").count() == 3
        session.execute(update(Post).where(Post.slug == "s-0").values(title="Other", like_count=9))
        session.execute(delete(Post).where(Post.slug == "s-1"))
        assert PostFilter(None, words="zyzzyva").count() == 1
        assert PostFilter(None, words="bulk").count() == 2
        revalidate_everything()
    check_index(app)

    ada.act("demo.reset")
    check_index(app)
    with app.app_context():
        assert PostFilter(None, words="zyzzyva").count() == 0
        assert PostFilter(None, words="letter slot").count() > 0


@pytest.mark.sqlite("its index is a table of its own")
def test_rolled_back_write_leaves_the_index_alone(app):
    with app.app_context(), pytest.raises(ZeroDivisionError), write(by="test"):
        Post.find_published(PUBLISHED).title = "Zyzzyva"
        assert PostFilter(words="zyzzyva").count() == 1
        raise ZeroDivisionError

    with app.app_context():
        assert PostFilter(words="zyzzyva").count() == 0
    check_index(app)


@pytest.mark.sqlite("its index is a table of its own")
def test_a_like_does_not_touch_the_index(app, visitor):
    def blocks():
        with app.app_context():
            return db.session.execute(text("SELECT * FROM post_search_data")).all()

    before = blocks()
    visitor.act("likes.toggle_like", **good_fields(app, "likes.toggle_like"))

    assert blocks() == before


@pytest.mark.sqlite("its index is a table of its own")
def test_posts_from_before_the_index_are_in_it(tmp_path):
    from conftest import settings_for
    from flask_migrate import downgrade, upgrade

    from app import create_app
    from demo.seed import seed

    app = create_app(settings_for(tmp_path))
    with app.app_context():
        upgrade()
        with write(by="test"):
            seed()
            User.find_author("ada").write(SENTENCE).publish()
        downgrade(revision="0002")
        tables = db.session.scalars(text("SELECT name FROM sqlite_master WHERE name LIKE 'post_search%'")).all()
        db.session.rollback()
        upgrade()

        assert tables == []
        assert PostFilter(words="letter slot").page().rows[0].title == TITLE
        assert PostFilter(words="首都").page().rows[0].title == SENTENCE
        db.session.rollback()
        db.engine.dispose()


def test_article_names_its_neighbours_and_follows_them(app, ada, visitor):
    with app.app_context():
        newest, middle, oldest = PostFilter().page(size=3).rows
    path = middle.path

    def neighbours():
        return re.findall(r'<a href="(/blog/[^"?]+)" rel="(prev|next)">', visitor.get(path).text)

    assert neighbours() == [(oldest.path, "prev"), (newest.path, "next")]
    ada.act("posts.update_post", post_id=oldest.id, version=oldest.version, title="Renamed", body="New.")
    assert "Renamed" in visitor.get(path).text
    ada.act("posts.unpublish_post", post_id=newest.id)
    assert (newest.path, "next") not in neighbours()
    ada.act("posts.delete_post", post_id=oldest.id)
    assert oldest.path not in visitor.get(path).text


def test_first_and_last_post_have_one_neighbour(app, visitor):
    with app.app_context():
        posts = PostFilter().page(size=100).rows
    for post, rel in ((posts[0], "prev"), (posts[-1], "next")):
        assert re.findall(r' rel="(prev|next)"', visitor.get(post.path).text) == [rel]


def test_author_has_a_list_and_the_article_leads_there(app, visitor):
    article = visitor.get(f"/blog/{PUBLISHED}").text
    link, count = re.search(r'<a href="(/blog\?author=\w+)">(\d+) posts by', article).groups()
    page = visitor.get(link).text

    assert "<h1>Posts by" in page
    assert len(titles(page)) == min(int(count), 8)
    assert TITLE in [title for each in pages_of(visitor, link) for title in titles(each)]
    for nobody in ("nobody", "cleo"):  # Cleo has an account, and writes nothing
        assert visitor.get(f"/blog?author={nobody}").status_code == 404


def test_each_article_leads_to_the_lists_of_its_tags(visitor):
    links = re.findall(r'href="(/blog\?tag=[\w-]+)"', visitor.get(f"/blog/{PUBLISHED}").text)

    assert links
    for link in links:
        page = visitor.get(link).text
        assert f"<h1>Posts about {link.partition('=')[2]}</h1>" in page
        assert TITLE in titles(page)


def test_common_word_is_looked_for_among_the_newest_posts_alone(app, visitor, monkeypatch):
    with app.app_context(), write(by="test"):
        author = User.owner()
        for number in range(6):
            author.write(f"Wombat {number}", "A common word.").publish()
        revalidate_everything()
    monkeypatch.setattr("models.search.MOST", 4)

    assert sorted(found(visitor, "wombat")) == [f"Wombat {number}" for number in (2, 3, 4, 5)]
    assert "4 posts" in visitor.get("/blog?q=wombat").text


def test_search_of_the_desk_does_not_spell_out_drafts_of_others(app, bob, ada):
    with app.app_context(), write(by="tests"):
        User.find_author("ada").write("A quiet title", "The zanzibar clause is secret.")
        User.find_author("bob").write("Another title", "My own zanzibar.")
        User.find_author("ada").write("The zanzibar list", "Its title stands in the list anyway.")

    def found(browser):
        page = browser.get("/dashboard/posts?q=zanzibar").text
        return {title for title in ("A quiet title", "Another title", "The zanzibar list") if title in page}

    assert found(bob) == {"Another title", "The zanzibar list"}
    assert found(ada) == {"A quiet title", "Another title", "The zanzibar list"}

"""Pages by keyset: each begins behind a row of the page before, so nothing is skipped or comes twice."""

import pytest
from scenarios import beside, pages_of

from flask_revalidation import revalidate_everything, write
from models import Message, Post, PostFilter, PostStatus, Tag, User


@pytest.fixture
def many(app):
    """The demo, and thirty posts more that were published in the same moment."""
    with app.app_context(), write(by="test"):
        author = User.owner()
        posts = [author.write(f"Number {number}") for number in range(30)]
        for post in posts:
            post.publish()
        for post in posts:
            post.published_at = post.created_at = posts[0].published_at
        revalidate_everything()


def ids(page):
    return [row.id for row in page.rows]


def test_pages_one_after_the_other_are_the_whole_list_and_lead_back(app, many, visitor, ada):
    for client, path, count in ((visitor, "/blog", 7), (visitor, "/blog?author=ada", 5), (ada, "/dashboard/posts", 5)):
        assert len(pages_of(client, path)) == count, path
    with app.app_context():
        whole, place = ids(PostFilter().page(size=100)), PostFilter().page(size=9)
        read = ids(place)
        while place.older:
            place = PostFilter().page(before=place.older, size=9)
            read += ids(place)

    assert read == whole
    assert len(whole) == 50


def test_what_is_added_or_taken_away_meanwhile_moves_nothing(app, many):
    with app.app_context():
        first = PostFilter().page(size=10)
        rest = ids(PostFilter().page(size=100))[10:]
        with write(by="test"):
            User.owner().write("Newer than all").publish()
            Post.find_published(id=first.older).delete()
            Post.find_published(id=rest[0]).unpublish()
            revalidate_everything()

        assert ids(PostFilter().page(before=first.older, size=100)) == rest[1:]


def test_page_that_has_emptied_shows_the_last_one_that_has_not(app, ada):
    with app.app_context(), write(by="test"):
        for number in range(40):
            User.owner().write(f"Number {number}")
        revalidate_everything()
    second = beside(ada.get("/dashboard/posts?status=draft").text, "next")
    with app.app_context(), write(by="test"):
        kept = ids(PostFilter(PostStatus.DRAFT).page(by=Post.created_at, size=12))
        for post in PostFilter(PostStatus.DRAFT).page(by=Post.created_at, size=100).rows:
            if post.id not in kept:
                post.delete()
        revalidate_everything()

    assert ada.get(second).text.count('id="row_') == 12


@pytest.mark.parametrize("path", ["/blog?before=999999", "/blog?before=0", "/blog?before=-1", "/blog?before=3e9"])
def test_place_that_never_was_is_not_found(visitor, path):
    assert visitor.get(path).status_code == 404


def test_letters_have_pages_too(app, ada):
    with app.app_context(), write(by="test"):
        for number in range(120):
            Message.send(name=f"N{number}", email="n@letters.example", body="Hello.")
        revalidate_everything()
    pages = pages_of(ada, "/dashboard/inbox?show=unread")

    assert [page.count('<article class="letter') for page in pages] == [50, 50, 24]


def test_counts_of_a_tag_and_of_an_author_follow_what_is_written(app):
    def counted():
        return [PostFilter(**of).count() for of in ({"tag": "new"}, {"author": "ada"}, {"tag": "new", "author": "ada"})]

    with app.app_context():
        before = counted()
        with write(by="test"):
            post = User.find_author("ada").write("About counting")
            post.tags = Tag.named(["new"])
            post.publish()
            revalidate_everything()
        assert counted() == [number + 1 for number in before]


def test_rare_and_common_tags_are_looked_up_in_two_ways_and_listed_in_one(app, monkeypatch):
    with app.app_context():
        names = [tag.name for tag in PostFilter().tags()]
        rare = {name: ids(PostFilter(tag=name).page(size=3)) for name in [*names, "nothing"]}
        counts = {name: PostFilter(tag=name).count() for name in names}
        monkeypatch.setattr("models.post_filter.MANY", 0)

        assert {name: ids(PostFilter(tag=name).page(size=3)) for name in [*names, "nothing"]} == rare
        assert {name: PostFilter(tag=name).count() for name in names} == counts
        assert all(counts.values())
        assert rare["nothing"] == []

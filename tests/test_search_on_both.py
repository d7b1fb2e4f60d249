"""The same words find the same posts in the same order, on SQLite and on PostgreSQL."""

import random

import pytest
from postgres import create_database, drop_database, environment_of
from test_search import HOSTILE

from bench.fill import prepare
from flask_revalidation import revalidate_everything, write
from models import Post, PostFilter, User, db, search

TEXT = (
    "door doors doorbell Door's DOOR-way slot lettre lettré straße STRASSE Zoë zoe naïve café's ĳssel øre Ærø ΑΒΓ Ωμέγα"
    " снег Снежный 日本語 日本 한국 가각 e-mail a_b C++ 3.14 2026-11-01 1e5 x86_64 don’t http://hallway.example/a?b=c"
    " ada@post.example letter slot letters the and or not near AND OR NOT near-by ‘quoted’ — … 🚪door tab\tnew\nline"
    " ünïcödé ﬁne ½ 1½ H₂O 日本の首都東京 ภาษาไทยไม่เว้น ｆｕｌｌ ﾄﾞｱ"
)
WORDS = TEXT.split(" ")
ENDS = [
    "d",
    "do",
    "door",
    "le",
    "le sl",
    "stra",
    "ZOE",
    "cafe",
    "日",
    "가",
    "1",
    "20 11",
    "hallway example",
    "ﬁ",
    "１",
    "½",
    "h2",
    "首都",
    "ไทย",
    "都東京 full",
    "ドア",
]


def made_up(seed, count=400):
    """Return titles, excerpts and texts of posts, the same for the same seed."""
    chance = random.Random(seed)
    some = lambda most: " ".join(chance.choices(WORDS, k=chance.randint(1, most)))  # noqa: E731
    return [(some(4)[:120], some(6)[:200], some(30)) for _ in range(count)]


@pytest.fixture(scope="module")
def databases(tmp_path_factory):
    """An application on each database, with the same posts."""
    directories = [tmp_path_factory.mktemp(name) for name in ("sqlite", "postgresql")]
    create_database(directories[1])
    apps = [prepare(str(directory), **environment_of(directory)) for directory in directories]
    for app in apps:
        with app.app_context(), write(by="test"):
            for number, (title, excerpt, body) in enumerate(made_up(seed=5)):
                post = User.owner().write(title, body, slug=f"number-{number}", excerpt=excerpt, html="")
                if number % 3:
                    post.publish()
            revalidate_everything()
    yield apps
    for app in apps:
        app.extensions["fast_hits"].close()
        app.extensions["rate_limiter"].close()
        with app.app_context():
            db.engine.dispose()
    drop_database(directories[1])


def found(app, **asked):
    with app.app_context():
        posts = PostFilter(**asked)
        answer = [row.title for row in posts.matches], posts.counts(), [post.slug for post in posts.page().rows]
        db.session.rollback()
    return answer


def questions():
    chance = random.Random(7)
    words = [word for word in WORDS if word.strip()]
    beginnings = [word[: chance.randint(1, len(word))] for word in chance.choices(words, k=150)]
    return [*ENDS, *words, *beginnings, *(" ".join(chance.choices(beginnings, k=2)) for _ in range(100)), *HOSTILE]


def test_same_words_find_the_same_posts_in_the_same_order(databases):
    one, other = databases
    answers = {words: (found(one, words=words), found(other, words=words)) for words in questions()}

    assert {words: pair for words, pair in answers.items() if pair[0] != pair[1]} == {}
    assert sum(len(pair[0][0]) > 0 for pair in answers.values()) > 200


def test_they_agree_under_a_tag_and_of_a_status_too(databases):
    one, other = databases
    for asked in ({"tag": "security"}, {"status": None}, {"status": "draft"}, {"author": "bob"}):
        for words in ("door", "le", "the and"):
            assert found(one, words=words, **asked) == found(other, words=words, **asked), (asked, words)


def test_they_agree_after_a_post_has_been_written_again_and_deleted(databases):
    before = [found(app, words="zyzzyva") for app in databases]
    for app in databases:
        with app.app_context(), write(by="test"):
            post = Post.find_published("number-1")
            post.update(title="Zyzzyva", body="Zyzzyvas")
            deleted = Post.find_published("number-2")
            deleted.set_text("Deleted zyzzyva", "", html="")
            deleted.delete()
            revalidate_everything()

    assert before[0] == before[1]
    for words in ("zyzzyva", "door", "slot"):
        one, other = (found(app, words=words) for app in databases)
        assert one == other
        assert "Deleted zyzzyva" not in one[0]


@pytest.mark.parametrize(("most", "recent"), [(3, 5), (3, 400), (50, 60), (400, 3)])
def test_newest_posts_with_a_word_are_found_be_it_common_or_rare(databases, monkeypatch, most, recent):
    monkeypatch.setattr(search, "MOST", most)
    monkeypatch.setattr(search, "RECENT", recent)

    def newest(app, words):
        with app.app_context():
            found = db.session.execute(search.newest_with(words, db.engine.dialect.name)).scalars()
            return sorted(found, reverse=True)

    sqlite, postgresql = databases
    for words in ENDS:
        assert newest(postgresql, words) == newest(sqlite, words)
        assert len(newest(sqlite, words)) <= most

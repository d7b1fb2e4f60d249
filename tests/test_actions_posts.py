"""The writers' actions do what their forms say, for those who may, and every page that shows it is fresh."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from scenarios import DRAFT, PUBLISHED

COUNT = re.compile(r"<dt>Published</dt><dd>(\d+)</dd>")


def edit_fields(post, **changes):
    return {"post_id": post.id, "version": post.version, "title": post.title, "body": post.body, **changes}


def test_writer_publishes_and_every_page_shows_it(app, ada, visitor, find_post):
    paths = ["/", "/blog", "/blog?tag=contracts"]
    assert [path for path in paths if "Names on doorbells" in visitor.get(path).text] == []
    before = int(COUNT.search(ada.get("/dashboard").text)[1])

    assert ada.act("posts.publish_post", page="/dashboard/posts", post_id=find_post(DRAFT).id).status_code == 303

    assert [path for path in paths if "Names on doorbells" not in visitor.get(path).text] == []
    assert visitor.get(f"/blog/{DRAFT}").status_code == 200
    assert int(COUNT.search(ada.get("/dashboard").text)[1]) == before + 1
    assert "Published <small>21</small>" in ada.get("/dashboard/posts").text


def test_unpublished_post_is_gone_everywhere(ada, visitor, find_post):
    assert visitor.get(f"/blog/{PUBLISHED}").status_code == 200

    ada.act("posts.unpublish_post", post_id=find_post(PUBLISHED).id)

    assert visitor.get(f"/blog/{PUBLISHED}").status_code == 404
    assert "The letter slot" not in visitor.get("/").text + visitor.get("/blog").text


def test_publishing_twice_keeps_the_first_date(ada, find_post):
    dated = find_post(PUBLISHED).published_at
    for action in ("posts.unpublish_post", "posts.publish_post", "posts.publish_post"):
        ada.act(action, post_id=find_post(PUBLISHED).id)

    assert find_post(PUBLISHED).published_at == dated


def test_new_post_is_a_draft_with_a_free_address(ada, find_post):
    for _ in range(2):
        ada.act("posts.create_post", title="Zwei Türen, ein Flur", body="*Ein* Wort.")

    first, second = find_post("zwei-turen-ein-flur"), find_post("zwei-turen-ein-flur-2")
    assert (first.status, first.author.handle, first.excerpt) == ("draft", "ada", "Ein Wort.")
    assert second.slug != first.slug


@pytest.mark.parametrize("slug", ["Upper", "a b", "-a", "a--b", "../x", "é", "x" * 81, PUBLISHED])
def test_bad_or_taken_address_is_refused_beside_its_field(ada, slug):
    answer = ada.act("posts.create_post", page="/dashboard/posts", title="T", slug=slug)

    assert answer.status_code == 422
    assert 'value="T"' in answer.text


def test_published_post_has_fixed_slug(ada, find_post):
    post = find_post(PUBLISHED)

    answer = ada.act("posts.update_post", page=f"/dashboard/posts/{post.id}/edit", **edit_fields(post, slug="other"))

    assert answer.status_code == 422
    assert "keeps its address" in answer.text


def test_edit_changes_words_tags_and_version(ada, visitor, find_post):
    post = find_post(PUBLISHED)
    visitor.get(post.path)

    ada.act("posts.update_post", **edit_fields(post, title="New title", body="New **words**.", tags="forms, Odd Tag"))

    page = visitor.get(post.path).text
    assert "<h1>New title</h1>" in page
    assert "New <strong>words</strong>." in page
    assert "odd-tag" in page
    assert find_post(PUBLISHED).version == post.version + 1


def test_second_editor_gets_both_versions_and_loses_nothing(ada, find_post):
    post = find_post(PUBLISHED)
    editor = f"/dashboard/posts/{post.id}/edit"
    ada.act("posts.update_post", **edit_fields(post, body="Theirs, saved first."))

    late = ada.act("posts.update_post", page=editor, **edit_fields(post, title="Mine", body="Mine, typed meanwhile."))

    assert late.status_code == 409
    assert "Theirs, saved first.</textarea>" in late.text
    assert "Mine, typed meanwhile.</textarea>" in late.text
    assert find_post(PUBLISHED).body == "Theirs, saved first."
    version = re.search(r'name="version" value="(\d+)"', late.text)[1]
    knowingly = edit_fields(post, body="Mine, typed meanwhile.") | {"version": version}
    assert ada.act("posts.update_post", page=editor, **knowingly).status_code == 303
    assert find_post(PUBLISHED).body == "Mine, typed meanwhile."


@pytest.mark.parametrize("when", ["2020-01-01T00:00", "", "tomorrow", "2026-13-01T00:00", "99999-01-01T00:00"])
def test_schedule_needs_a_time_to_come(ada, find_post, when):
    post = find_post(DRAFT)

    answer = ada.act("posts.schedule_post", page=f"/dashboard/posts/{post.id}/edit", post_id=post.id, publish_at=when)

    assert answer.status_code == 422
    assert find_post(DRAFT).status == "draft"


@pytest.mark.parametrize(
    ("zone", "typed", "utc"),
    [
        ("Europe/Berlin", "2099-01-01T08:00", "2099-01-01T07:00"),
        ("Europe/Berlin", "2099-07-01T08:00", "2099-07-01T06:00"),
        ("Europe/Berlin", "2099-10-25T02:30", "2099-10-25T00:30"),  # twice on that day: the first
        ("Asia/Kathmandu", "2099-01-01T05:45", "2099-01-01T00:00"),
        ("America/St_Johns", "2098-12-31T20:30", "2099-01-01T00:00"),
        ("UTC", "2099-01-01T08:00", "2099-01-01T08:00"),
        ("Europe/Berlin", "2099-01-01T08:00+00:00", "2099-01-01T08:00"),
    ],
)
def test_time_is_the_one_where_the_writer_is(ada, find_post, zone, typed, utc):
    post = find_post(DRAFT)

    answer = ada.act("posts.schedule_post", htmx=True, post_id=post.id, publish_at=typed, zone=zone)

    assert f"{find_post(DRAFT).publish_at:%Y-%m-%dT%H:%M}" == utc
    assert datetime.fromisoformat(f"{utc}Z").astimezone(ZoneInfo(zone)).strftime("%-d %B %Y at %H:%M %Z") in answer.text


@pytest.mark.parametrize(
    ("zone", "typed"),
    [
        ("Europe/Berlin", "2099-03-29T02:30"),
        ("Australia/Lord_Howe", "2099-10-04T02:15"),
        ("Europe/Atlantis", "2099-01-01T00:00"),
        ("../../etc/passwd", "2099-01-01T00:00"),
        ("Europe/Berlin", "9999-12-31T23:59"),
        ("Asia/Tokyo", "0001-01-01T00:00"),
    ],
)
def test_time_that_no_clock_shows_is_refused(ada, find_post, zone, typed):
    post = find_post(DRAFT)

    answer = ada.act("posts.schedule_post", htmx=True, post_id=post.id, publish_at=typed, zone=zone)

    assert answer.status_code == 422
    assert find_post(DRAFT).publish_at is None


def test_desk_says_what_is_overdue(ada, find_post):
    ada.act("posts.schedule_post", post_id=find_post(DRAFT).id, publish_at="2099-01-01T00:00")
    assert "Overdue" not in ada.get("/dashboard/posts").text

    with time_machine.travel("2099-01-01T00:00:30+00:00"):
        assert "Overdue" not in ada.get("/dashboard/posts").text  # the schedule has its moment
    with time_machine.travel("2099-01-01T00:01:01+00:00"):
        ada.act("demo.switch_persona", persona="ada")
        assert re.search("Overdue.*Names on doorbells", ada.get("/dashboard/posts").text)


def test_saving_a_post_as_it_was_changes_nothing(ada, find_post):
    before = find_post(PUBLISHED)

    ada.act("posts.update_post", **edit_fields(before))

    after = find_post(PUBLISHED)
    assert (after.version, after.updated_at) == (before.version, before.updated_at)
    tags = ",".join(tag.name for tag in before.tags)
    other = [{"tags": "another"}, {"title": "Another", "tags": "another"}, {"body": "Another"}, {"title": "A third"}]
    for count, changed in enumerate(other, 1):
        assert find_post(PUBLISHED).version == before.version + count - 1
        ada.act("posts.update_post", **edit_fields(find_post(PUBLISHED), **changed))
        assert find_post(PUBLISHED).version == before.version + count
    ada.act("posts.update_post", **edit_fields(find_post(PUBLISHED), tags=tags))
    ada.act("posts.update_post", **edit_fields(find_post(PUBLISHED), tags=tags))
    assert find_post(PUBLISHED).version == before.version + 5


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("C#, C++", "Its tags: c-sharp, c-plus-plus."),
        ("Ärger, arger", "Its tags: arger."),
        ("!!!, ✂", "Its tags: "),
        ("!!!", "Its tags: none."),
        ("漢字", "Its tags: hanzi."),
        ("doors", None),
        ("", None),
    ],
)
def test_tag_that_is_spelt_otherwise_merged_or_dropped_is_told(ada, find_post, typed, told):
    answer = ada.act(
        "posts.update_post", htmx=True, page="/dashboard/posts", **edit_fields(find_post(PUBLISHED), tags=typed)
    )

    assert (told or "is saved.") in answer.text
    assert ("Its tags" in answer.text) is (told is not None)


def test_scheduled_post_goes_live_when_due_and_once(app, ada, visitor, find_post):
    ada.act("posts.schedule_post", post_id=find_post(DRAFT).id, publish_at="2099-01-01T00:00")
    runner = app.test_cli_runner()
    assert "published 0" in runner.invoke(args=["cron", "publish-due"]).output
    visitor.get("/")

    with time_machine.travel("2099-01-01T00:00:01+00:00", tick=False):
        assert "Names on doorbells" in runner.invoke(args=["cron", "publish-due"]).output
        assert "published 0" in runner.invoke(args=["cron", "publish-due"]).output

    assert "Names on doorbells" in app.test_client().get("/").text

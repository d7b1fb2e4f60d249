"""A forgotten revalidation cannot ship: every single one of them, taken out, is noticed."""

import ast
import hashlib
import inspect
import re
import sys
import textwrap
from dataclasses import replace

import pytest
from scenarios import PUBLISHED, SESSION, good_fields

import actions
from demo.picture import envelope
from demo.seed import PARTNER_KEY
from flask_revalidation import ForgottenRevalidation, cached, revalidate_tag, write
from flask_server_actions.declare import collect
from models import Comment, Post, PostFilter, PostStatus

ACTION = "server_actions.run"
WATCHED = ("posts", "comments", "likes", "messages", "settings", "api_keys")
actions_by_name = collect([sys.modules[f"{actions.__name__}.{name}"] for name in WATCHED])


def revalidations():
    """Yield (action, number): each thing that each action revalidates."""
    for name, item in sorted(actions_by_name.items()):
        calls = _calls(_function(item))
        for number in range(sum(max(1, len(call.args)) for call in calls)):
            yield name, number


def _function(item):
    tree = ast.parse(textwrap.dedent(inspect.getsource(item.function)))
    return tree.body[0]


def _calls(function):
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return [call for call in calls if call.func.id.startswith("revalidate_")]


def without(item, number):
    """Return the action with its `number`-th revalidation taken out of the source."""
    function = _function(item)
    function.decorator_list = []
    for call in _calls(function):
        if number < len(call.args):
            taken = ast.unparse(call.args.pop(number))
            break
        number -= len(call.args)
    namespace = dict(vars(sys.modules[item.function.__module__]))
    exec(compile(ast.fix_missing_locations(ast.Module([function], [])), "<mutant>", "exec"), namespace)
    return replace(item, function=namespace[function.name]), taken


PARAMETERS = {
    "slug": PUBLISHED,
    "post_id": "3",
    "kind": "invalid",
    "part": 0,
    "session_id": SESSION,
    "name": "site.css",
    "digest": hashlib.sha256(envelope()).hexdigest(),
    "file_type": "png",
}


def addresses(app):
    """Return an address for each GET route that the application has, with the query strings that lists know."""
    adapter = app.url_map.bind("localhost")
    rules = [
        rule
        for rule in app.url_map.iter_rules()
        # Files, and what a member alone sees, uncached (tests/test_membership_page.py).
        if "GET" in rule.methods and not rule.rule.endswith((":filename>", "/support/portal"))
    ]
    known = [(rule, {name: PARAMETERS[name] for name in rule.arguments}) for rule in rules if rule.endpoint != ACTION]
    plain = [adapter.build(rule.endpoint, values) for rule, values in known]
    return [*plain, "/blog/commit-is-the-only-moment", "/blog?before=9", "/dashboard/inbox?show=unread"]


def warm(app, ada):
    """Read every address there is: as nobody, as the owner, and what the API shows with a key."""
    with app.app_context():
        commented = Comment.latest(1)[0].post.path
    stranger, key = app.test_client(), {"Authorization": f"Bearer {PARTNER_KEY}"}
    for path in [*addresses(app), commented]:
        readers = [ada.get(path), stranger.get(path), stranger.get(path, headers=key)]
        assert min(answer.status_code for answer in readers) < 400, path
        for answer in readers:
            answer.close()  # a download is a file


@pytest.mark.parametrize("name", sorted(actions_by_name))
def test_action_as_it_is_forgets_nothing(app, ada, find_post, name):
    fields = good_fields(app, name)
    warm(app, ada)

    assert ada.act(name, page="/dashboard/posts", **fields).status_code < 400


@pytest.mark.parametrize(("name", "number"), list(revalidations()))
def test_each_revalidation_taken_out_is_noticed(app, ada, find_post, name, number):
    mutant, taken = without(actions_by_name[name], number)
    app.extensions["server_actions"].actions[name] = mutant
    fields = good_fields(app, name)
    warm(app, ada)

    with pytest.raises(ForgottenRevalidation, match=rf"^{re.escape(name)} changed table") as noticed:
        ada.act(name, page="/dashboard/posts", **fields)

    assert "Add revalidate_" in str(noticed.value), taken


def test_there_is_something_to_forget_in_every_action():
    assert {name for name, _ in revalidations()} == {name for name, item in actions_by_name.items() if item.writes}


def test_reset_without_its_revalidation_is_noticed(app, ada, find_post, monkeypatch):
    ada.act("posts.create_post", title="Gone after the reset")
    warm(app, ada)
    monkeypatch.setattr("actions.demo.revalidate_everything", lambda: None)

    with pytest.raises(ForgottenRevalidation, match=r"^demo\.reset changed table"):
        ada.act("demo.reset")


def test_message_says_page_table_action_and_remedy(app):
    app.test_client().get(f"/blog/{PUBLISHED}")

    with app.app_context(), pytest.raises(ForgottenRevalidation) as noticed, write(by="posts.publish_post"):
        Post.find_published(PUBLISHED).title = "Quietly changed"

    for part in ("posts.publish_post", "table post", f"/blog/{PUBLISHED}", f'revalidate_path("/blog/{PUBLISHED}")'):
        assert part in str(noticed.value)


def test_forgotten_write_is_rolled_back(app, find_post):
    app.test_client().get(f"/blog/{PUBLISHED}")

    with app.app_context(), pytest.raises(ForgottenRevalidation), write(by="test"):
        Post.find_published(PUBLISHED).title = "Quietly changed"

    assert find_post(PUBLISHED).title == "The letter slot and the front desk"


def test_write_beside_what_a_copy_shows_raises_no_alarm(app, find_post):
    app.test_client().get(f"/blog/{PUBLISHED}")

    with app.app_context(), write(by="test"):
        Post.find_published("commit-is-the-only-moment").title = "Not shown on that page"

    assert find_post("commit-is-the-only-moment").title == "Not shown on that page"


def test_copy_of_a_count_is_watched_too(app):
    with app.app_context():
        cached("count", tags=["how many"], render=lambda: str(PostFilter(PostStatus.DRAFT).count()))

        with pytest.raises(ForgottenRevalidation), write(by="test"):
            Post.find_published(PUBLISHED).unpublish()
        with write(by="test"):
            Post.find_published(PUBLISHED).unpublish()
            revalidate_tag("how many")
        assert cached("count", tags=["how many"], render=lambda: "again") == "again"


def test_production_does_not_ask_every_read_again(make_app):
    assert make_app(testing=False).extensions["revalidation"].detect is False


def test_development_has_the_detector(make_app, monkeypatch):
    monkeypatch.setenv("FLASK_DEBUG", "1")

    assert make_app(testing=False).extensions["revalidation"].detect is True


@pytest.mark.parametrize("htmx", [False, True])
def test_development_shows_the_message_on_the_page(make_app, monkeypatch, htmx):
    monkeypatch.setenv("FLASK_DEBUG", "1")
    app = make_app(testing=False)
    browser = app.test_client()
    browser.act("demo.switch_persona", persona="ada")
    browser.get("/dashboard")
    name = "posts.create_post"
    app.extensions["server_actions"].actions[name] = without(actions_by_name[name], 0)[0]

    answer = browser.act(name, page="/dashboard/posts", htmx=htmx, title="Forgotten")

    assert answer.status_code == 500
    assert "<h1>ForgottenRevalidation: posts.create_post changed table post" in answer.text
    assert "Add revalidate_" in answer.text

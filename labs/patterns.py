"""`/lab/patterns`: what hallway and door each do with the same need, side by side and at work; and every component."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple
from urllib.parse import urlencode

from flask import render_template, request

from actions.messages import MessageForm
from api import idempotency
from api.v1.resources import PostIn
from flask_server_actions import Form, Result, action, last_result, success
from flask_server_actions.csrf import require_same_origin
from flask_server_actions.idempotency import recall
from labs.blueprint import bp
from labs.exchange import LIMITS, OPEN, Call, Exchange
from labs.outside import KEY, WORDS
from labs.source import Source
from models import Post, PostFilter, User
from pages.paging import Paging
from web import auth

Side = tuple[int, ...]
MESSAGE = {"name": "Ina", "email": "ina@letters.example", "message": "Sent twice, and written once."}


class Both(NamedTuple):
    """What each of the two was asked and has answered."""

    action: Sequence[Exchange]
    handler: Sequence[Exchange]


@dataclass(frozen=True)
class Pattern:
    """A need that both have: what they do about it, the code that does it, and a pair of requests that shows it."""

    slug: str
    title: str
    action: str
    handler: str
    code: tuple[Callable[[], Source], Callable[[], Source]]
    statuses: tuple[Side, Side]
    send: Callable[[], Both]


def _form(action: str, /, **fields: str) -> Call:
    site = request.host_url.rstrip("/")
    return Call.form(action, urlencode(fields), Origin=site, Sec_Fetch_Site="same-origin")


def _write(**headers: str) -> Call:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call.json("POST", "/api/v1/posts", WORDS, named)


def _nobody() -> Both:
    return Both([_form("posts.create_post", title="From nobody").send()], [_write().send()])


def _foreign() -> Both:
    foreign = {"Origin": "https://mallory.example", "Sec-Fetch-Site": "cross-site"}
    form = Call.form("posts.create_post", "title=By+Mallory", Origin=foreign["Origin"], Sec_Fetch_Site="cross-site")
    return Both([form.send()], [Call("GET", "/api/v1/tags", foreign).send()])


def _wrong() -> Both:
    form = _form("messages.send_message", **MESSAGE | {"email": "no address"})
    return Both([form.send()], [Call.json("POST", "/api/v1/posts", {"title": "", "color": "red"}, KEY).send()])


def _twice() -> Both:
    form = _form("messages.send_message", **MESSAGE, _key=secrets.token_hex(16))
    call = Call.json("POST", "/api/v1/posts", WORDS, KEY | {"Idempotency-Key": secrets.token_hex(8)})
    return Both([form.send(), form.send()], [call.send(), call.send()])


def _again() -> Both:
    def ask(path: str) -> list[Exchange]:
        first = Call("GET", path).send()
        return [first, Call("GET", path, {"If-None-Match": first.etag}).send()]

    return Both(ask("/blog"), ask("/api/v1/tags"))


def _by_link() -> Both:
    return Both([Call("GET", "/_actions/posts.publish_post?post_id=1").send()], [Call("DELETE", "/api/v1/tags").send()])


PATTERNS = [
    Pattern(
        "nobody", "Say who you are",
        "The session of a person. Nobody is signed in: 401 is the sign-in page, which carries what was typed through.",
        "A key with scopes, in a header. No key: 401 is a problem that a program can read, and says what to bring.",
        (lambda: Source.of(auth.writers), lambda: Source.of_view("api_v1.create_post")),
        ((401,), (401,)), _nobody,
    ),
    Pattern(
        "foreign", "Come from elsewhere",
        "A browser sends cookies with every form, so a form of a foreign page is refused: 403.",
        "No cookie is read here, so there is nothing to be abused; anybody’s page and program may read.",
        (lambda: Source.of(require_same_origin), lambda: Source.of_view("api_v1.list_tags")),
        ((403,), (200,)), _foreign,
    ),
    Pattern(
        "wrong", "Get it wrong",
        "422 is the same page, each error beside its field, and every word still there.",
        "422 is a list of errors, each with a pointer into the body, under a type with an address.",
        (lambda: Source.of(MessageForm), lambda: Source.of(PostIn)), ((422,), (422,)), _wrong,
    ),
    Pattern(
        "twice", "Send it twice",
        "Each form carries a one-time key: the second press gets the first one’s answer, and nothing is written.",
        "The client chooses an Idempotency-Key: the same key, the same answer, marked as a replay.",
        (lambda: Source.of(recall), lambda: Source.of(idempotency.recall)), ((303, 303), (201, 201)), _twice,
    ),
    Pattern(
        "again", "Read it again",
        "A page has an ETag made of its tags’ versions. Nothing has changed: 304, and nothing is rendered.",
        "So has an answer of the API, by the very same tags: one write makes both fresh.",
        (lambda: Source.of_view("blog.index"), lambda: Source.of_view("api_v1.list_tags")),
        ((200, 304), (200, 304)), _again,
    ),
    Pattern(
        "link", "Use the wrong method",
        "An action is a POST. A link to one does nothing, and leads to a page, or says so.",
        "A handler owns methods and statuses: 405, and Allow names what there is.",
        (lambda: Source.of_action("posts.publish_post"), lambda: Source.of_view("api_v1.publish_post")),
        ((405,), (405,)), _by_link,
    ),
]  # fmt: skip
BY_SLUG = {pattern.slug: pattern for pattern in PATTERNS}


class WhichPattern(Form):
    """Which need."""

    pattern: Literal[*BY_SLUG]  # type: ignore[valid-type]


def send(form: WhichPattern, _user: User | None) -> Both:
    """Ask both, before anything else is done."""
    return BY_SLUG[form.pattern].send()


@action(allow=OPEN, prepare=send, writes=False, rate_limit=LIMITS)
def ask_both(form: WhichPattern, _user: User | None, both: Both) -> Result:
    """Show what each of the two has answered."""
    told = " and ".join(f"{name} {', '.join(str(it.status) for it in side)}" for name, side in both._asdict().items())
    return success(f"{BY_SLUG[form.pattern].title}: {told}.", data=(form.pattern, both), reveal_once={"lab": "both"})


@bp.get("/lab/patterns")
def patterns() -> str:
    """Show the patterns, and the components that the site's pages are put together from."""
    chosen, both = last_result().data if isinstance(last_result().data, tuple) else ("", None)
    posts = PostFilter().page(by=Post.published_at, size=2)
    return render_template(
        "labs/patterns.html",
        patterns=PATTERNS,
        chosen=chosen,
        both=both,
        user=auth.current_user(),
        post=posts.rows[0] if posts.rows else None,
        paging=Paging("/blog", {}, posts),
        months=[("2026-09", 1200), ("2026-10", 1800), ("2026-11", 2400)],
    )

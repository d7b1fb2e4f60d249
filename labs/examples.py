"""Twelve cases, the first six the article's: who calls, what they need, and where this site does exactly that."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

from api.webhooks import github, stripe
from labs import outside, webhook
from labs.attack import good_form, rehearse
from labs.exchange import Call, Exchange
from labs.outside import KEY, WORDS
from labs.source import Source

Boundary = Literal["action", "handler"]


@dataclass(frozen=True)
class Example:
    """A case. `try_at` is where a visitor sees it happen, and `to_do` what to press there; `live` does it on a copy."""

    slug: str
    title: str
    answers: dict[str, str]
    find: Callable[[], Source]
    try_at: str
    to_do: str
    live: Callable[[], Exchange]

    @property
    def boundary(self) -> Boundary:
        """What the article would choose: an action for a page of ours that needs itself back, else a handler."""
        first = ("ours", "page", "no", "no")
        return "action" if tuple(map(self.answers.get, ("who", "need", "address", "control"))) == first else "handler"

    @property
    def source(self) -> Source:
        """The code that does it here."""
        return self.find()

    @property
    def address(self) -> str:
        """Where `/decide` shows it."""
        return f"/decide?{urlencode(self.answers | {'like': self.slug})}"


def _action(slug: str, title: str, name: str, try_at: str, to_do: str) -> Example:
    answers = {"who": "ours", "need": "page", "address": "no", "control": "no", "visible": "yes"}
    return Example(slug, title, answers, lambda: Source.of_action(name), try_at, to_do, lambda: good_form(name))


def _handler(
    slug: str,
    title: str,
    find: Callable[[], Source],
    try_at: str,
    to_do: str,
    call: Callable[[], Call],
    *,
    control: str,
    visible: str,
    who: str = "others",
) -> Example:
    answers = {"who": who, "need": "answer", "address": "yes", "control": control, "visible": visible}
    return Example(slug, title, answers, find, try_at, to_do, lambda: rehearse(lambda _: call()))


def _view(endpoint: str) -> Callable[[], Source]:
    return lambda: Source.of_view(endpoint)


EXAMPLES = [
    _action(
        "settings-toggle",
        "A switch among the settings of your dashboard",
        "settings.toggle_setting",
        "/dashboard/settings",
        "As Ada, press a switch. Then make the next save fail, and press another: it flips back.",
    ),
    _handler(
        "partner-api",
        "A REST API for partners",
        _view("api_v1.create_post"),
        "/api/docs",
        "Read the contract, and try an operation with the demo’s key.",
        lambda: Call.json("POST", "/api/v1/posts", WORDS, KEY),
        control="yes",
        visible="yes",
    ),
    _action(
        "contact-form",
        "The contact form on your site",
        "messages.send_message",
        "/contact",
        "Write to us, then read it in the inbox as Ada.",
    ),
    _handler(
        "stripe-webhook",
        "A webhook of Stripe",
        lambda: Source.of(stripe.verify),
        "/dashboard/developers#deliveries",
        "As Ada, look at what Stripe has told us, and let the delivery that failed take effect.",
        webhook.delivery,
        control="yes",
        visible="yes",
    ),
    _action(
        "new-record",
        "A form of your own that makes a record and refreshes a list",
        "posts.create_post",
        "/dashboard/posts",
        "As Ada, write a new post: the list, its counts and the overview show it at once.",
    ),
    _handler(
        "mobile-json",
        "JSON for a mobile application",
        _view("api_v1.list_posts"),
        "/api/v1/posts",
        "This link is what the phone sees. Ask twice, and the second time it is 304.",
        lambda: Call("GET", "/api/v1/posts"),
        control="no",
        visible="no",
    ),
    _action(
        "delete-with-undo",
        "Deleting a post, with an undo",
        "posts.delete_post",
        "/dashboard/posts",
        "As Ada, delete a post, and take it back.",
    ),
    _action(
        "like",
        "A heart under a post that fills at once",
        "likes.toggle_like",
        "/blog/commit-is-the-only-moment",
        "Press the heart below the post.",
    ),
    _handler(
        "scheduler",
        "A scheduler that publishes what is due",
        _view("cron.publish_due"),
        "/dashboard/posts?status=scheduled",
        "As Ada, see what waits for its time; the scheduler’s next call publishes it.",
        outside.cron,
        control="yes",
        visible="yes",
    ),
    _handler(
        "spreadsheet",
        "A button on your dashboard that saves all posts as CSV",
        _view("api_v1.read_csv"),
        "/api/v1/posts.csv",
        "The link saves a file. Your own page asks for it, and yet it needs no page back.",
        lambda: Call("GET", "/api/v1/posts.csv", KEY),
        control="yes",
        visible="no",
        who="ours",
    ),
    _handler(
        "github-release",
        "GitHub tells you that there is a new release",
        lambda: Source.of(github.verify),
        "/dashboard/developers#deliveries",
        "As Ada, look at what the webhooks have brought.",
        outside.release,
        control="yes",
        visible="yes",
    ),
    _action(
        "sign-in",
        "The sign-in form",
        "accounts.sign_in",
        "/sign-in",
        "Sign in as Ada. A foreign page cannot do it for you.",
    ),
]

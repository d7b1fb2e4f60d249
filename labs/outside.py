"""`/lab/outside`: a phone, a partner, GitHub and a scheduler, each with the requests that it would really make."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from flask import render_template, request

from demo.keys import DEMO_CRON_SECRET, DEMO_GITHUB_SECRET
from demo.marker import PARTNER_KEY
from flask_server_actions import Form, Result, action, last_result, success
from labs.blueprint import bp
from labs.exchange import LIMITS, OPEN, Call, Exchange
from models import User

KEY = {"Authorization": f"Bearer {PARTNER_KEY}"}
WORDS = {"title": "Written on the train", "body": "From a telephone, through the *public* API."}
FORM = "title=Written+on+the+train"


@dataclass(frozen=True)
class Attempt:
    """A button: what it sends, with which statuses it is answered, and what that teaches."""

    slug: str
    label: str
    statuses: tuple[int, ...]
    lesson: str
    make: Callable[[], Sequence[Exchange]]


def _once(make: Callable[[], Call]) -> Callable[[], Sequence[Exchange]]:
    return lambda: [make().send()]


def _twice(make: Callable[[], Call]) -> Callable[[], Sequence[Exchange]]:
    return lambda: [call.send() for call in [make()] * 2]


def _forged(name: str) -> Call:
    return Call.form(name, FORM, Origin=request.host_url.rstrip("/"), Sec_Fetch_Site="same-origin")


def _retryable() -> Call:
    return Call.json("POST", "/api/v1/posts", WORDS, KEY | {"Idempotency-Key": secrets.token_hex(8)})


def _ask_again() -> Sequence[Exchange]:
    first = Call("GET", "/api/v1/tags").send()
    return [first, Call("GET", "/api/v1/tags", {"If-None-Match": first.etag}).send()]


def _change_late() -> Sequence[Exchange]:
    made = Call.json("POST", "/api/v1/posts", WORDS, KEY).send()
    path = next((value for name, value in made.headers if name == "Location"), "/api/v1/posts/none")
    return [made, Call.json("PATCH", path, {"title": "Too late"}, KEY | {"If-Match": '"of-yesterday"'}).send()]


def release(secret: str = DEMO_GITHUB_SECRET) -> Call:
    """Return what GitHub says of a release, signed."""
    told = {"id": secrets.randbelow(2**40) + 1, "name": "Two doors", "tag_name": "v2", "body": "Both are *open*."}
    body = json.dumps({"action": "published", "release": told})
    signature = hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
    headers = {"Content-Type": "application/json", "X-GitHub-Event": "release"}
    headers |= {"X-GitHub-Delivery": secrets.token_hex(8), "X-Hub-Signature-256": f"sha256={signature}"}
    return Call("POST", "/api/webhooks/github", headers, body)


def cron(secret: str = DEMO_CRON_SECRET) -> Call:
    """Return the call of a scheduler."""
    return Call("POST", "/api/cron/publish-due", {"Authorization": f"Bearer {secret}"} if secret else {})


CALLERS: dict[str, tuple[str, list[Attempt]]] = {
    "A phone": (
        "It wants to write a post. It has read the source of our page, and tries what our page does.",
        [
            Attempt(
                "phone-action", "Call the action", (403,),
                "It cannot show that it comes from a page of ours. This check protects the people who use our pages"
                " from forms of foreign sites.",
                _once(lambda: Call.form("posts.create_post", FORM)),
            ),
            Attempt(
                "phone-forged", "Call it, with a page’s headers", (401,),
                "A program may write any header. So the check keeps nobody out of the server: schema and policy do."
                " Nobody is signed in, and the answer is a page of HTML, for people.",
                _once(lambda: _forged("posts.create_post")),
            ),
            Attempt(
                "phone-renamed", "Call it, after we have renamed it", (404,),
                "We have refactored, and told nobody: our own forms follow by themselves. An action is no contract.",
                _once(lambda: _forged("posts.write_post")),
            ),
            Attempt(
                "phone-list", "Read posts from the API", (200,),
                "JSON under a contract: an ETag to ask again with, and a Link to the next page.",
                _once(lambda: Call("GET", "/api/v1/posts?limit=1")),
            ),
            Attempt(
                "phone-no-key", "Write to the API, without a key", (401,),
                "A refusal that a program can read: problem+json, and the header that says what to bring.",
                _once(lambda: Call.json("POST", "/api/v1/posts", WORDS)),
            ),
            Attempt(
                "phone-create", "Write to the API, with a key", (201,),
                "201, where it is now (Location), and which version it is (ETag). The list of posts at the desk shows"
                " it: the write has revalidated the same tags as our own form would.",
                _once(lambda: Call.json("POST", "/api/v1/posts", WORDS, KEY)),
            ),
        ],
    ),
    "A partner": (
        "It keeps a copy of what we publish, and writes for us. It has a key, and our word that v1 stays v1.",
        [
            Attempt(
                "partner-csv", "Fetch everything as CSV", (200,),
                "Another content type, streamed: it costs no more memory with a hundred thousand posts.",
                _once(lambda: Call("GET", "/api/v1/posts.csv", KEY)),
            ),
            Attempt(
                "partner-again", "Ask, and ask again", (200, 304),
                "The ETag of the first answer saves the second: nothing has changed, and nothing is sent.", _ask_again,
            ),
            Attempt(
                "partner-retry", "Lose the answer, and try again", (201, 201),
                "The same Idempotency-Key, the same answer, and one post: the second says that it is a replay.",
                _twice(_retryable),
            ),
            Attempt(
                "partner-late", "Change what somebody else has changed", (201, 412),
                "If-Match names the version that it has read. That is not the current one, so nothing is overwritten.",
                _change_late,
            ),
        ],
    ),
    "GitHub": (
        "It tells of a release. It has no account here; the signature over the raw bytes is its credential.",
        [
            Attempt(
                "github-release", "Publish a release", (200,),
                "Verified, stored, applied: the desk has a new draft, and every page that lists drafts is fresh.",
                _once(release),
            ),
            Attempt(
                "github-twice", "Deliver it twice", (200, 200),
                "At least once is what senders promise. Exactly once is what happens here.",
                _twice(release),
            ),
            Attempt(
                "github-forged", "Sign with another secret", (401,),
                "401 and no more: whoever guesses learns nothing.", _once(lambda: release("a guess")),
            ),
        ],
    ),
    "A scheduler": (
        "It knocks every minute, with a secret of its own.",
        [
            Attempt("cron-nobody", "Call without the secret", (401,), "A bearer token is wanted, and named.",
                    _once(lambda: cron(""))),
            Attempt("cron", "Publish what is due", (200,),
                    "What was due is live, on the front page, in the list and in the feeds. Harmless when repeated.",
                    _once(cron)),
        ],
    ),
}  # fmt: skip
ATTEMPTS = {attempt.slug: attempt for _, attempts in CALLERS.values() for attempt in attempts}


class WhichAttempt(Form):
    """Which button."""

    attempt: Literal[*ATTEMPTS]  # type: ignore[valid-type]


def make(form: WhichAttempt, _user: User | None) -> Sequence[Exchange]:
    """Send the requests, before anything else is done."""
    return ATTEMPTS[form.attempt].make()


@action(allow=OPEN, prepare=make, writes=False, rate_limit=LIMITS)
def call(form: WhichAttempt, _user: User | None, exchanges: Sequence[Exchange]) -> Result:
    """Show what an outsider was answered."""
    statuses = " and ".join(str(exchange.status) for exchange in exchanges)
    told = (ATTEMPTS[form.attempt], exchanges)
    return success(f"{ATTEMPTS[form.attempt].label}: {statuses}.", data=told, reveal_once={"lab": form.attempt})


@bp.get("/lab/outside")
def outside() -> str:
    """Show the callers, and what the last of them was answered."""
    attempt, exchanges = last_result().data or (None, [])
    return render_template("labs/outside.html", callers=CALLERS, attempt=attempt, exchanges=exchanges)

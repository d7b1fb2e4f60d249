"""`/learn`: every case that the site is about, each with a link to where it happens."""

from dataclasses import dataclass

from flask import render_template

from labs.blueprint import bp
from labs.examples import Boundary


@dataclass(frozen=True)
class Case:
    """A case: what it is, what to do there, where. `proof` is what stands on that page (a test follows the link)."""

    boundary: Boundary | None
    title: str
    to_do: str
    link: str
    proof: str


PARTS: list[tuple[str, list[Case]]] = [
    (
        "Your own pages change something",
        [
            Case(
                "action",
                "A switch among the settings",
                "Press one: it flips at once. Make the next save fail, and see it flip back.",
                "/dashboard/settings",
                "/_actions/settings.toggle_setting?key=fail_next_save",
            ),
            Case(
                "action",
                "A contact form",
                "Write to us with an address that is none, and see what becomes of your words. Then read the inbox.",
                "/contact",
                "/_actions/messages.send_message",
            ),
            Case(
                "action",
                "A form that makes a record and refreshes a list",
                "Give a new post a title. List, counts and overview are fresh, in one round trip.",
                "/dashboard/posts",
                "/_actions/posts.create_post",
            ),
            Case(
                "action",
                "Deleting, with an undo",
                "Delete a post. Its page offers to bring it back.",
                "/dashboard/posts",
                "/_actions/posts.delete_post",
            ),
            Case(
                "action",
                "A heart that does not wait for the server",
                "Press it. It is full before the answer is there, and empty again if the answer is no.",
                "/blog/commit-is-the-only-moment",
                "/_actions/likes.toggle_like",
            ),
        ],
    ),
    (
        "The seam between write and read",
        [
            Case(
                None,
                "Less code",
                "The same button, once as an action, once as a handler with a client. Lines, requests and places to"
                " remember are counted, and so is where the longer way wins.",
                "/lab/two-ways",
                "Places to remember",
            ),
            Case(
                "action",
                "One number in five places",
                "Publish a draft, then look at the overview, the front page, the list and the feed: all agree.",
                "/dashboard",
                "Published",
            ),
            Case(
                "handler",
                "A write that came in by a webhook",
                "Let Stripe report a payment; the list of members and the front page show it.",
                "/lab/stripe",
                "Active members",
            ),
            Case(
                None,
                "Where staleness lives",
                "One title, cached in four ways. Write, let a worker crash, and see which copies never hear of it.",
                "/lab/stale",
                "Write, and crash before invalidating",
            ),
        ],
    ),
    (
        "Somebody else calls",
        [
            Case(
                "handler",
                "An API for partners",
                "Read the contract and try it: keys, cursors, ETags, problems that a program can read.",
                "/api/docs",
                "openapi.json",
            ),
            Case(
                "handler",
                "JSON for a phone",
                "Look at what it gets: a status, headers, a body under a contract.",
                "/api/v1/posts",
                '"slug"',
            ),
            Case(
                "handler",
                "Headers, content types, streams",
                "Save all posts as a spreadsheet: another content type, streamed in constant memory.",
                "/api/v1/posts.csv",
                "id,slug,title",
            ),
            Case(
                "handler",
                "Raw bytes and a signature",
                "Sign an event, flip one bit of it, indent it, send it late. 401, and nothing was parsed.",
                "/lab/stripe",
                "Flip one bit after signing",
            ),
            Case(
                "handler",
                "A scheduler, a partner, a surface with a version",
                "Be the scheduler, the partner, GitHub: each brings a credential of its own.",
                "/lab/outside",
                "Publish what is due",
            ),
        ],
    ),
    (
        "Where people get it wrong",
        [
            Case(
                None,
                "Choosing by habit",
                "Sort twelve cases. Two of them are not where habit would put them.",
                "/decide/cards",
                "Route handler",
            ),
            Case(
                None,
                "The same need, twice",
                "Nobody signed in, a wrong field, a form sent twice: ask hallway and door at once, and compare.",
                "/lab/patterns",
                "/_actions/patterns.ask_both?pattern=twice",
            ),
            Case(
                "action",
                "An action as a public API",
                "Let the phone call an action: 403, then 401, and after a refactoring 404.",
                "/lab/outside",
                "Call it, after we have renamed it",
            ),
        ],
    ),
    (
        "A hostile caller",
        [
            Case(
                "action",
                "Every action is an endpoint",
                "Attack each one: another’s id, a field more, nobody, a link, a foreign page, twice.",
                "/lab/attack",
                "Attack them all",
            ),
            Case(
                "action",
                "Unknown data, and then permission",
                "Send Ada’s post in Bob’s name, and see the line that does not find it.",
                "/lab/attack?action=posts.publish_post",
                "/_actions/attack.try_one",
            ),
        ],
    ),
]
CASES = [case for _, cases in PARTS for case in cases]


@bp.get("/learn")
def learn() -> str:
    """List the cases."""
    return render_template("labs/learn.html", parts=PARTS)

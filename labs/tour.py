"""The tour: four steps on the real site, each with one button to press. It works without script.

Where one is stands in a cookie, so that it goes on where it was left. What it shows is nobody else's copy: on a page
that is made for everyone it shows nothing but its beginning.
"""

from dataclasses import dataclass, replace
from typing import Annotated

from flask import current_app, request
from pydantic import Field

from actions.accounts import start_session
from actions.fields import Nothing
from flask_revalidation import is_shared
from flask_server_actions import Form, Result, action, last_result, redirect
from labs.exchange import LIMITS, OPEN
from labs.source import Source
from models import Post, User, db
from web.gate import cookie, sign_cookie, signed_cookie

COOKIE, PAUSED = "tour", " paused"


@dataclass(frozen=True)
class Step:
    """A step: its page, what to press there, and what is then to be seen; `then` is empty where only script knows."""

    page: str
    press: str
    then: str = ""
    see: tuple[tuple[str, str], ...] = ()
    proof: str = ""  # stands in the answer where the button has done it
    on: str = "Next"

    @property
    def is_here(self) -> bool:
        """Say whether the page is the one that is shown; what is sent again has a page of its own."""
        own = self.page.partition("?")[0].partition("#")[0]
        return request.path == own or (own.startswith("/xray/") and request.path.startswith("/xray/"))


STEPS = [
    Step(
        "/dashboard/posts",
        "You are Ada, the owner. Press “Publish” beside a draft.",
        "One request, one function of {lines} lines. This list and its counts are fresh, and so are front page, feeds,"
        " numbers and API: nobody had to tell them.",
        (("/", "the front page"), ("/dashboard", "the numbers")),
        on="Show the other way",
    ),
    Step(
        "/lab/two-ways?badge=1&forgets=1#theirs-title",
        "Now the other way: press “Publish” on the right side, and watch the badge. It takes three requests where the"
        " left side takes one, and one more was forgotten: the server says one number, the page another.",
    ),
    Step(
        "/lab/attack?action=posts.publish_post#chosen",
        "An action looks private, but anybody can call it. Press “Somebody else’s thing”: Bob publishes what is Ada’s.",
        "404, and below it the line that did not find it. What is not yours and what is not there look the same.",
    ),
    Step(
        "/lab/attack?action=posts.publish_post#terminal",
        "Copy the line for curl, and run it in a terminal. It is an endpoint: the same-origin check protects a person’s"
        " browser, not the server, and curl may write any header. It gets 401 all the same, for schema and policy stand"
        " inside. The seam is gone, and the door is still a door.",
    ),
]


# The last two with the X-ray on: they go on from what has been pressed, as the server saw it.
TRACED = {
    3: Step(
        "/xray/{trace}#again",
        "An action looks private, but anybody can call it. This is your press, as the server saw it. Press “as Bob”:"
        " the same request once more, but the post is not his.",
        "404, and there is the line that said no. What is not yours and what is not there look the same.",
        proof="404",
    ),
    4: Step("/xray/{trace}#take", STEPS[3].press.replace("Copy the line for curl", "Press “Copy as curl”")),
}


@dataclass(frozen=True)
class Progress:
    """Where a visitor is: the number of the step, from 1, and whether the tour is laid aside."""

    number: int
    paused: bool

    @property
    def step(self) -> Step:
        """The step itself."""
        return step(self.number)

    @property
    def told(self) -> str:
        """What stands in the strip: what to press, or what there is to be seen."""
        lines = Source.of_action("posts.publish_post").lines
        return self.step.then.format(lines=lines) if self.done else self.step.press

    @property
    def done(self) -> bool:
        """Whether the button has just been pressed, as far as the server knows."""
        last = last_result()
        return bool(self.step.then and last.ok and last.message and self.step.proof in last.message)


def step(number: int) -> Step:
    """Return a step: where there is a trace to go on from, the one that does."""
    trace = _pressed() if number in TRACED else ""
    return replace(TRACED[number], page=TRACED[number].page.format(trace=trace)) if trace else STEPS[number - 1]


def _pressed() -> str:
    """Return the trace of what Ada has published last that is not Bob's to publish."""
    store, bob = current_app.extensions.get("xray"), User.find_author("bob")
    for facts in store.latest() if store else ():
        if facts["name"] == "posts.publish_post" and facts["who"].startswith("Ada,") and facts["tags"]:
            post = db.session.get(Post, int(facts["fields"]["post_id"][0]))
            if post and not bob.can_edit(post):
                return str(facts["id"])
    return ""


def progress() -> Progress | None:
    """Return where the caller is in the tour; None for who has not begun, and on a page that is made for everyone."""
    number, _, paused = ("" if is_shared() else signed_cookie(COOKIE)).partition(" ")
    return Progress(int(number), bool(paused)) if number in map(str, range(1, len(STEPS) + 1)) else None


class StepNumber(Form):
    """Which step."""

    number: Annotated[int, Field(ge=1, le=len(STEPS))]


@action(allow=OPEN, rate_limit=LIMITS)
def start(_form: Nothing, user: User | None) -> Result:
    """Begin, or go on where it was left, as Ada: the steps are hers."""
    found = progress()
    number = found.number if found else 1
    ada = User.find_author("ada")
    session = {} if user and user.id == ada.id else start_session(ada)
    return redirect(step(number).page, cookies=session | sign_cookie(COOKIE, str(number)))


@action(allow=OPEN, rate_limit=LIMITS)
def go(form: StepNumber, _user: User | None) -> Result:
    """Go to a step."""
    return redirect(step(form.number).page, cookies=sign_cookie(COOKIE, str(form.number)))


@action(allow=OPEN, rate_limit=LIMITS)
def leave(_form: Nothing, _user: User | None) -> Result:
    """Lay the tour aside. The front page offers to go on."""
    found = progress()
    return redirect(
        "/", "The tour waits for you here.", cookies=sign_cookie(COOKIE, f"{found.number if found else 1}{PAUSED}")
    )


@action(allow=OPEN, rate_limit=LIMITS)
def finish(_form: Nothing, _user: User | None) -> Result:
    """End it, where there is more to see."""
    return redirect("/learn", "That was the tour. Here is all that there is to see.", cookies=cookie(COOKIE, "", 0))

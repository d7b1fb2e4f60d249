"""`/decide`: who calls this, and what do they need back? Two questions, three follow-ups, and twelve cards to sort.

All that one has answered stands in the address, so that it can be sent to somebody.
"""

from typing import Any, Literal

from flask import render_template, request
from pydantic import BaseModel

from flask_server_actions import Form, Result, action, last_result, success
from labs.blueprint import bp
from labs.examples import EXAMPLES, Boundary, Example
from labs.exchange import LIMITS, OPEN, Exchange
from models import User
from pages.paging import asked

BOUNDARIES: tuple[Boundary, ...] = ("action", "handler")
YesNo = Literal["yes", "no"] | None


class Answers(BaseModel):
    """What is known of the caller. What was not answered is None."""

    who: Literal["ours", "others"] | None = None
    need: Literal["page", "answer"] | None = None
    address: YesNo = None
    control: YesNo = None
    visible: YesNo = None
    like: str | None = None

    @property
    def reasons(self) -> list[str]:
        """Why it has to be a handler: each answer that is enough by itself."""
        return [why for field, value, why in REASONS if getattr(self, field) == value]

    @property
    def boundary(self) -> Boundary | None:
        """The answer, or None while it is open."""
        if self.reasons:
            return "handler"
        return "action" if (self.who, self.need) == ("ours", "page") else None

    def nearest(self) -> Example | None:
        """Return what this site does in such a case: the example that is named, or the one most like it."""
        same = [example for example in EXAMPLES if example.boundary == self.boundary]
        named = next((example for example in same if example.slug == self.like), None)
        if named and all(getattr(self, field) == value for field, value in named.answers.items()):
            return named
        return max(same, key=self._likeness, default=None)

    def _likeness(self, example: Example) -> int:
        return sum(getattr(self, field) == value for field, value in example.answers.items())


QUESTIONS = [
    ("who", "Who calls this?", "", [("ours", "A page of our own"), ("others", "Somebody else’s program")]),
    (
        "need",
        "What do they need back?",
        "",
        [("page", "The page, showing what has changed"), ("answer", "An answer of its own: status, headers, a body")],
    ),
]
_YES_NO = [("yes", "Yes"), ("no", "No")]
FOLLOW_UPS = [
    ("address", "Will somebody keep the address?", "In a program, a configuration, a contract.", _YES_NO),
    ("control", "Does the answer’s shape matter?", "A certain status, a header, a content type, a stream.", _YES_NO),
    ("visible", "Does a page of ours show what changes?", "A list, a number, a badge.", _YES_NO),
]
REASONS = [
    (
        "who",
        "others",
        "The caller is not your page, and does not speak the private transport of your forms. It can send a request to"
        " an address, with headers and a body, and that is all it should need to know.",
    ),
    (
        "need",
        "answer",
        "What goes back is read by a program. It needs the whole vocabulary of HTTP, and an action hides that on"
        " purpose: its answer is the page.",
    ),
    (
        "address",
        "yes",
        "Somebody writes the address down. From then on it is a contract, to be versioned and documented; the address"
        " of an action may change with the next refactoring.",
    ),
    (
        "control",
        "yes",
        "Statuses, headers, content types and streams are levers that a handler gives you. An action chooses them for"
        " you.",
    ),
]
WHY_ACTION = (
    "Your own page starts the change, and has to show what came of it. Write and revalidation stand in one function, in"
    " one transaction, and the page comes back fresh in the same request: no endpoint, no fetch, no cache to clear."
)
IF_HANDLER = (
    "You would write an endpoint, a fetch and its error handling, and after each success tell the client what to ask"
    " for again. Several places hold the old value. Forget one, and it is stale; nothing tells you."
)
IF_ACTION = (
    "You would fight the abstraction. The caller cannot show that it comes from your page, so it gets 403. What it gets"
    " otherwise is HTML. And on the day you rename the function, its address is gone: 404."
)
TEXTS: dict[str, Any] = {
    "questions": QUESTIONS,
    "follow_ups": FOLLOW_UPS,
    "why_action": WHY_ACTION,
    "hurts": {"action": IF_HANDLER, "handler": IF_ACTION},
}


BY_SLUG = {example.slug: example for example in EXAMPLES}


class WhichExample(Form):
    """Which example."""

    example: Literal[*BY_SLUG]  # type: ignore[valid-type]


def rehearse(form: WhichExample, _user: User | None) -> Exchange:
    """Do what the example is about, on a copy of the site."""
    return BY_SLUG[form.example].live()


@action(allow=OPEN, prepare=rehearse, writes=False, rate_limit=LIMITS)
def run_example(form: WhichExample, _user: User | None, exchange: Exchange) -> Result:
    """Show what was asked and answered."""
    return success(f"Done, on a copy: {exchange.status}.", data=exchange, reveal_once={"lab": form.example})


@bp.get("/decide")
def decide() -> str:
    """Ask, and answer with the boundary, its reason, and the place where this site does the same."""
    answers = asked(Answers)
    return render_template(
        "labs/decide.html",
        answers=answers,
        example=answers.nearest(),
        examples=EXAMPLES,
        exchange_of=last_result().data,
        **TEXTS,
    )


@bp.get("/decide/cards")
def cards() -> str:
    """Show twelve cases to sort, and say of each that was sorted whether that is right, and why."""
    sorted_as = {example.slug: _boundary(request.args.get(example.slug)) for example in EXAMPLES}
    right = sum(sorted_as[example.slug] == example.boundary for example in EXAMPLES)
    reasons = {example.slug: Answers.model_validate(example.answers).reasons for example in EXAMPLES}
    done = any(sorted_as.values())
    return render_template(
        "labs/cards.html", examples=EXAMPLES, sorted_as=sorted_as, right=right, done=done, reasons=reasons, **TEXTS
    )


def _boundary(text: str | None) -> Boundary | None:
    return next((boundary for boundary in BOUNDARIES if boundary == text), None)

"""`/lab/stripe`: an event to edit, to sign, and to spoil in every way that a signature notices.

The browser is the sender: it has the event signed, delivers these bytes to the webhook, and brings the answers along
with the form. Without script the site sends them itself.
"""

import json
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

from flask import abort, current_app, render_template, request
from pydantic import BaseModel, Field, Json

from demo.keys import DEMO_STRIPE_SECRET
from demo.stripe_events import encode, event, sign
from flask_server_actions import Form, Result, action, conflict, last_result, success
from flask_server_actions.csrf import require_same_origin
from labs.blueprint import bp
from labs.exchange import LIMITS, OPEN, Call, Exchange
from models import Delivery, Member, User

ADDRESS = "/api/webhooks/stripe"


def _signed(body: str, at: int, *, secret: str = DEMO_STRIPE_SECRET) -> dict[str, str]:
    return {"Stripe-Signature": sign(body.encode(), secret, at=at)}


def delivery() -> Call:
    """Return a delivery of Stripe's, signed, that makes somebody a member."""
    body = encode(event("invoice.paid", customer=f"cus_lab{time.time_ns() % 10**9}")).decode()
    return Call("POST", ADDRESS, {"Content-Type": "application/json"} | _signed(body, int(time.time())), body)


def _flipped(body: str) -> str:
    """Return the text with one bit of its middle letter changed."""
    middle = next((n for n in range(len(body) // 2, len(body)) if body[n].isalpha() and body[n].isascii()), 0)
    return body[:middle] + chr(ord(body[middle]) ^ 1) + body[middle + 1 :]


def _indented(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=7)
    except (ValueError, RecursionError):
        return f" {body}"


Delivered = tuple[dict[str, str], str]  # headers and body
# By the button's name: its label, what is delivered of a body now, the statuses, and what that teaches.
SENDINGS: dict[str, tuple[str, Callable[[str, int], list[Delivered]], tuple[int, ...], str]] = {
    "good": (
        "Sign and deliver", lambda body, at: [(_signed(body, at), body)], (200,),
        "The signature holds for these bytes, so they may be parsed. Stored and applied in one transaction, which also"
        " revalidates what pages show of it.",
    ),
    "flip": (
        "Flip one bit after signing", lambda body, at: [(_signed(body, at), _flipped(body))], (401,),
        "One bit of the body is not what was signed. Nothing was parsed, nothing stored.",
    ),
    "indent": (
        "Indent the JSON after signing", lambda body, at: [(_signed(body, at), _indented(body))], (401,),
        "The same data, and other bytes. So whoever parses first and verifies what they wrote again fails: the raw body"
        " is what is signed.",
    ),
    "late": (
        "Sign it ten minutes ago", lambda body, at: [(_signed(body, at - 600), body)], (401,),
        "A true signature, too old: whoever has recorded a delivery cannot use it for long.",
    ),
    "wrong": (
        "Sign with another secret", lambda body, at: [(_signed(body, at, secret="whsec_a_guess"), body)], (401,),  # noqa: S106
        "A well-made signature, by somebody else.",
    ),
    "none": (
        "Leave the signature out", lambda body, _at: [({}, body)], (401,),
        "No signature is a wrong one. There is no setting that lets it through.",
    ),
    "list": (
        "Sign something that is no event", lambda _body, at: [(_signed("[1, 2, 3]", at), "[1, 2, 3]")], (400,),
        "The signature holds, so 401 would be a lie; the body is of no use, so it is 400.",
    ),
    "twice": (
        "Deliver it twice", lambda body, at: [(_signed(body, at), body)] * 2, (200, 200),
        "Both are answered with 200, or Stripe would go on trying. The event’s id is unique here: it acted once.",
    ),
}  # fmt: skip


class Answer(BaseModel):
    """What the webhook has answered to a browser."""

    status: Annotated[int, Field(ge=100, le=599)]
    headers: Annotated[dict[str, str], Field(max_length=40)]
    text: Annotated[str, Field(max_length=4000)]
    milliseconds: int


class Report(BaseModel):
    """What a browser says of its deliveries. It is shown to whoever sends it, and believed for nothing else."""

    at: int
    before: int
    answers: Annotated[list[Answer], Field(max_length=2)]


class Sending(Form):
    """An event as text, what is to become of it on its way, and what became of it where the browser was the sender."""

    payload: Annotated[str, Field(max_length=8000, title="The event", pattern=r"\S")]
    how: Literal[*SENDINGS] = "good"  # type: ignore[valid-type]
    report: Json[Report] | None = None

    def calls(self, at: int) -> list[Call]:
        """Return what is delivered, signed at a time."""
        headers = {"Content-Type": "application/json"}
        deliveries = SENDINGS[self.how][1](self.payload, at)
        return [Call("POST", ADDRESS, headers | signed, body) for signed, body in deliveries]


def _sign_with_the_demos_secret_alone() -> None:
    if current_app.config["WEBHOOK_SECRETS"]["stripe"] != [DEMO_STRIPE_SECRET]:
        raise conflict("This demo knows a real secret of Stripe’s. The lab does not sign with it.")


@bp.post("/lab/stripe/signed")
def signed() -> dict[str, Any]:
    """Sign an event, for the browser that delivers it."""
    require_same_origin()
    try:
        _sign_with_the_demos_secret_alone()
        form, at = Sending.parse(request.form.to_dict(flat=False)), int(time.time())
    except Result as refusal:
        abort(refusal.status)
    calls = [{"path": call.path, "headers": call.headers, "body": call.body} for call in form.calls(at)]
    return {"at": at, "before": Member.count_by_status()["active"], "calls": calls}


def send(form: Sending, _user: User | None) -> tuple[list[Exchange], int]:
    """Return what the webhook has answered, and how many members there were before; a browser may have asked it."""
    _sign_with_the_demos_secret_alone()
    if told := form.report:
        pairs = zip(form.calls(told.at), told.answers, strict=False)
        return [Exchange(call, **dict(answer)) for call, answer in pairs], told.before
    before = Member.count_by_status()["active"]
    return [call.send() for call in form.calls(int(time.time()))], before


@action(allow=OPEN, prepare=send, writes=False, rate_limit=LIMITS)
def deliver(form: Sending, _user: User | None, done: tuple[list[Exchange], int]) -> Result:
    """Show what the webhook answered."""
    label, *_ = SENDINGS[form.how]
    statuses = " and ".join(str(exchange.status) for exchange in done[0])
    told = {"how": form.how, "exchanges": done[0], "before": done[1], "payload": form.payload}
    return success(f"{label}: {statuses}.", data=told, keep_form=True, reveal_once={"lab": form.how})


@bp.get("/lab/stripe")
def stripe() -> str:
    """Show an event that makes somebody a member, and the ways to send it."""
    told: dict[str, Any] = last_result().data or {}
    return render_template(
        "labs/stripe.html",
        payload=encode(event("invoice.paid", customer=f"cus_lab{time.time_ns() % 10**9}")).decode(),
        sendings=SENDINGS,
        told=told,
        delivery=_delivery_of(told.get("payload", "")),
        members=Member.count_by_status()["active"],
    )


def _delivery_of(payload: str) -> Delivery | None:
    """Return the row that an event has in the inbox, if it is there."""
    try:
        event_id = json.loads(payload)["id"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return None
    is_id = isinstance(event_id, str) and event_id.isascii() and event_id.isprintable()
    return Delivery.known("stripe", event_id) if is_id else None

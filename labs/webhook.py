"""`/lab/stripe`: an event to edit, to sign, and to spoil in every way that a signature notices."""

import json
import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

from flask import current_app, render_template
from pydantic import Field

from demo.keys import DEMO_STRIPE_SECRET
from demo.stripe_events import encode, event, sign
from flask_server_actions import Form, Result, action, conflict, last_result, success
from labs.blueprint import bp
from labs.exchange import LIMITS, OPEN, Call, Exchange
from models import Delivery, Member, User

ADDRESS = "/api/webhooks/stripe"


def _signed(body: str, *, secret: str = DEMO_STRIPE_SECRET, late: int = 0) -> dict[str, str]:
    return {"Stripe-Signature": sign(body.encode(), secret, at=int(time.time()) - late)}


def delivery() -> Call:
    """Return a delivery of Stripe's, signed, that makes somebody a member."""
    body = encode(event("invoice.paid", customer=f"cus_lab{time.time_ns() % 10**9}")).decode()
    return Call("POST", ADDRESS, {"Content-Type": "application/json"} | _signed(body), body)


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
# By the button's name: its label, what is delivered of a body, the statuses, and what that teaches.
SENDINGS: dict[str, tuple[str, Callable[[str], list[Delivered]], tuple[int, ...], str]] = {
    "good": (
        "Sign and deliver", lambda body: [(_signed(body), body)], (200,),
        "The signature holds for these bytes, so they may be parsed. Stored and applied in one transaction, which also"
        " revalidates what pages show of it.",
    ),
    "flip": (
        "Flip one bit after signing", lambda body: [(_signed(body), _flipped(body))], (401,),
        "One bit of the body is not what was signed. Nothing was parsed, nothing stored.",
    ),
    "indent": (
        "Indent the JSON after signing", lambda body: [(_signed(body), _indented(body))], (401,),
        "The same data, and other bytes. So whoever parses first and verifies what they wrote again fails: the raw body"
        " is what is signed.",
    ),
    "late": (
        "Sign it ten minutes ago", lambda body: [(_signed(body, late=600), body)], (401,),
        "A true signature, too old: whoever has recorded a delivery cannot use it for long.",
    ),
    "wrong": (
        "Sign with another secret", lambda body: [(_signed(body, secret="whsec_a_guess"), body)], (401,),  # noqa: S106
        "A well-made signature, by somebody else.",
    ),
    "none": (
        "Leave the signature out", lambda body: [({}, body)], (401,),
        "No signature is a wrong one. There is no setting that lets it through.",
    ),
    "list": (
        "Sign something that is no event", lambda _body: [(_signed("[1, 2, 3]"), "[1, 2, 3]")], (400,),
        "The signature holds, so 401 would be a lie; the body is of no use, so it is 400.",
    ),
    "twice": (
        "Deliver it twice", lambda body: [(_signed(body), body)] * 2, (200, 200),
        "Both are answered with 200, or Stripe would go on trying. The event’s id is unique here: it acted once.",
    ),
}  # fmt: skip


class Sending(Form):
    """An event as text, and what is to become of it on its way."""

    payload: Annotated[str, Field(max_length=8000, title="The event", pattern=r"\S")]
    how: Literal[*SENDINGS] = "good"  # type: ignore[valid-type]


def send(form: Sending, _user: User | None) -> tuple[list[Exchange], int]:
    """Deliver to the site's own webhook, through the whole application; return also how many members there were."""
    if current_app.config["WEBHOOK_SECRETS"]["stripe"] != [DEMO_STRIPE_SECRET]:
        raise conflict("This demo knows a real secret of Stripe’s. The lab does not sign with it.")
    before = Member.count_by_status()["active"]
    headers = {"Content-Type": "application/json"}
    calls = [Call("POST", ADDRESS, headers | signed, body) for signed, body in SENDINGS[form.how][1](form.payload)]
    return [call.send() for call in calls], before


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

"""What Stripe's events do to members and money. The facts in them converge whatever their order.

https://docs.stripe.com/api/events/types says what each event carries. None is trusted to be the newest: a fact is kept
with a stamp, and the greater stamp wins. What a subscription says of itself outweighs what checkouts and invoices let
one guess, however late those are, and its end outweighs all. An invoice tells of money; standing is the subscription's.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AliasChoices, AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

from models.database import known_or_new
from models.delivery import effect
from models.member import ACTIVE, CANCELED, NOT_JOINED, PAST_DUE, PENDING, Member, Subscription
from models.payment import Payment
from models.text import storable

# What is told weighs so much, and at one second ranks so high: at a checkout several events carry the same.
_WEIGHTS = {"checkout.session.completed": "00", "invoice.payment_failed": "01", "invoice.paid": "02"}
_WEIGHTS |= {f"customer.subscription.{it}": n for it, n in (("created", "10"), ("updated", "11"), ("deleted", "20"))}
_STATUSES = {"active": ACTIVE, "trialing": ACTIVE, "past_due": PAST_DUE, "unpaid": PAST_DUE, "canceled": CANCELED}
_STATUSES |= {"incomplete": NOT_JOINED, "incomplete_expired": NOT_JOINED}
_PLANS = {"day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}


def _plan(recurring: object) -> str:
    """Return how often a price is due; empty where we are not told."""
    told = recurring if isinstance(recurring, dict) else {}
    interval, count = str(told.get("interval")), str(told.get("interval_count", 1))
    plan = _PLANS.get(interval, "") if count == "1" else f"every {count} {interval}s"
    return plan if interval in _PLANS and count.isascii() and count.isdecimal() and len(plan) <= 20 else ""


Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,80}$")]
Amount = Annotated[int, Field(ge=0, le=10**12)]  # in minor units of the currency
# What is for show never costs the event: where it does not fit it is cut, or left out, and the money counts.
Word = Annotated[str, BeforeValidator(lambda word: str(word or "")[:60])]
Moment = Annotated[datetime | None, BeforeValidator(lambda it: it if type(it) is int and 0 <= it < 10**10 else None)]
Email = Annotated[str, BeforeValidator(lambda it: storable(it) if isinstance(it, str) and len(it) < 255 else "")]


def _told(*places: str, default: Any = None) -> Any:
    """Return where something stands in the object that an event is about; versions of the API differ in that."""
    paths = [[int(step) if step.isdigit() else step for step in place.split(".")] for place in places]
    return Field(default, validation_alias=AliasChoices(*(AliasPath("data", "object", *path) for path in paths)))


class Event(BaseModel):
    """https://docs.stripe.com/api/events/object: what we need of it, bounded. Stripe adds fields without notice."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    event_id: Annotated[str, Field(max_length=255, alias="id")]
    type: str
    at: datetime = Field(alias="created")  # when it happened, at Stripe
    id: Id = Field(validation_alias=AliasChoices(AliasPath("data", "object", "id"), AliasPath("id")))  # or the event's
    customer: Id | None = _told("customer")
    subscription: Id | None = _told("parent.subscription_details.subscription", "subscription")
    charge: Id | None = _told("charge")
    buyer: Word = _told("client_reference_id", default="")  # as we gave it to the checkout
    email: Email = _told("customer_details.email", "customer_email", default="")
    status: Word = _told("payment_status", "status", default="")
    amount: Amount = _told("amount_paid", "amount", default=0)
    refunded: Amount = _told("amount_refunded", default=0)
    currency: Annotated[str, Field(pattern=r"^[a-z]{3}$")] = _told("currency", default="eur")
    plan: Annotated[str, BeforeValidator(_plan)] = _told("items.data.0.price.recurring", default="")
    period_end: Moment = _told("items.data.0.current_period_end", "current_period_end")
    cancel_at: Moment = _told("cancel_at")
    cancels: bool = _told("cancel_at_period_end", default=False)

    @property
    def stamp(self) -> str:
        """What orders facts: as text, so that it can be stored and compared. Of two ends the first is greater."""
        weight, time = _WEIGHTS[self.type], int(self.at.timestamp())
        return f"{weight[0]}.{time if weight < '20' else 10**12 - time:012}.{weight[1]}.{self.event_id}"


def _facts(event: Event, *, own: bool) -> dict[str, Any]:
    """Return what an event says of a subscription.

    A checkout has been gone through, but some methods pay days later. An invoice is paid at first, at renewals, and
    where it is over nothing. In its `own` events the subscription tells of its beginning, every change, and its end.
    """
    if not own:
        return {"status": PENDING if event.status == "unpaid" else ACTIVE}
    status, ends_at = _STATUSES.get(event.status, PENDING), event.cancel_at or (event.cancels and event.period_end)
    if event.type.endswith("deleted"):
        status, ends_at = status if status == NOT_JOINED else CANCELED, event.at
    return {"status": status, "plan": event.plan, "renews_at": event.period_end, "ends_at": ends_at or None}


@effect("stripe", *_WEIGHTS)
def membership_changed(payload: Any) -> set[str]:
    """Note standing and plan, and the money of an invoice. One that fails, at each attempt, only casts a doubt."""
    event = Event.model_validate(payload)
    own = event.type.startswith("customer.subscription.")
    stripe_id = event.id if own else event.subscription
    if not (event.customer and stripe_id):
        return set()  # a single purchase, not a membership
    member = Member.of_customer(event.customer)
    member.joined_at = min(member.joined_at or event.at, event.at)
    if event.email and event.stamp > member.email_as_of:
        member.email, member.email_as_of = event.email.lower(), event.stamp
    subscription = known_or_new(Subscription, {"stripe_id": stripe_id}, member=member)
    subscription.buyer = event.buyer or subscription.buyer
    if event.type == "invoice.payment_failed":
        subscription.failed_as_of = max(subscription.failed_as_of, event.stamp)
    else:
        subscription.learn(event.stamp, **_facts(event, own=own))
    member.follow_subscriptions()
    return _record(event, "payment", event.amount) if event.type == "invoice.paid" and event.amount else {"members"}


@effect("stripe", "charge.succeeded", "charge.refunded", *(f"refund.{it}" for it in ("created", "updated", "failed")))
def charge_changed(payload: Any) -> set[str]:
    """Note whose charge it is, and that at least so much of it has gone back; or has not: a bank may refuse it later.

    A charge comes once, and for each refund with their sum; a refund comes by itself as well.
    """
    event = Event.model_validate(payload)
    if event.status in ("failed", "canceled"):
        return _record(event, "refund failed", event.amount)
    charge, amount = event.charge or event.id, event.amount if event.charge else event.refunded
    return _record(event, "refund", -amount, id=charge, charge=charge) if event.customer or event.charge else set()


@effect("stripe", *(f"charge.dispute.{what}" for what in ("created", "closed", "funds_withdrawn", "funds_reinstated")))
def dispute_changed(payload: Any) -> set[str]:
    """Note what a bank has taken back, and what it has returned. An inquiry alone takes nothing."""
    dispute = Event.model_validate(payload)
    if dispute.type.endswith("reinstated") or dispute.status == "won":
        _record(dispute, "dispute won", dispute.amount)
    elif dispute.status.startswith(("warning", "prevented")) and not dispute.type.endswith("withdrawn"):
        return set()
    return _record(dispute, "dispute", -dispute.amount)


def _record(event: Event, kind: str, amount: int, *, id: str = "", charge: str = "") -> set[str]:
    """Note money that came or went; whose it is, the customer says, or what is known of the charge."""
    member, charge = Member.of_customer(event.customer) if event.customer else None, charge or event.charge or ""
    Payment.record(kind, id or event.id, member, charge, amount, event.currency, event.at)
    return {"members"}

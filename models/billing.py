"""What Stripe's events do to members. Each type is one function; the facts in them converge whatever their order.

https://docs.stripe.com/api/events/types says what each event carries. None is trusted to be the newest: a
fact is kept with a stamp (time of the event, rank of its type, id), and the greater stamp wins.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, AliasPath, BaseModel, BeforeValidator, ConfigDict, Field

from models.delivery import effect
from models.member import ACTIVE, CANCELED, PAST_DUE, PENDING, Member, Payment, Subscription
from models.text import storable

# At a checkout several events carry one second. The subscription itself knows best, so it has the highest rank.
CHECKOUT, FAILED_PAYMENT, PAYMENT, UPDATE, END = range(1, 6)
_STATUSES = {"active": ACTIVE, "trialing": ACTIVE, "past_due": PAST_DUE, "unpaid": PAST_DUE}
_STATUSES |= {"canceled": CANCELED, "incomplete_expired": CANCELED}
_PLANS = {"month": "monthly", "year": "yearly"}

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,80}$")]
# What is for show never costs the event: where it does not fit it is cut, or left out, and the money counts.
Word = Annotated[str, BeforeValidator(lambda word: str(word or "")[:40])]
Plan = Annotated[Word, AfterValidator(lambda interval: _PLANS.get(interval, ""))]
Email = Annotated[str, BeforeValidator(lambda it: storable(it) if isinstance(it, str) and len(it) < 255 else "")]
Moment = Annotated[int, Field(ge=0, lt=253402300800)]  # seconds since 1970, before the year 10000


def _in_object(*steps: str | int) -> AliasPath:
    """Return where something stands in an event: in the object that it is about."""
    return AliasPath("data", "object", *steps)


class Event(BaseModel):
    """https://docs.stripe.com/api/events/object: what we need of it, bounded. Stripe adds fields without notice."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    event_id: Annotated[str, Field(max_length=255, alias="id")]
    created: Moment
    about: Annotated[dict[str, Any], Field(validation_alias=_in_object())]  # there has to be one
    customer: Id | None = Field(None, validation_alias=_in_object("customer"))

    @property
    def at(self) -> datetime:
        """When it happened, at Stripe."""
        return datetime.fromtimestamp(self.created, UTC)

    def stamp(self, rank: int) -> str:
        """Return what orders facts: as text, so that it can be stored and compared as it is."""
        return f"{self.created:012}.{rank}.{self.event_id}"


class Checkout(Event):
    """https://docs.stripe.com/api/checkout/sessions/object. The plan is what we gave it to remember."""

    subscription: Id | None = Field(None, validation_alias=_in_object("subscription"))
    payment_status: Word = Field("", validation_alias=_in_object("payment_status"))
    email: Email | None = Field(None, validation_alias=_in_object("customer_details", "email"))
    plan: Word = Field("", validation_alias=_in_object("metadata", "plan"))


# Older API versions name the subscription at the top.
_SUBSCRIBED = AliasChoices(_in_object("parent", "subscription_details", "subscription"), _in_object("subscription"))


class Invoice(Event):
    """https://docs.stripe.com/api/invoices/object. Amounts are in minor units of the currency."""

    id: Id = Field(validation_alias=_in_object("id"))
    subscription: Id | None = Field(None, validation_alias=_SUBSCRIBED)
    email: Email | None = Field(None, validation_alias=_in_object("customer_email"))
    amount_paid: int = Field(0, ge=0, le=10**12, validation_alias=_in_object("amount_paid"))
    currency: str = Field("eur", pattern=r"^[a-z]{3}$", validation_alias=_in_object("currency"))
    paid_at: Moment | None = Field(None, validation_alias=_in_object("status_transitions", "paid_at"))


class SubscriptionChange(Event):
    """https://docs.stripe.com/api/subscriptions/object. The plan is how often its price is due."""

    id: Id = Field(validation_alias=_in_object("id"))
    customer: Id = Field(validation_alias=_in_object("customer"))
    status: Word = Field(validation_alias=_in_object("status"))
    ended_at: Moment | None = Field(None, validation_alias=_in_object("ended_at"))
    plan: Plan = Field("", validation_alias=_in_object("items", "data", 0, "price", "recurring", "interval"))

    def subscription_row(self) -> Subscription:
        """Return our row of the subscription, new if nobody has heard of it."""
        return Subscription.of_member(Member.of_customer(self.customer, seen_at=self.at), self.id)


@effect("stripe", "checkout.session.completed")
def checkout_completed(payload: Any) -> set[str]:
    """Welcome a member. Sent once, when the customer has gone through the checkout; some methods pay days later."""
    checkout = Checkout.model_validate(payload)
    if not (checkout.customer and checkout.subscription):
        return set()  # a single purchase, not a membership
    member = Member.of_customer(checkout.customer, seen_at=checkout.at)
    subscription = Subscription.of_member(member, checkout.subscription)
    stamp = checkout.stamp(CHECKOUT)
    member.learn_email(checkout.email or "", stamp)
    if checkout.plan in _PLANS.values():
        subscription.learn_plan(checkout.plan, stamp)
    subscription.learn_status(PENDING if checkout.payment_status == "unpaid" else ACTIVE, stamp)
    member.follow_subscriptions()
    return {"members"}


@effect("stripe", "invoice.paid")
def invoice_paid(payload: Any) -> set[str]:
    """Note the money. Sent for the first payment, for each renewal, and for invoices over nothing."""
    invoice = Invoice.model_validate(payload)
    member = _learn_of_invoice(invoice, ACTIVE, PAYMENT)
    if member and invoice.amount_paid:
        at = datetime.fromtimestamp(invoice.paid_at, UTC) if invoice.paid_at else invoice.at
        Payment.record(member, invoice=invoice.id, amount=invoice.amount_paid, currency=invoice.currency, at=at)
    return {"members"} if member else set()


@effect("stripe", "invoice.payment_failed")
def invoice_payment_failed(payload: Any) -> set[str]:
    """Mark a member as past due. Sent for each attempt that fails; Stripe tries again by itself."""
    member = _learn_of_invoice(Invoice.model_validate(payload), PAST_DUE, FAILED_PAYMENT)
    return {"members"} if member else set()


@effect("stripe", "customer.subscription.updated")
def subscription_updated(payload: Any) -> set[str]:
    """Follow a change of plan or status. Sent for every change, and its status outranks what invoices say."""
    change = SubscriptionChange.model_validate(payload)
    subscription, stamp = change.subscription_row(), change.stamp(UPDATE)
    subscription.learn_plan(change.plan, stamp)
    subscription.learn_status(_STATUSES.get(change.status, PENDING), stamp)
    subscription.member.follow_subscriptions()
    return {"members"}


@effect("stripe", "customer.subscription.deleted")
def subscription_deleted(payload: Any) -> set[str]:
    """End a subscription. Sent once, when it is over and not before; a later one has an id of its own."""
    change = SubscriptionChange.model_validate(payload)
    subscription, stamp = change.subscription_row(), change.stamp(END)
    subscription.learn_plan(change.plan, stamp)
    subscription.end(change.at if change.ended_at is None else datetime.fromtimestamp(change.ended_at, UTC), stamp)
    subscription.member.follow_subscriptions()
    return {"members"}


def _learn_of_invoice(invoice: Invoice, status: str, rank: int) -> Member | None:
    """Note what an invoice says of a member, and return whom; None where it is not for a membership."""
    if not (invoice.customer and invoice.subscription):
        return None
    member = Member.of_customer(invoice.customer, seen_at=invoice.at)
    member.learn_email(invoice.email or "", invoice.stamp(rank))
    Subscription.of_member(member, invoice.subscription).learn_status(status, invoice.stamp(rank))
    member.follow_subscriptions()
    return member

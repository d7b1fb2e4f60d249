"""What Stripe's events do to members. Each type is one function; the facts in them converge whatever their order.

https://docs.stripe.com/api/events/types says what each event carries. None is trusted to be the newest: a
fact is kept with a stamp (time of the event, rank of its type, id), and the greater stamp wins.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from models.delivery import effect
from models.member import ACTIVE, CANCELED, PAST_DUE, PENDING, Member, Payment, Subscription
from models.text import storable

# At a checkout several events carry one second. The subscription itself knows best, so it has the highest rank.
CHECKOUT, FAILED_PAYMENT, PAYMENT, UPDATE, END = range(1, 6)
_STATUSES = {"active": ACTIVE, "trialing": ACTIVE, "past_due": PAST_DUE, "unpaid": PAST_DUE}
_STATUSES |= {"canceled": CANCELED, "incomplete_expired": CANCELED}
_PLANS = {"month": "monthly", "year": "yearly"}

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,80}$")]
Word = Annotated[str, Field(max_length=40)]
Email = Annotated[str, AfterValidator(storable), Field(max_length=254)]
Moment = Annotated[int, Field(ge=0, lt=253402300800)]  # seconds since 1970, before the year 10000


class Lenient(BaseModel):
    """A part of a payload: what we need of it, bounded. Stripe adds fields without notice."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


def _none_is_empty(value: Any) -> Any:
    return {} if value is None else value


class CustomerDetails(Lenient):
    """Who went through the checkout."""

    email: Email | None = None


class Metadata(Lenient):
    """What we gave the checkout to remember."""

    plan: Word = ""


class Checkout(Lenient):
    """https://docs.stripe.com/api/checkout/sessions/object."""

    customer: Id | None = None
    subscription: Id | None = None
    payment_status: Word = ""
    customer_details: Annotated[CustomerDetails, BeforeValidator(_none_is_empty)] = CustomerDetails()
    metadata: Annotated[Metadata, BeforeValidator(_none_is_empty)] = Metadata()


class SubscriptionDetails(Lenient):
    """Which subscription an invoice is for."""

    subscription: Id | None = None


class Parent(Lenient):
    """What an invoice was made for."""

    subscription_details: SubscriptionDetails | None = None


class Transitions(Lenient):
    """When an invoice changed its status."""

    paid_at: Moment | None = None


class Invoice(Lenient):
    """https://docs.stripe.com/api/invoices/object. Older API versions name the subscription at the top."""

    id: Id
    customer: Id | None = None
    customer_email: Email | None = None
    subscription: Id | None = None
    parent: Parent | None = None
    amount_paid: Annotated[int, Field(ge=0, le=10**12)] = 0
    currency: Annotated[str, Field(pattern=r"^[a-z]{3}$")] = "eur"
    status_transitions: Transitions | None = None

    @property
    def subscribed(self) -> str | None:
        """The subscription's id, wherever it stands."""
        details = self.parent and self.parent.subscription_details
        return (details and details.subscription) or self.subscription


class Recurring(Lenient):
    """How often a price is due."""

    interval: Word = ""


class Price(Lenient):
    """What a subscription costs."""

    recurring: Recurring | None = None


class Item(Lenient):
    """One thing subscribed to."""

    price: Price | None = None


class Items(Lenient):
    """What is subscribed to."""

    data: Annotated[list[Item], Field(max_length=100)] = []


class StripeSubscription(Lenient):
    """https://docs.stripe.com/api/subscriptions/object."""

    id: Id
    customer: Id
    status: Word
    ended_at: Moment | None = None
    items: Items = Items()

    @property
    def plan(self) -> str:
        """Monthly or yearly; empty where it does not say."""
        prices = (item.price for item in self.items.data)
        return next((_PLANS.get(price.recurring.interval, "") for price in prices if price and price.recurring), "")


class Data(Lenient):
    """Where an event keeps what it is about."""

    object: dict[str, Any]


class Event(Lenient):
    """https://docs.stripe.com/api/events/object."""

    id: Annotated[str, Field(max_length=255)]
    created: Moment
    data: Data

    @property
    def at(self) -> datetime:
        """When it happened, at Stripe."""
        return datetime.fromtimestamp(self.created, UTC)

    def stamp(self, rank: int) -> str:
        """Return what orders facts: as text, so that it can be stored and compared as it is."""
        return f"{self.created:012}.{rank}.{self.id}"


@effect("stripe", "checkout.session.completed")
def checkout_completed(payload: Any) -> set[str]:
    """Welcome a member. Sent once, when the customer has gone through the checkout; some methods pay days later."""
    event = Event.model_validate(payload)
    checkout = Checkout.model_validate(event.data.object)
    if not (checkout.customer and checkout.subscription):
        return set()  # a single purchase, not a membership
    member = Member.of_customer(checkout.customer, seen_at=event.at)
    subscription = Subscription.of_member(member, checkout.subscription)
    member.learn_email(checkout.customer_details.email or "", event.stamp(CHECKOUT))
    if checkout.metadata.plan in _PLANS.values():
        subscription.learn_plan(checkout.metadata.plan, event.stamp(CHECKOUT))
    subscription.learn_status(PENDING if checkout.payment_status == "unpaid" else ACTIVE, event.stamp(CHECKOUT))
    member.follow_subscriptions()
    return {"members"}


@effect("stripe", "invoice.paid")
def invoice_paid(payload: Any) -> set[str]:
    """Note the money. Sent for the first payment, for each renewal, and for invoices over nothing."""
    return _invoice(Event.model_validate(payload), ACTIVE, PAYMENT)


@effect("stripe", "invoice.payment_failed")
def invoice_payment_failed(payload: Any) -> set[str]:
    """Mark a member as past due. Sent for each attempt that fails; Stripe tries again by itself."""
    return _invoice(Event.model_validate(payload), PAST_DUE, FAILED_PAYMENT)


@effect("stripe", "customer.subscription.updated")
def subscription_updated(payload: Any) -> set[str]:
    """Follow a change of plan or status. Sent for every change, and its status outranks what invoices say."""
    event = Event.model_validate(payload)
    told = StripeSubscription.model_validate(event.data.object)
    subscription = _subscription(event, told)
    subscription.learn_plan(told.plan, event.stamp(UPDATE))
    subscription.learn_status(_STATUSES.get(told.status, PENDING), event.stamp(UPDATE))
    subscription.member.follow_subscriptions()
    return {"members"}


@effect("stripe", "customer.subscription.deleted")
def subscription_deleted(payload: Any) -> set[str]:
    """End a subscription. Sent once, when it is over and not before; a later one has an id of its own."""
    event = Event.model_validate(payload)
    told = StripeSubscription.model_validate(event.data.object)
    subscription = _subscription(event, told)
    subscription.learn_plan(told.plan, event.stamp(END))
    ended_at = event.at if told.ended_at is None else datetime.fromtimestamp(told.ended_at, UTC)
    subscription.end(ended_at, event.stamp(END))
    subscription.member.follow_subscriptions()
    return {"members"}


def _subscription(event: Event, told: StripeSubscription) -> Subscription:
    return Subscription.of_member(Member.of_customer(told.customer, seen_at=event.at), told.id)


def _invoice(event: Event, status: str, rank: int) -> set[str]:
    invoice = Invoice.model_validate(event.data.object)
    if not (invoice.customer and invoice.subscribed):
        return set()  # not for a membership
    member = Member.of_customer(invoice.customer, seen_at=event.at)
    member.learn_email(invoice.customer_email or "", event.stamp(rank))
    Subscription.of_member(member, invoice.subscribed).learn_status(status, event.stamp(rank))
    if rank == PAYMENT and invoice.amount_paid:
        paid_at = invoice.status_transitions and invoice.status_transitions.paid_at
        at = datetime.fromtimestamp(paid_at, UTC) if paid_at else event.at
        Payment.record(member, invoice=invoice.id, amount=invoice.amount_paid, currency=invoice.currency, at=at)
    member.follow_subscriptions()
    return {"members"}

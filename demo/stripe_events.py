"""Plays Stripe: events as it sends them, cut down to what matters, and its signature. Nothing here needs an account."""

import json
import secrets
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any

import stripe
from flask import current_app, request

from models import Member, now

API_VERSION = "2026-10-28.endive"
PERIODS = {"daily": ("day", 1), "weekly": ("week", 7), "monthly": ("month", 30), "yearly": ("year", 365)}
PRICES = {"monthly": 600, "yearly": 6000}
TYPES = ["checkout.session.completed", "invoice.paid", "invoice.payment_failed"]
TYPES += [f"customer.subscription.{change}" for change in ("created", "updated", "deleted")]
TYPES += ["charge.succeeded", "charge.refunded"]
TYPES += [f"charge.dispute.{change}" for change in ("created", "closed", "funds_withdrawn", "funds_reinstated")]


def event(
    type: str,
    *,
    customer: str = "cus_demo",
    email: str = "ina@post.example",
    subscription: str = "",
    invoice: str = "",
    plan: str = "monthly",
    status: str = "",
    charge: str = "",
    amount: int | None = None,
    currency: str = "eur",
    checkout: str = "",
    buyer: str | None = None,
    at: datetime | None = None,
    event_id: str = "",
    livemode: bool = False,
) -> dict[str, Any]:
    """Return an event of one of `TYPES`. What is left out is made up, and belongs together."""
    name = customer.removeprefix("cus_")
    created = int((at or now()).timestamp())
    subscription, invoice = subscription or f"sub_{name}", invoice or f"in_{name}_{created}"
    charge, amount = charge or f"ch_{name}", PRICES.get(plan, 600) if amount is None else amount
    money = {"created": created, "currency": currency}
    if type == "checkout.session.completed":
        about = money | _checkout(customer, email, subscription, amount)
        about |= {"id": checkout or f"cs_test_{subscription}", "client_reference_id": buyer}
    elif type.startswith("invoice."):
        paid, is_first = type == "invoice.paid", type != "invoice.payment_failed"
        about = money | _invoice(customer, email, subscription, invoice, amount, paid_at=created if paid else None)
        about["billing_reason"] = "subscription_create" if is_first else "subscription_cycle"
    elif type.startswith("charge.dispute."):
        about = money | _dispute(name, charge, amount, status or _DISPUTES.get(type, "needs_response"))
    elif type.startswith("charge."):
        about = money | _charge(customer, charge, amount, refunded=amount if type == "charge.refunded" else 0)
    else:
        ended = type == "customer.subscription.deleted"
        status = status or ("canceled" if ended else "active")
        about = money | _subscription(customer, subscription, plan, amount, created, status)
        about["ended_at"] = created if ended else None
    return {
        "id": event_id or f"evt_{secrets.token_hex(12)}",
        "object": "event",
        "api_version": API_VERSION,
        "created": created,
        "type": type,
        "livemode": livemode,
        "pending_webhooks": 1,
        "data": {"object": about},
    }


_DISPUTES = {"charge.dispute.closed": "lost", "charge.dispute.funds_reinstated": "won"}


def _checkout(customer: str, email: str, subscription: str, amount: int) -> dict[str, Any]:
    return {
        "object": "checkout.session",
        "mode": "subscription",
        "status": "complete",
        "payment_status": "paid",
        "customer": customer,
        "customer_details": {"email": email, "name": "Ina Example"},
        "subscription": subscription,
        "amount_total": amount,
        "metadata": {},
    }


def _invoice(
    customer: str, email: str, subscription: str, invoice: str, amount: int, *, paid_at: int | None
) -> dict[str, Any]:
    return {
        "id": invoice,
        "object": "invoice",
        "customer": customer,
        "customer_email": email,
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": subscription}},
        "status": "paid" if paid_at else "open",
        "amount_due": amount,
        "amount_paid": amount if paid_at else 0,
        "attempt_count": 1,
        "status_transitions": {"paid_at": paid_at},
    }


def _subscription(
    customer: str, subscription: str, plan: str, amount: int, created: int, status: str
) -> dict[str, Any]:
    """Return a subscription; `plan` is one of `PERIODS`, or like `every 3 months`."""
    words = plan.split()
    count, interval = (int(words[1]), words[2].rstrip("s")) if words[0] == "every" else (1, PERIODS[plan][0])
    days = count * dict(PERIODS.values())[interval]
    recurring = {"interval": interval, "interval_count": count, "usage_type": "licensed"}
    price = {"id": f"price_{interval}", "unit_amount": amount, "currency": "eur", "recurring": recurring}
    item = {"id": f"si_{subscription}", "quantity": 1, "price": price}
    item |= {"current_period_start": created, "current_period_end": created + days * 24 * 3600}
    return {
        "id": subscription,
        "object": "subscription",
        "customer": customer,
        "status": status,
        "cancel_at": None,
        "cancel_at_period_end": False,
        "items": {"object": "list", "data": [item]},
    }


def _charge(customer: str, charge: str, amount: int, *, refunded: int) -> dict[str, Any]:
    return {
        "id": charge,
        "object": "charge",
        "customer": customer,
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": refunded,
        "refunded": refunded == amount,
        "payment_intent": charge.replace("ch_", "pi_"),
        "status": "succeeded",
    }


def _dispute(name: str, charge: str, amount: int, status: str) -> dict[str, Any]:
    """Return a dispute. It names the charge, and nobody's customer."""
    return {
        "id": f"dp_{name}",
        "object": "dispute",
        "amount": amount,
        "charge": charge,
        "payment_intent": charge.replace("ch_", "pi_"),
        "reason": "fraudulent",
        "status": status,
    }


def payment(session: str, email: str, buyer: str = "") -> list[dict[str, Any]]:
    """Return what Stripe sends when a checkout is paid. Every id follows from the session's: paid twice, it is one."""
    token = session.removeprefix("cs_demo_")
    ids: dict[str, Any] = {"customer": f"cus_{token}", "subscription": f"sub_{token}", "invoice": f"in_{token}"}
    ids |= {"email": email, "checkout": session, "buyer": buyer or None}
    kinds = ("customer.subscription.created", "checkout.session.completed", "invoice.paid")
    return [event(kind, **ids, event_id=f"evt_{token}_{number}") for number, kind in enumerate(kinds)]


def cancellation(member: Member) -> dict[str, Any]:
    """Return what Stripe sends when a member has left at once, in its customer portal."""
    subscription = member.subscription
    ids: dict[str, Any] = {
        "customer": member.stripe_customer,
        "subscription": subscription.stripe_id if subscription else "",
    }
    return event("customer.subscription.deleted", **ids, plan=member.plan or "monthly")


def encode(event: dict[str, Any]) -> bytes:
    """Return an event as it travels."""
    return json.dumps(event, indent=2, ensure_ascii=False).encode()


def sign(body: bytes, secret: str, *, at: int | None = None) -> str:
    """Return the `Stripe-Signature` of a body, made by Stripe's own package; `at` is in seconds since 1970."""
    header: str = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, timestamp=at)
    return header


def send(body: bytes, *, to: str, secret: str) -> tuple[int, str]:
    """Post a signed body, and return status and answer. ValueError for other than http and https; OSError."""
    if not to.startswith(("http://", "https://")):
        raise ValueError(f"{to} is neither http nor https")
    headers = {"Content-Type": "application/json", "Stripe-Signature": sign(body, secret)}
    asked = urllib.request.Request(to, body, headers)  # noqa: S310  (looked at above)
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def deliver(events: list[dict[str, Any]]) -> int:
    """Sign and post events to this site's own webhook, through the whole application; return the worst status."""
    client, secret = current_app.test_client(use_cookies=False), current_app.config["WEBHOOK_SECRETS"]["stripe"][0]
    statuses = [0]
    for body in map(encode, events):
        headers = {"Content-Type": "application/json", "Stripe-Signature": sign(body, secret)}
        answer = client.post("/api/webhooks/stripe", base_url=request.host_url, data=body, headers=headers)
        statuses.append(answer.status_code)
    return max(statuses)

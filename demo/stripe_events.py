"""Plays Stripe: events as it sends them, cut down to what matters, and its signature. Nothing here needs an account."""

import json
import secrets
import urllib.error
import urllib.request
from datetime import datetime
from typing import Any

import stripe
from flask import current_app, request

from models import now

API_VERSION = "2026-10-28.endive"
PRICES = {"monthly": ("month", 600), "yearly": ("year", 6000)}
TYPES = [
    "checkout.session.completed",
    "invoice.paid",
    "invoice.payment_failed",
    "customer.subscription.updated",
    "customer.subscription.deleted",
]


def event(
    type: str,
    *,
    customer: str = "cus_demo",
    email: str = "ina@post.example",
    subscription: str = "",
    invoice: str = "",
    plan: str = "monthly",
    status: str = "",
    at: datetime | None = None,
    event_id: str = "",
    livemode: bool = False,
) -> dict[str, Any]:
    """Return an event of one of `TYPES`. What is left out is made up, and belongs together."""
    name = customer.removeprefix("cus_")
    created = int((at or now()).timestamp())
    subscription, invoice = subscription or f"sub_{name}", invoice or f"in_{name}_{created}"
    if type == "checkout.session.completed":
        about = _checkout(customer, email, subscription, plan, created)
    elif type.startswith("invoice."):
        about = _invoice(customer, email, subscription, invoice, plan, created, paid=type == "invoice.paid")
    else:
        ended = type == "customer.subscription.deleted"
        about = _subscription(customer, subscription, plan, created, status or ("canceled" if ended else "active"))
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


def _checkout(customer: str, email: str, subscription: str, plan: str, created: int) -> dict[str, Any]:
    return {
        "id": f"cs_test_{subscription}",
        "object": "checkout.session",
        "mode": "subscription",
        "status": "complete",
        "payment_status": "paid",
        "created": created,
        "customer": customer,
        "customer_details": {"email": email, "name": "Ina Example"},
        "subscription": subscription,
        "amount_total": PRICES[plan][1],
        "currency": "eur",
        "metadata": {"plan": plan},
    }


def _invoice(
    customer: str, email: str, subscription: str, invoice: str, plan: str, created: int, *, paid: bool
) -> dict[str, Any]:
    amount = PRICES[plan][1]
    return {
        "id": invoice,
        "object": "invoice",
        "created": created,
        "customer": customer,
        "customer_email": email,
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": subscription}},
        "status": "paid" if paid else "open",
        "amount_due": amount,
        "amount_paid": amount if paid else 0,
        "currency": "eur",
        "attempt_count": 1,
        "status_transitions": {"paid_at": created if paid else None},
    }


def _subscription(customer: str, subscription: str, plan: str, created: int, status: str) -> dict[str, Any]:
    interval, amount = PRICES[plan]
    price = {"id": f"price_{plan}", "unit_amount": amount, "currency": "eur", "recurring": {"interval": interval}}
    return {
        "id": subscription,
        "object": "subscription",
        "created": created,
        "customer": customer,
        "status": status,
        "items": {"object": "list", "data": [{"id": f"si_{subscription}", "quantity": 1, "price": price}]},
    }


def payment(token: str, email: str) -> list[dict[str, Any]]:
    """Return what Stripe sends when a checkout is paid. Every id follows from the session's: paid twice, it is one."""
    ids: dict[str, Any] = {
        "customer": f"cus_{token}",
        "subscription": f"sub_{token}",
        "invoice": f"in_{token}",
        "email": email,
    }
    kinds = ("checkout.session.completed", "invoice.paid")
    return [event(kind, **ids, event_id=f"evt_{token}_{number}") for number, kind in enumerate(kinds)]


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


def deliver(body: bytes, secret: str) -> int:
    """Post a signed body to this site's own webhook, through the whole application, and return the status."""
    headers = {"Content-Type": "application/json", "Stripe-Signature": sign(body, secret)}
    client = current_app.test_client(use_cookies=False)
    return client.post("/api/webhooks/stripe", base_url=request.host_url, data=body, headers=headers).status_code

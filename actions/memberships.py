"""The button that begins a membership. It only opens the checkout: who is a member, Stripe's webhook says."""

import hashlib
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Any

import stripe
from flask import current_app

from actions.fields import Nothing
from actions.rate_limit import RateLimit
from flask_server_actions import Result, action, anyone, conflict, form_key, redirect
from models import User, db
from web.auth import caller_name
from web.gate import network
from web.rate_limiter import DAY

log = logging.getLogger(__name__)
CHECKOUT = "https://checkout.stripe.com/"  # the one place elsewhere that the page's policy lets a form lead to
SECONDS, ALTOGETHER = 5, 12  # for one attempt at Stripe, and for all of them, whatever it sends and how slowly
AT_ONCE = 4  # calls of a worker: those who wait leave threads to readers
_PLACES, _THREADS = BoundedSemaphore(AT_ONCE), ThreadPoolExecutor(AT_ONCE, "stripe")
LIMITS = [RateLimit(20, DAY, by=network)]


def open_checkout(_form: Nothing, user: User | None) -> str | Result:
    """Return the address of a checkout, or why there is none. It asks Stripe, so it runs before the transaction."""
    db.session.rollback()  # no connection is held while Stripe is waited for
    key = hashlib.sha256(f"checkout {caller_name(user)} {form_key() or secrets.token_urlsafe(16)}".encode()).hexdigest()
    if current_app.config["STRIPE_SECRET_KEY"]:
        return _ask_stripe(key)
    if current_app.config["DEMO"]:
        return f"/support/checkout/cs_demo_{key[:24]}"
    raise conflict("Memberships are not open yet. Nothing was charged.")


@action(allow=anyone("readers become members before they have an account"), prepare=open_checkout, rate_limit=LIMITS)
def start_checkout(_form: Nothing, _user: User | None, checkout: str | Result) -> Result:
    """Go to the checkout. Sent twice, the form leads to the same one, so that nobody pays twice by a double click."""
    return redirect(checkout) if isinstance(checkout, str) else checkout


def _ask_stripe(key: str) -> str | Result:
    site, price = current_app.config["SITE"], current_app.config["STRIPE_PRICE_ID"]
    client = stripe.StripeClient(
        current_app.config["STRIPE_SECRET_KEY"],
        max_network_retries=2,
        http_client=stripe.RequestsClient(timeout=SECONDS),
    )
    params: Any = {
        "mode": "subscription",
        "line_items": [{"price": price, "quantity": 1}],
        "success_url": f"{site}/support?thanks=1",
        "cancel_url": f"{site}/support",
        "metadata": {"plan": "monthly"},
        "subscription_data": {"metadata": {"plan": "monthly"}},
    }
    try:
        session = _call(client.v1.checkout.sessions.create, params, {"idempotency_key": key})
    except (stripe.StripeError, TimeoutError) as error:
        return _trouble(error)
    if not (session.url or "").startswith(CHECKOUT):
        log.error("stripe: a checkout at an unknown address")
        return Result("The checkout could not be opened, and it is not your fault. Nothing was charged.", 502)
    return str(session.url)


def _call(call: Callable[..., Any], *given: Any) -> Any:
    """Return what a call elsewhere returns, or raise what it raises; TimeoutError, at once where all places are taken.

    A call that is not waited for any more keeps its place until it ends.
    """
    if not _PLACES.acquire(blocking=False):
        raise TimeoutError
    future = _THREADS.submit(call, *given)
    future.add_done_callback(lambda _done: _PLACES.release())
    return future.result(ALTOGETHER)


def _trouble(error: stripe.StripeError | TimeoutError) -> Result:
    # The message stays out of the log: Stripe repeats parts of keys and of what was sent in it.
    status, request = getattr(error, "http_status", None), getattr(error, "request_id", None)
    log.error("stripe: %s, status %s, request %s", type(error).__name__, status, request)
    if isinstance(error, TimeoutError | stripe.APIConnectionError | stripe.APIError | stripe.RateLimitError):
        text = "Stripe, who takes the payments, does not answer. Nothing was charged; please try again in a minute."
        return Result(text, 503, headers={"Retry-After": "60"})
    return Result("Stripe did not take the order, and it is not your fault. Nothing was charged.", 502)

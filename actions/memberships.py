"""The buttons that begin and change a membership. They only open Stripe's pages: who is a member, its webhook says."""

import hashlib
import secrets
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import Any

import stripe
from flask import current_app

from actions.fields import Nothing
from actions.rate_limit import RateLimit
from flask_server_actions import Result, action, anyone, conflict, form_key, redirect
from models import User, db
from web.auth import current_member, visitor_name
from web.gate import VISITOR, network, sign_cookie, signed_cookie
from web.rate_limiter import DAY

SECONDS, ALTOGETHER = 5, 12  # for one attempt at Stripe, and for all of them, whatever it sends and how slowly
AT_ONCE = 4  # calls of a worker: those who wait leave threads to readers
_PLACES, _THREADS = BoundedSemaphore(AT_ONCE), ThreadPoolExecutor(AT_ONCE, "stripe")
LIMITS = [RateLimit(20, DAY, by=network)]


def buyer(user: User | None) -> tuple[str, dict[str, Any]]:
    """Return under which name a payment finds its way back to the caller, and the cookie that a browser needs for it.

    A double click is one browser, though neither of its requests has the cookie yet.
    """
    once = f"{network()} {form_key() or secrets.token_urlsafe(16)}"
    browser = signed_cookie(VISITOR) or hashlib.sha256(once.encode()).hexdigest()
    return visitor_name(user, browser), {} if user else sign_cookie(VISITOR, browser)


@action(allow=anyone("readers become members before they have an account"), rate_limit=LIMITS, writes=False)
def start_checkout(_form: Nothing, user: User | None) -> Result:
    """Go to the checkout. Sent twice, the form leads to the same one, so that nobody pays twice by a double click."""
    if current_member():
        return conflict("You are a member already, so there is nothing to pay.")
    name, cookies = buyer(user)
    params: Any = {
        "mode": "subscription",
        "line_items": [{"price": current_app.config["STRIPE_PRICE_ID"], "quantity": 1}],
        "success_url": f"{current_app.config['SITE']}/support?thanks=1",
        "cancel_url": f"{current_app.config['SITE']}/support",
        "client_reference_id": name,
    }
    key = hashlib.sha256(f"checkout {name} {form_key() or secrets.token_urlsafe(16)}".encode()).hexdigest()
    params |= {"customer_email": user.email} if user else {}
    return _open("checkout", f"/support/checkout/cs_demo_{key[:24]}", params, key, cookies)


@action(allow=anyone("members need no account"), rate_limit=LIMITS, writes=False)
def open_portal(_form: Nothing, _user: User | None) -> Result:
    """Go to Stripe's customer portal, where members change plan or card, and leave."""
    if not (member := current_member()):
        return conflict("Nobody knows of a membership of yours here. Nothing was changed.")
    params = {"customer": member.stripe_customer, "return_url": f"{current_app.config['SITE']}/support"}
    return _open("billing_portal", "/support/portal", params, secrets.token_hex(24), {})


def _open(service: str, played: str, params: Any, key: str, cookies: dict[str, Any]) -> Result:
    """Lead to a page of Stripe's, or in a demo without its key to the one that plays it."""
    db.session.rollback()  # no connection is held while Stripe is waited for
    if not (secret := current_app.config["STRIPE_SECRET_KEY"]):
        closed = conflict("Memberships are not open yet. Nothing was charged.")
        return redirect(played, cookies=cookies) if current_app.config["DEMO"] else closed
    client = stripe.StripeClient(secret, max_network_retries=2, http_client=stripe.RequestsClient(timeout=SECONDS))
    try:
        url = str(_call(getattr(client.v1, service).sessions.create, params, {"idempotency_key": key}).url)
        known = url.startswith(f"https://{service.partition('_')[0]}.stripe.com/")
        return redirect(url, cookies=cookies) if known else _trouble(stripe.StripeError("an unknown address"))
    except (stripe.StripeError, TimeoutError) as error:
        return _trouble(error)


def _call(call: Any, *given: Any) -> Any:
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
    current_app.logger.error("stripe: %s, status %s, request %s", type(error).__name__, status, request)
    if isinstance(error, TimeoutError | stripe.APIConnectionError | stripe.APIError | stripe.RateLimitError):
        text = "Stripe, who takes the payments, does not answer. Nothing was charged; please try again in a minute."
        return Result(text, 503, headers={"Retry-After": "60"})
    return Result("Stripe did not take the order, and it is not your fault. Nothing was charged.", 502)

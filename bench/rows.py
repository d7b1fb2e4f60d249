"""The rows of the table: what is asked, and what that needs. Each is a list of requests for the load generator."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from stripe import WebhookSignature

from demo import stripe_events
from demo.keys import DEMO_STRIPE_SECRET

EVENTS = 40_000  # signed ahead; no row sends as many in a run


@dataclass(frozen=True)
class Request:
    """One request, as the load generator reads it."""

    method: str
    path: str
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def line(self) -> str:
        """Return it as a line of bench/requests.lua."""
        return "\t".join([self.method, self.path, self.body, *(f"{n}: {v}" for n, v in self.headers.items())])


@dataclass(frozen=True)
class Row:
    """A row: its name, what share of the bare callable it has to reach, and the requests, given origin and cookie."""

    name: str
    slug: str
    share: float
    requests: Callable[[str, str], list[Request]]


def _get(path: str, signed_in: bool = False, **headers: str) -> Callable[[str, str], list[Request]]:
    return lambda _origin, cookie: [Request("GET", path, headers=headers | ({"Cookie": cookie} if signed_in else {}))]


def _publish(page: str, **headers: str) -> Callable[[str, str], list[Request]]:
    """A post is taken back and published in turns, each time by a form with a one-time key of its own."""

    def make(origin: str, cookie: str) -> list[Request]:
        own = {"Origin": origin, "Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded", **headers}
        asked = f"post_id=1&_page={quote(page)}&_key=%K-a-one-time-key"
        return [
            Request("POST", f"/_actions/posts.{name}?{asked}", "", own) for name in ("unpublish_post", "publish_post")
        ]

    return make


def _webhooks(_origin: str, _cookie: str) -> list[Request]:
    found = []
    for number in range(EVENTS):
        customer, subscription = f"cus_{number % 500}", f"sub_{number % 500}"
        event = stripe_events.event(
            "invoice.paid", customer=customer, subscription=subscription, invoice=f"in_{number}"
        )
        body = json.dumps(event, separators=(",", ":"))
        signature = WebhookSignature.generate_signature_header(body, DEMO_STRIPE_SECRET)
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
        found.append(Request("POST", "/api/webhooks/stripe", body, headers))
    return found


ROWS = [
    Row("cached /blog", "blog", 0.8, _get("/blog")),
    Row("304 of /blog", "not-modified", 0.9, _get("/blog", **{"If-None-Match": "ETAG"})),
    Row("304 of the posts desk, signed in", "poll", 0.2, _get("/dashboard/posts", True, **{"If-None-Match": "ETAG"})),
    Row("cached API list of 20", "api", 0.6, _get("/api/v1/posts?limit=20")),
    Row("action, htmx, fresh page back", "htmx", 0.08, _publish("/dashboard/posts", **{"HX-Request": "true"})),
    Row("action, plain form, 303", "plain", 0.15, _publish("/dashboard/posts")),
    Row("posts desk", "desk", 0.08, _get("/dashboard/posts", signed_in=True)),
    Row("dashboard", "dashboard", 0.12, _get("/dashboard", signed_in=True)),
    Row("webhook, verified, stored, applied", "webhook", 0.12, _webhooks),
]

"""Senders of webhooks, who sign what they send as the real ones do."""

import hashlib
import hmac
import json
import os
import time
from http.client import HTTPConnection, HTTPException

from sqlalchemy import select
from stripe import WebhookSignature

from demo import stripe_events
from demo.keys import DEMO_GITHUB_SECRET, DEMO_STRIPE_SECRET
from models import Delivery, DeliveryStatus, Member, Payment, Post, Subscription, db

SCALE = int(os.environ.get("WEBHOOK_SCALE", "1"))  # bin/prove asks for more than bin/test
STRIPE, GITHUB = "/api/webhooks/stripe", "/api/webhooks/github"
CUSTOMER = "cus_ina"


def event(type="invoice.paid", **about):
    """Return an event about Ina."""
    return stripe_events.event(type, **{"customer": CUSTOMER, "email": "ina@post.example", **about})


def encoded(payload):
    """Return the bytes of a payload."""
    return payload if isinstance(payload, bytes) else json.dumps(payload).encode()


def signed(payload, *, secret=DEMO_STRIPE_SECRET, at=None):
    """Return the signature header that Stripe's own package makes."""
    return WebhookSignature.generate_signature_header(encoded(payload).decode(), secret, timestamp=at)


def signature(body, at, secret=DEMO_STRIPE_SECRET):
    """Return the bare hexadecimal signature over bytes, also where they are no text."""
    return hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()


def send(client, payload, *, header=None, headers=(), **options):
    """Post an event to the Stripe door; without a header it is signed now. Checks what holds for every answer."""
    body = encoded(payload)
    header = signed(body) if header is None else header
    answer = client.post(STRIPE, data=body, headers=[("Stripe-Signature", header), *headers], **options)
    return checked(answer, "Stripe-Signature")


def checked(answer, scheme):
    """Assert what every answer of a webhook has in common, and return it."""
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content_type in ("application/json", "application/problem+json")
    assert (answer.headers.get("WWW-Authenticate") == f'{scheme} realm="webhooks"') is (answer.status_code == 401)
    return answer


def send_github(client, payload, *, header=None, event="release", delivery="d-1", secret=DEMO_GITHUB_SECRET):
    """Post an event to the GitHub door."""
    body = encoded(payload)
    header = github_signature(body, secret) if header is None else header
    named = {"X-Hub-Signature-256": header, "X-GitHub-Event": event, "X-GitHub-Delivery": delivery}
    headers = {name: value for name, value in named.items() if value is not None}
    return checked(client.post(GITHUB, data=body, headers=headers), "X-Hub-Signature-256")


def github_signature(body, secret=DEMO_GITHUB_SECRET):
    """Return the header that GitHub makes."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def release(action="published", **about):
    """Return GitHub's news of a release."""
    named = {"id": 71, "name": "Two doors", "tag_name": "v2", "body": "Both *open*."}
    named |= {"html_url": "https://github.com/hallway/door/releases/tag/v2", "author": {"login": "mallory"}, **about}
    return {"action": action, "release": named, "repository": {"full_name": "hallway/door"}}


def inbox(app):
    """Return (source, event id, outcome, attempts) of each delivery that the seed did not bring."""
    with app.app_context():
        rows = db.session.scalars(select(Delivery).where(~Delivery.event_id.startswith("evt_demo")))
        return [(row.source, row.event_id, DeliveryStatus(row.status), row.attempts) for row in rows]


def members(app, *customers):
    """Return what is known of members, as plain values that two orders of events can be compared by."""
    with app.app_context():
        found = db.session.scalars(select(Member).where(Member.stripe_customer.in_(customers or (CUSTOMER,))))
        paid = db.session.scalars(select(Payment)).all()
        return [
            (
                (m.stripe_customer, m.email, m.email_as_of, m.plan, m.status, m.joined_at),
                sorted((s.stripe_id, s.plan, s.as_of, s.status, s.buyer, s.ends_at, s.renews_at)
                       for s in m.subscriptions),
                sorted((p.provider_id, p.amount, p.currency, p.at) for p in paid if p.member_id == m.id),
            )
            for m in found.unique()
        ]  # fmt: skip


def member(app):
    """Return (email, plan, status, number of payments) of Ina, or None."""
    found = members(app)
    return (found[0][0][1], found[0][0][3], found[0][0][4], len(found[0][2])) if found else None


def drafts(app):
    """Return the posts that came from GitHub, as (origin, title)."""
    with app.app_context():
        return [
            tuple(row) for row in db.session.execute(select(Post.origin, Post.title).where(Post.origin.is_not(None)))
        ]


def payments(app, prefix):
    """Count the payments whose invoice begins so."""
    with app.app_context():
        return len(db.session.scalars(select(Payment.id).where(Payment.provider_id.startswith(prefix))).all())


def subscriptions(app):
    """Count the subscriptions."""
    with app.app_context():
        return len(db.session.scalars(select(Subscription.id)).all())


class Sender:
    """A sender that tries again, as Stripe does: until it is told that the event was taken."""

    def __init__(self, port):
        self.port, self.connection = port, None

    def post(self, body, *, path=STRIPE, headers=None):
        """Post once, and return status, headers and answer. OSError where the answer does not come."""
        headers = {"Stripe-Signature": signed(body)} if headers is None else headers
        connection = self.connection = self.connection or HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except (OSError, HTTPException) as error:
            self.close()
            raise ConnectionError(path) from error

    def close(self):
        """Hang up."""
        if self.connection:
            self.connection.close()
        self.connection = None

    def deliver(self, body, *, seconds=60):
        """Post until it is taken; return how often that took."""
        deadline = time.monotonic() + seconds
        for attempt in range(1, 10_000):
            try:
                if self.post(body)[0] == 200:
                    return attempt
            except ConnectionError:
                pass
            assert time.monotonic() < deadline, "nobody takes the event"
            time.sleep(0.05)
        raise AssertionError

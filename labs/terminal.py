"""What one would want a terminal for, on the site's own pages: the demo's key, lines for curl, and a delivery more."""

import hashlib
import hmac
import time

from flask import abort, current_app

from demo.keys import DEMO_CRON_SECRET, secret_of
from demo.stripe_events import sign
from flask_server_actions import Form, Result, action, conflict, success
from labs.exchange import LIMITS, Call, Exchange
from labs.outside import KEY
from models import Delivery, User, db
from web.auth import owner
from web.fields import RowId


class WhichDelivery(Form):
    """Which delivery."""

    delivery_id: RowId


def lines() -> list[tuple[str, str]]:
    """Return what an outsider could type, with the demo's own key."""
    made = [("Whose key it is", Call("GET", "/api/v1/me", KEY))]
    made += [("Posts, as a program reads them", Call("GET", "/api/v1/posts?limit=2"))]
    made += [("A new draft", Call.json("POST", "/api/v1/posts", {"title": "By curl", "body": "*Hello.*"}, KEY))]
    made += [("All of them, as CSV", Call("GET", "/api/v1/posts.csv", KEY))]
    cron = {"Authorization": f"Bearer {DEMO_CRON_SECRET}"}
    made += [("Publish what is due, as the scheduler does", Call("POST", "/api/cron/publish-due", cron))]
    return [(title, call.curl) for title, call in made]


def send(form: WhichDelivery, _user: User | None) -> Exchange:
    """Sign the bytes that were kept, as their sender would, and deliver them."""
    delivery = db.session.get(Delivery, form.delivery_id) or abort(404)  # read only, so without a lock
    source, name, kind, body = delivery.source, delivery.event_id, delivery.type, delivery.body.decode()
    secret = secret_of(source)
    if not body or current_app.config["WEBHOOK_SECRETS"][source] != [secret]:
        raise conflict("Its bytes are not kept any more, or the secret is not the demo’s.")
    headers = {"Content-Type": "application/json"}
    if source == "stripe":
        headers["Stripe-Signature"] = sign(body.encode(), secret, at=int(time.time()))
    else:
        digest = hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
        headers |= {"X-GitHub-Event": kind.partition(".")[0], "X-GitHub-Delivery": name}
        headers["X-Hub-Signature-256"] = f"sha256={digest}"
    return Call("POST", f"/api/webhooks/{source}", headers, body).send()


@action(allow=owner, prepare=send, writes=False, rate_limit=LIMITS)
def again(_form: WhichDelivery, _user: User | None, exchange: Exchange) -> Result:
    """Deliver again what was delivered: senders do, and it must not act twice."""
    return success(f"Delivered again, and answered with {exchange.status}: it is kept once, and acts once.")

"""What a scheduler calls each minute, from outside: `POST /api/cron/publish-due` with a bearer secret."""

import hmac
from typing import Any

from flask import Blueprint, current_app

from api.auth import bearer
from api.webhooks.receive import finish_pending
from flask_revalidation import retried, revalidate_tag, write
from models import Post
from web.problems import Problem

bp = Blueprint("cron", __name__, url_prefix="/api/cron")


@bp.route("/publish-due", methods=["POST"], provide_automatic_options=False)
def publish_due() -> tuple[dict[str, Any], dict[str, str]]:
    """Publish what is due, and finish what the webhooks have left. Harmless when called twice, or twice at once."""
    _require_secret()
    return run_due(), {"Cache-Control": "no-store"}


@retried
def run_due() -> dict[str, Any]:
    """Do what is due, and return what was published and how many deliveries were finished."""
    with write(by="cron publish-due"):
        due = Post.publish_due()
        for post in due:
            revalidate_tag(*post.cache_tags)
        site = current_app.config["SITE"]
        published = [{"slug": post.slug, "title": post.title, "url": f"{site}{post.path}"} for post in due]
    return {"published": published, "finished": finish_pending()}


def _require_secret() -> None:
    secret, given = current_app.config["CRON_SECRET"], bearer()
    # As bytes: compare_digest raises for text that is not ASCII.
    if not (secret and hmac.compare_digest(given.encode(), secret.encode())):
        challenge = {"WWW-Authenticate": 'Bearer realm="cron"'}
        raise Problem("secret-needed", "Send the scheduler's secret as a bearer token.", headers=challenge)

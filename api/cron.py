"""What is done at its time: by the server itself (gunicorn.conf.py), and on `POST /api/cron/publish-due`."""

import hmac
from collections.abc import Callable
from typing import Any

from flask import Blueprint, current_app

from api.auth import bearer
from api.webhooks.receive import finish_pending
from flask_revalidation import is_busy, retried, revalidate_tag, write
from models import Post, db
from web import gate
from web.problems import Problem

bp = Blueprint("cron", __name__, url_prefix="/api/cron")


@bp.route("/publish-due", methods=["POST"], provide_automatic_options=False)
def publish_due() -> tuple[dict[str, Any], dict[str, str]]:
    """Publish what is due, and finish what the webhooks have left. Harmless when called twice, or twice at once."""
    _require_secret()
    gate.body()
    return run_due(), {"Cache-Control": "no-store"}


@retried
def run_due() -> dict[str, Any]:
    """Do what is due, and return what was published and how many deliveries were finished."""
    with write(by="cron publish-due"):
        due = Post.publish_due()
        for post in due:
            revalidate_tag(*post.cache_tags)
        site = current_app.config["SITE"]
        live = [post for post in due if post.is_published]
        published = [{"slug": post.slug, "title": post.title, "url": f"{site}{post.path}"} for post in live]
    return {"published": published, "finished": finish_pending()}


def run_tick(seconds: int, sweep: Callable[[], None]) -> None:
    """Do what is due `seconds` after the schedule began; what fails is logged, and tried again at its next time.

    Any number of processes may do so at once: what two of them do is done once.
    """
    try:
        if db.session.scalar(Post.due().limit(1)):  # asked without the write lock, which others wait for
            run_due()
        if seconds % 60 == 0:
            finish_pending()
        if seconds % 3600 == 0:
            sweep()
    except Exception as error:
        current_app.logger.error("not done on time: %s", error, exc_info=not is_busy(error))


def _require_secret() -> None:
    secret, given = current_app.config["CRON_SECRET"], bearer()
    # As bytes: compare_digest raises for text that is not ASCII.
    if not (secret and hmac.compare_digest(given.encode(), secret.encode())):
        challenge = {"WWW-Authenticate": 'Bearer realm="cron"'}
        raise Problem("secret-needed", "Send the scheduler's secret as a bearer token.", headers=challenge)

"""Keys to the public door, and for the owner what the webhooks brought."""

from datetime import UTC, datetime

from flask import Blueprint, render_template

from flask_revalidation import cached
from models import ApiKey, Delivery, User
from pages.access import caller, only
from pages.paging import OnlyBefore, Paging, asked
from pages.redact import redact
from web.auth import writers
from web.rate_limit import limiter

bp = Blueprint("developers", __name__)
PER_PAGE = 10


@bp.get("/dashboard/developers")
@only(writers, "api-keys", "deliveries")
def index() -> str:
    """Show the caller's keys, to the owner everybody's, and the deliveries."""
    user = caller()
    keys = cached("developers.keys", user.id, user.role, tags=["api-keys"], render=lambda: _keys(user))
    deliveries = _deliveries() if user.is_owner else {}
    return render_template("developers/index.html", user=user, keys=keys, used=_used(user), redact=redact, **deliveries)


def _keys(user: User) -> str:
    return render_template("developers/_keys.html", keys=ApiKey.of(user), user=user)


def _used(user: User) -> list[tuple[str, datetime]]:
    """Return when which key last came. The rate limiter knows: reading writes nothing."""
    times = [(key.name, limiter().last_used(key.bucket)) for key in ApiKey.of(user) if not key.revoked_at]
    return [(name, datetime.fromtimestamp(time, UTC)) for name, time in times if time]


def _deliveries() -> dict[str, object]:
    page = Delivery.latest(asked(OnlyBefore).before, per_page=PER_PAGE)
    return {"deliveries": page.rows, "paging": Paging("/dashboard/developers", {}, page)}

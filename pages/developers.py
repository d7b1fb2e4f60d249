"""Keys to the public door, and for the owner what the webhooks brought."""

from flask import Blueprint, render_template, request
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import NotFound

from identity import current_user
from models import ApiKey, Delivery, User
from pages.access import only, writer
from pages.paging import Paging
from revalidation import cached

bp = Blueprint("developers", __name__)
PER_PAGE = 10


class DeliveriesQuery(BaseModel):
    """`?page=`, of the deliveries."""

    page: int = Field(1, ge=1, le=10_000)


@bp.get("/dashboard/developers")
@only(writer)
def index() -> str:
    """Show the caller's keys, to the owner everybody's, and the deliveries."""
    user = current_user()
    assert user  # noqa: S101  (`only` has let the caller in)
    keys = cached("developers.keys", user.id, user.role, tags=["api-keys"], render=lambda: _keys(user))
    return render_template("developers/index.html", user=user, keys=keys, **_deliveries() if user.is_owner else {})


def _keys(user: User) -> str:
    return render_template("developers/_keys.html", keys=ApiKey.of(user), user=user)


def _deliveries() -> dict[str, object]:
    try:
        page = DeliveriesQuery.model_validate({k: v for k, v in request.args.items() if v}).page
    except ValidationError:
        raise NotFound from None
    paging = Paging("/dashboard/developers", page, PER_PAGE, Delivery.count(), {}).clamped()
    return {"deliveries": Delivery.latest(page=paging.page, per_page=PER_PAGE), "paging": paging}

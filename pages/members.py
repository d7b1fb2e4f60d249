"""Members and what they paid, as Stripe's webhook brings them."""

from flask import Blueprint, render_template, request
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import NotFound

from flask_revalidation import cached
from models import Member, Payment
from pages.access import only
from pages.paging import Paging
from web.auth import current_user, editors

bp = Blueprint("members", __name__)
PER_PAGE = 20


class MembersQuery(BaseModel):
    """`?status=` and `?page=`."""

    status: str | None = Field(None, pattern=r"^[a-z_]{1,20}$")
    page: int = Field(1, ge=1, le=10_000)


@bp.get("/dashboard/members")
@only(editors)
def index() -> str:
    """Show the members, newest first, and the last payments beside them."""
    try:
        query = MembersQuery.model_validate({k: v for k, v in request.args.items() if v})
    except ValidationError:
        raise NotFound from None
    return render_template(
        "members/index.html",
        user=current_user(),
        members=cached("members.list", query.status, query.page, tags=["members"], render=lambda: _list(query)),
        payments=cached("members.payments", tags=["members"], render=_payments),
    )


def _list(query: MembersQuery) -> str:
    counts = Member.count_by_status()
    total = counts.get(query.status, 0) if query.status else sum(counts.values())
    paging = Paging("/dashboard/members", query.page, PER_PAGE, total, {"status": query.status}).clamped()
    members = Member.page(status=query.status, page=paging.page, per_page=PER_PAGE)
    return render_template("members/_list.html", members=members, counts=counts, query=query, paging=paging)


def _payments() -> str:
    return render_template("members/_payments.html", payments=Payment.latest(8))

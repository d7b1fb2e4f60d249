"""Members and what they paid, as Stripe's webhook brings them."""

from flask import Blueprint, render_template
from pydantic import BaseModel, Field

from flask_revalidation import cached
from models import Member, Payment
from pages.access import only
from pages.paging import Before, Paging, asked
from web.auth import editors

bp = Blueprint("members", __name__)
PER_PAGE = 20


class MembersQuery(BaseModel):
    """`?status=` and `?before=`."""

    status: str | None = Field(None, pattern=r"^[a-z_]{1,20}$")
    before: Before = None


@bp.get("/dashboard/members")
@only(editors, "members")
def index() -> str:
    """Show the members, newest first, and the last payments beside them."""
    query = asked(MembersQuery)
    return render_template(
        "members/index.html",
        members=cached("members.list", query.status, query.before, tags=["members"], render=lambda: _list(query)),
        payments=cached("members.payments", tags=["members"], render=_payments),
    )


def _list(query: MembersQuery) -> str:
    page = Member.page(query.status, query.before, per_page=PER_PAGE)
    paging = Paging("/dashboard/members", query.model_dump(), page)
    counts = Member.count_by_status()
    return render_template("members/_list.html", members=page.rows, counts=counts, query=query, paging=paging)


def _payments() -> str:
    return render_template("members/_payments.html", payments=Payment.latest(8), sums=Payment.by_month())

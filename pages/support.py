"""The membership page; in the demo, stand-ins for Stripe's checkout and customer portal."""

import re
from functools import partial
from typing import Any

from flask import Blueprint, Response, abort, current_app, make_response, redirect, render_template

from flask_revalidation import cached
from models import Member, Payment
from pages.access import no_store
from web.auth import current_member
from web.headers import CHECKOUT_POLICY, PORTAL_POLICY

bp = Blueprint("support", __name__)
PRICE = "€6 a month"  # the price itself is kept at Stripe, under STRIPE_PRICE_ID


@bp.get("/support")
@partial(no_store, tags=("members",))
def index() -> Response:
    """Show a member their membership, and others the offer. `?thanks` greets who returns; who has paid, Stripe says."""
    member = current_member()
    page = render_template(
        "support/index.html",
        member=member,
        payments=Payment.latest(5, member) if member else [],
        members=cached("support.members", tags=["members"], render=lambda: str(Member.count_by_status()["active"])),
        price=PRICE,
    )
    return make_response(page, {"Content-Security-Policy": PORTAL_POLICY if member else CHECKOUT_POLICY})


@bp.get("/support/checkout/<session_id>")
@no_store
def checkout(session_id: str) -> str:
    """Play Stripe's page, in a demo that has no key to the real one. All it knows is in its address."""
    if not _is_played() or not re.fullmatch(r"cs_demo_[0-9a-f]{24}", session_id):
        abort(404)
    return render_template("support/checkout.html", session_id=session_id, price=PRICE)


@bp.get("/support/portal")
@no_store
def portal() -> Any:
    """Play Stripe's customer portal, to a member."""
    member = current_member() if _is_played() else None
    return render_template("support/portal.html", member=member) if member else redirect("/support", 303)


def _is_played() -> bool:
    return current_app.config["DEMO"] and not current_app.config["STRIPE_SECRET_KEY"]

"""The membership page, and in the demo a stand-in for Stripe's checkout."""

import re

from flask import Blueprint, Response, abort, current_app, make_response, render_template, request

from models import Member
from pages.access import no_store
from web.headers import CHECKOUT_POLICY

bp = Blueprint("support", __name__)
PRICE = "€6 a month"  # the price itself is kept at Stripe, under STRIPE_PRICE_ID


@bp.get("/support")
@no_store
def index() -> Response:
    """Say what a membership is, and offer one. `?thanks` greets who comes back; that they have paid, Stripe says."""
    config = current_app.config
    page = render_template(
        "support/index.html",
        members=Member.count_by_status()["active"],
        price=PRICE,
        is_open=bool(config["STRIPE_SECRET_KEY"] or config["DEMO"]),
        thanks="thanks" in request.args,
    )
    return make_response(page, {"Content-Security-Policy": CHECKOUT_POLICY})


@bp.get("/support/checkout/<session_id>")
@no_store
def checkout(session_id: str) -> str:
    """Play Stripe's page, in a demo that has no key to the real one. All it knows is in its address."""
    config = current_app.config
    if config["STRIPE_SECRET_KEY"] or not config["DEMO"] or not re.fullmatch(r"cs_demo_[0-9a-f]{24}", session_id):
        abort(404)
    return render_template("support/checkout.html", session_id=session_id, price=PRICE)

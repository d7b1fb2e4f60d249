"""The sign-in page."""

from flask import Blueprint, render_template, request

from pages.access import no_store

bp = Blueprint("accounts", __name__)


@bp.get("/sign-in")
@no_store
def sign_in() -> str:
    """Show the form. `next` is where to go then; the action decides whether it may be gone to."""
    return render_template("accounts/sign_in.html", next=request.args.get("next", "")[:500])

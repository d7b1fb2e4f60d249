"""The page from which strangers write to us."""

from flask import Blueprint, render_template

from models import Setting, Switch
from pages.access import no_store

bp = Blueprint("contact", __name__)


@bp.get("/contact")
@no_store
def index() -> str:
    """Show the form, with a one-time key: so it is made for each caller."""
    return render_template("contact/index.html", is_open=Setting.is_on(Switch.CONTACT))

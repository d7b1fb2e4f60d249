"""The owner's switches."""

from flask import Blueprint, current_app, render_template

from models import Setting, Switch
from pages.access import only
from web.auth import owner

bp = Blueprint("settings", __name__)


@bp.get("/dashboard/settings")
@only(owner, "settings")
def index() -> str:
    """Show where the switches stand."""
    known = [switch for switch in Switch if switch is not Switch.FAIL_NEXT_SAVE or current_app.config["DEMO"]]
    switches = [(switch, switch.sentence, Setting.is_on(switch)) for switch in known]
    return render_template("settings/index.html", switches=switches)

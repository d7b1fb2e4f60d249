"""The front page."""

from flask import Blueprint, render_template

from flask_revalidation import cached, cached_page
from models import Member, PostFilter, Setting, Switch

bp = Blueprint("home", __name__)


@bp.get("/")
@cached_page(tags=["posts", "settings", "members"])
def index() -> str:
    """Show the newest post large, six more as cards, and an invitation."""
    return render_template(
        "home/index.html",
        stories=cached("home.stories", tags=["posts", "settings"], render=stories),
        invitation=cached("home.invitation", tags=["settings", "members"], render=invitation),
    )


def stories() -> str:
    """Render lead and cards."""
    posts = PostFilter().page(size=7).rows
    return render_template("posts/_stories.html", posts=posts, show_likes=Setting.is_on(Switch.LIKES))


def invitation() -> str:
    """Render the invitation to support the publication, where the switch says so."""
    if not Setting.is_on(Switch.SUPPORT):
        return ""
    return render_template("home/_invitation.html", members=Member.count_by_status()["active"])

"""The house's own front page: numbers, the latest posts, what happened."""

from flask import Blueprint, render_template

from flask_revalidation import cached
from models import Comment, Member, Message, Payment, Post, PostFilter, PostStatus
from pages.access import only
from web.auth import current_user, editors, writers

bp = Blueprint("dashboard", __name__)


@bp.get("/dashboard")
@only(writers, "posts", "members", "messages", "comments")
def index() -> str:
    """Put the fragments together; each is shared by everyone who may see the page."""
    full = editors(current_user())
    return render_template(
        "dashboard/index.html",
        numbers=cached("dashboard.numbers", full, tags=["posts", "members", "messages"], render=lambda: numbers(full)),
        latest=cached("dashboard.latest", tags=["posts"], render=latest),
        activity=cached("dashboard.activity", tags=["comments", "posts"], render=activity),
    )


def numbers(full: bool) -> str:
    """Render the numbers, for who may read the inbox in `full`; by month who joined and, by currency, what was paid."""
    return render_template(
        "dashboard/_numbers.html",
        published=PostFilter().count(),
        waiting=PostFilter(PostStatus.DRAFT).count() + PostFilter(PostStatus.SCHEDULED).count(),
        members=Member.count_by_status()["active"],
        unread=Message.unread() if full else None,
        joined=Member.joined_by_month(),
        revenue=list(Payment.by_month()),
    )


def latest() -> str:
    """Render what was last worked on."""
    return render_template("dashboard/_latest.html", posts=PostFilter(None).page(by=Post.updated_at, size=6).rows)


def activity() -> str:
    """Render what readers said last."""
    return render_template("dashboard/_activity.html", comments=Comment.latest(5))

"""The house's own front page: numbers, the latest posts, what happened."""

from flask import Blueprint, render_template

from identity import current_user
from models import Comment, Member, Message, Payment, Post, PostStatus
from pages.access import only, writer
from revalidation import cached

bp = Blueprint("dashboard", __name__)


@bp.get("/dashboard")
@only(writer)
def index() -> str:
    """Put the fragments together; each is shared by everyone who may see the page."""
    return render_template(
        "dashboard/index.html",
        user=current_user(),
        numbers=cached("dashboard.numbers", tags=["posts", "members", "messages"], render=numbers),
        latest=cached("dashboard.latest", tags=["posts"], render=latest),
        activity=cached("dashboard.activity", tags=["comments", "posts"], render=activity),
    )


def numbers() -> str:
    """Render the four numbers, and revenue by month."""
    revenue = Payment.by_month()
    return render_template(
        "dashboard/_numbers.html",
        published=Post.count(),
        waiting=Post.count(PostStatus.DRAFT) + Post.count(PostStatus.SCHEDULED),
        members=Member.count_active(),
        unread=Message.unread(),
        revenue=revenue,
    )


def latest() -> str:
    """Render what was last worked on."""
    return render_template("dashboard/_latest.html", posts=Post.recently_edited(6))


def activity() -> str:
    """Render what readers said last."""
    return render_template("dashboard/_activity.html", comments=Comment.latest(5))

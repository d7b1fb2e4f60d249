"""The desk: all posts with their switches, and the editor of each."""

from functools import partial

from flask import Blueprint, render_template
from markupsafe import Markup
from pydantic import BaseModel
from sqlalchemy.orm import lazyload

from flask_revalidation import cached
from models import Post, PostFilter, PostStatus, User, db
from pages.access import only
from pages.paging import Before, Paging, Words, asked
from web.auth import current_user, writers

bp = Blueprint("posts", __name__)
PER_PAGE = 12


class PostsQuery(BaseModel):
    """`?status=`, `?q=` and `?before=`."""

    status: PostStatus | None = None
    q: Words = None
    before: Before = None


@bp.get("/dashboard/posts")
@only(writers, "posts", "comments", "settings")
def index() -> str:
    """List the posts. A page that has emptied shows the last one that has not."""
    query = asked(PostsQuery)
    posts = PostFilter(query.status, words=query.q, reader=None if _writer().is_editor else _writer().id)
    page = posts.page(lazyload(Post.tags), before=query.before, by=Post.created_at, size=PER_PAGE)
    counts = posts.counts()
    return render_template(
        "posts/index.html",
        counts=counts,
        total=counts[query.status],
        query=query,
        paging=Paging("/dashboard/posts", query.model_dump(), page),
        overdue=db.session.scalars(Post.due(minutes_ago=1).order_by(None).limit(20)).all(),
        publish=_writer().may_publish,
        cached_row=_cached_row,
    )


def _cached_row(post: Post, mine: bool, publish: bool) -> Markup:
    """Return the row of a post, the same for all who may do the same with it."""
    render = partial(render_template, "posts/_row.html", post=post, mine=mine, publish=publish)
    return cached("posts.row", post.id, post.path, mine, publish, tags=[post.path], render=render)


@bp.get("/dashboard/posts/<int(max=2147483647):post_id>/edit")
@only(writers, "posts", "settings")
def edit(post_id: int) -> str:
    """Show the editor of a post that is the caller's to work on, with a preview of what is saved."""
    post = _writer().find_post(post_id)
    return render_template("posts/edit.html", post=post, preview=post.body_html, publish=_writer().may_publish)


def _writer() -> User:
    user = current_user()
    assert user  # noqa: S101  (`only` has let the caller in)
    return user

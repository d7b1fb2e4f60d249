"""The desk: all posts with their switches, and the editor of each."""

from functools import partial

from flask import Blueprint, render_template, request
from markupsafe import Markup
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import NotFound

from flask_revalidation import cached
from models import Post, PostFilter, PostStatus, User
from pages.access import only
from pages.paging import Paging, Words
from web.auth import current_user, writers

bp = Blueprint("posts", __name__)
PER_PAGE = 12


class PostsQuery(BaseModel):
    """`?status=`, `?q=` and `?page=`."""

    status: PostStatus | None = None
    q: Words = None
    page: int = Field(1, ge=1, le=10_000)


@bp.get("/dashboard/posts")
@only(writers)
def index() -> str:
    """List the posts. A page that has emptied shows the last one that has not."""
    try:
        query = PostsQuery.model_validate({k: v for k, v in request.args.items() if v})
    except ValidationError:
        raise NotFound from None
    counts = PostFilter(words=query.q).counts()
    kept = query.model_dump(exclude={"page"})
    paging = Paging("/dashboard/posts", query.page, PER_PAGE, counts[query.status], kept).clamped()
    posts = PostFilter(query.status, words=query.q).for_dashboard(paging.page, per_page=PER_PAGE)
    return render_template(
        "posts/index.html",
        posts=posts,
        counts=counts,
        query=query,
        paging=paging,
        user=_writer(),
        publish=_writer().may_publish,
        cached_row=_cached_row,
    )


def _cached_row(post: Post) -> Markup:
    """Return the row of a post, the same for all who may do the same with it."""
    may = {"mine": _writer().can_edit(post), "publish": _writer().may_publish}
    render = partial(render_template, "posts/_row.html", post=post, **may)
    return cached("posts.row", post.id, *may.values(), tags=[post.path], render=render)


@bp.get("/dashboard/posts/<int(max=2147483647):post_id>/edit")
@only(writers)
def edit(post_id: int) -> str:
    """Show the editor of a post that is the caller's to work on, with a preview of what is saved."""
    post = _writer().find_post(post_id)
    return render_template("posts/edit.html", post=post, preview=post.body_html, publish=_writer().may_publish)


def _writer() -> User:
    user = current_user()
    assert user  # noqa: S101  (`only` has let the caller in)
    return user

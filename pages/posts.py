"""The desk: all posts with their switches, and the editor of each."""

from flask import Blueprint, render_template, request
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import NotFound

from models import PostFilter, PostStatus, User
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
    counts = {status: PostFilter(status, words=query.q).count() for status in (None, *PostStatus)}
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
    )


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

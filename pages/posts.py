"""The desk: all posts with their switches, and the editor of each."""

from functools import partial

from flask import Blueprint, render_template
from markupsafe import Markup
from pydantic import BaseModel
from sqlalchemy.orm import lazyload

from flask_revalidation import cached
from models import Post, PostFilter, PostStatus, User, db
from pages.access import caller, only
from pages.paging import Before, Paging, Words, asked
from web.auth import writers

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
    query, user = asked(PostsQuery), caller()
    overdue = db.session.scalars(Post.due(minutes_ago=1).with_only_columns(Post.title).order_by(None).limit(20)).all()
    return render_template("posts/index.html", query=query, overdue=overdue, listed=partial(_listed, query, user))


def _listed(query: PostsQuery, user: User, of_one: bool) -> str:
    """Return the list, the same for all who may do the same with it; anew where an answer is `of_one` of its rows."""
    own, publish = None if user.is_editor else user.id, user.may_publish
    render = partial(_list, query, user, own, publish)
    if of_one or query.q:
        return render()
    return cached("posts.list", query.status, query.before, own, publish, tags=["posts"], render=render)


def _list(query: PostsQuery, user: User, own: int | None, publish: bool) -> str:
    posts = PostFilter(query.status, words=query.q, reader=own)
    page = posts.page(lazyload(Post.tags), before=query.before, by=Post.created_at, size=PER_PAGE)
    paging, counts = Paging("/dashboard/posts", query.model_dump(), page), posts.counts()
    values = {"query": query, "paging": paging, "counts": counts, "user": user, "publish": publish}
    return render_template("posts/_desk.html", **values, cached_row=_cached_row)


def _cached_row(post: Post, mine: bool, publish: bool) -> Markup:
    """Return the row of a post, the same for all who may do the same with it."""
    render = partial(render_template, "posts/_row.html", post=post, mine=mine, publish=publish)
    return cached("posts.row", post.id, post.path, mine, publish, tags=[post.path], render=render)


@bp.get("/dashboard/posts/<int(max=2147483647):post_id>/edit")
@only(writers, "posts", "settings")
def edit(post_id: int) -> str:
    """Show the editor of a post that is the caller's to work on, with a preview of what is saved."""
    post = caller().find_post(post_id)
    return render_template("posts/edit.html", post=post, preview=post.body_html, publish=caller().may_publish)

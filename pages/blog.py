"""The posts, for everyone: the list, and each one."""

from flask import Blueprint, abort, render_template
from pydantic import BaseModel, Field

from identity import current_user, current_visitor
from models import Like, Post, Setting, Tag
from models.post import PER_PAGE
from models.setting import Switch
from pages.paging import Paging
from revalidation import cached, cached_page, is_shared

bp = Blueprint("blog", __name__)


class BlogQuery(BaseModel):
    """`?tag=` and `?page=`: everything that tells two lists apart."""

    tag: str | None = Field(None, pattern=r"^[a-z0-9-]{1,40}$")
    page: int = Field(1, ge=1, le=10_000)


@bp.get("/blog")
@cached_page(tags=["posts", "settings"], query=BlogQuery)
def index(query: BlogQuery) -> str:
    """List what is published, newest first."""
    posts = cached("blog.list", query.tag, query.page, tags=["posts", "settings"], render=lambda: _list(query))
    return render_template("blog/index.html", query=query, posts=posts)


def _list(query: BlogQuery) -> str:
    paging = Paging("/blog", query.page, PER_PAGE, Post.count(tag=query.tag), {"tag": query.tag})
    posts = Post.published(tag=query.tag, page=query.page)
    if not posts and (query.page > 1 or query.tag):
        abort(404)
    likes_shown = Setting.is_on(Switch.LIKES)
    return render_template(
        "posts/_list.html", posts=posts, tags=Tag.in_use(), query=query, paging=paging, likes_shown=likes_shown
    )


@bp.get("/blog/<slug>")
@cached_page(tags=["settings"])
def show(slug: str) -> str:
    """Show one post with its comments; whether the reader likes it is theirs alone."""
    post = Post.find_published(slug)
    article = cached(
        "blog.article", slug, tags=[post.path], render=lambda: render_template("posts/_article.html", post=post)
    )
    personal = {} if is_shared() else {"liked": Like.is_set(post, current_visitor()), "user": current_user()}
    return render_template(
        "blog/show.html",
        post=post,
        article=article,
        comments_open=Setting.is_on(Switch.COMMENTS),
        likes_shown=Setting.is_on(Switch.LIKES),
        **personal,
    )

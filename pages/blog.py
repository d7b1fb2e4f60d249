"""The posts, for everyone: the list, and each one."""

from flask import Blueprint, abort, render_template
from pydantic import BaseModel, Field

from flask_revalidation import cached, cached_page, is_shared
from models import Comment, Like, Post, PostFilter, Setting, Switch, User
from pages.paging import Before, OnlyBefore, Paging, Words
from web.auth import current_user, visitor_name
from web.gate import VISITOR, signed_cookie

bp = Blueprint("blog", __name__)


class BlogQuery(BaseModel):
    """`?tag=`, `?author=`, `?q=` and `?before=`: everything that tells two lists apart; an empty one is none."""

    tag: str | None = Field(None, pattern=r"^[a-z0-9-]{0,40}$")
    author: str | None = Field(None, pattern=r"^[a-z0-9-]{0,40}$")
    q: Words = None
    before: Before = None


@bp.get("/blog")
@cached_page(tags=["posts", "settings"], query=BlogQuery)
def index(query: BlogQuery) -> str:
    """List what is published, newest first; what is searched for, best first."""
    author = User.find_author(query.author) if query.author else None
    posts = cached("blog.list", *query.model_dump().values(), tags=["posts", "settings"], render=lambda: _list(query))
    address = Paging("/blog", query.model_dump()).link(query.before)
    return render_template("blog/index.html", query=query, author=author, posts=posts, address=address)


def _list(query: BlogQuery) -> str:
    posts = PostFilter(tag=query.tag, author=query.author, words=query.q)
    page = posts.page(before=query.before)
    if not page.rows and (query.before or query.tag or query.author) and not query.q:
        abort(404)
    paging, total = Paging("/blog", query.model_dump(), page), posts.count() if query.q else 0
    tags, show_likes = PostFilter().tags(), Setting.is_on(Switch.LIKES)
    return render_template(
        "posts/_list.html", tags=tags, query=query, paging=paging, total=total, show_likes=show_likes
    )


@bp.get("/blog/<slug>")
@cached_page(tags=["posts", "settings"], query=OnlyBefore)
def show(slug: str, query: OnlyBefore) -> str:
    """Show one post with its comments; whether the reader likes it is theirs alone."""
    post = Post.find_published(slug)
    article = cached(
        "blog.article", slug, tags=[post.path], render=lambda: render_template("posts/_article.html", post=post)
    )
    around = cached("blog.around", slug, tags=["posts"], render=lambda: _around(post))
    liked = not is_shared() and Like.is_set(post, visitor_name(current_user(), signed_cookie(VISITOR)))
    return render_template(
        "blog/show.html",
        post=post,
        article=article,
        around=around,
        paging=Paging(post.path, {}, Comment.under(post, query.before)),
        comments_open=Setting.is_on(Switch.COMMENTS),
        show_likes=Setting.is_on(Switch.LIKES),
        liked=liked,
    )


def _around(post: Post) -> str:
    """Render what leads on: the posts before and after, and who wrote this one."""
    written = PostFilter(author=post.author.handle).count()
    return render_template("posts/_around.html", post=post, neighbours=post.neighbours(), written=written)

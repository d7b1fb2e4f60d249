"""Posts, from outside: read, written, published. Every write refreshes the pages as a form of ours would."""

import hashlib

from flask import Response
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import undefer

from api.auth import caller, require_writer
from api.v1.checks import check_conditions
from api.v1.operation import operation
from api.v1.paging import Page, Query
from api.v1.resources import PostChange, PostIn, PostOut
from flask_revalidation import cached_page, revalidate_tag
from models import Post, PostFilter, Scope, Tag, User, db, found
from models.text import to_html
from web.fields import Handle, TagName
from web.problems import Problem


class PostsQuery(Query):
    """The query string of the list of posts."""

    tag: TagName = Field(default_factory=str, description="Only posts that stand under it.")
    author: Handle = Field(default_factory=str, description="Only posts of this author's.")


class PostsOut(Page[PostOut]):
    """A page of posts."""


@operation("GET /posts", Scope.READ, PostsOut, anyone=True)
@cached_page(tags=["posts"], credential="Authorization")
def list_posts(query: PostsQuery) -> Response:
    """List posts, newest first: with a key also those that its person works on, then in the order they were begun."""
    user = caller()
    rows = PostFilter(status=None, tag=query.tag, author=query.author).apply(select(Post))
    rows = rows.where(Post.visible_to(user)).options(undefer(Post.body))
    # Neither order ever changes for a post once it is listed, so no page skips or repeats one that moves.
    order = [Post.id] if user else [Post.published_at, Post.id]
    return PostsOut.answer(query, rows, order, descending=True)


@operation("GET /posts/<slug>", Scope.READ, PostOut, anyone=True)
@cached_page(credential="Authorization", tags=lambda slug: [f"/blog/{slug}"])
def read_post(slug: str) -> Response:
    """Return one post: published, or with a key one that its person works on."""
    query = select(Post).where(Post.slug == slug, Post.visible_to(caller())).options(undefer(Post.body))
    return _answer(found(db.session.scalar(query)))


def _html(body: PostIn | PostChange) -> str | None:
    """Render the text before the write lock is taken: a hostile one takes seconds."""
    return to_html(body.body) if "body" in body.model_fields_set else None


@operation("POST /posts", Scope.WRITE, PostOut, status=201, prepare=_html)
def create_post(body: PostIn, user: User, prepared: str | None) -> Response:
    """Begin a draft. With an Idempotency-Key, a repeated request begins no second one."""
    require_writer(user)
    if body.slug and Post.free_slug(body.slug) != body.slug:
        raise _taken("Another post has this address.")
    post = user.write(body.title, body.body, slug=body.slug, excerpt=body.excerpt, html=prepared)
    post.tags = Tag.named(body.tags)
    revalidate_tag(*post.cache_tags)
    return _answer(post, 201, Location=f"/api/v1/posts/{post.slug}")


@operation("PATCH /posts/<slug>", Scope.WRITE, PostOut, if_match="required", prepare=_html, name="change_post")
def update_post(slug: str, body: PostChange, user: User, prepared: str | None) -> Response:
    """Change some of a post's words, unless someone else did since it was read."""
    post = _find_unchanged(slug, user)
    if body.slug and (reason := post.why_not_at(body.slug)):
        raise _taken(reason)
    before = post.cache_tags
    post.update(user, **{"title": post.title, "body": post.body} | body.model_dump(exclude_unset=True), html=prepared)
    revalidate_tag(*before, *post.cache_tags)
    return _answer(post)


@operation("DELETE /posts/<slug>", Scope.WRITE, None, status=204, if_match="required")
def delete_post(slug: str, user: User) -> Response:
    """Remove a post with its comments and likes, unless someone changed it since it was read."""
    post = _find_unchanged(slug, user)
    post.delete()
    revalidate_tag(*post.cache_tags)
    return Response(status=204)


@operation("PUT /posts/<slug>/publication", Scope.WRITE, PostOut, if_match="optional")
def publish_post(slug: str, user: User) -> Response:
    """Show a post to readers; harmless when repeated. The request has no body."""
    post = _find_unchanged(slug, user)
    post.publish(user)
    revalidate_tag(*post.cache_tags)
    return _answer(post)


@operation("DELETE /posts/<slug>/publication", Scope.WRITE, PostOut, if_match="optional")
def unpublish_post(slug: str, user: User) -> Response:
    """Make a post a draft again; harmless when repeated."""
    post = _find_unchanged(slug, user)
    post.unpublish(user)
    revalidate_tag(*post.cache_tags)
    return _answer(post)


def _find_unchanged(slug: str, user: User) -> Post:
    post = user.find_post(slug=slug)
    check_conditions(str(_answer(post).get_etag()[0]))
    return post


def _answer(post: Post, status: int = 200, **headers: str) -> Response:
    response = PostOut.model_validate(post).respond(status, **headers)
    response.set_etag(f"{post.version}-{hashlib.sha256(response.get_data()).hexdigest()[:20]}")
    return response


def _taken(reason: str) -> Problem:
    return Problem("conflict", reason, errors=[{"pointer": "#/slug", "detail": reason}])

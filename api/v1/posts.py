"""Posts, from outside: read, written, published. Every write refreshes the pages as a form of ours would."""

from datetime import UTC, datetime

from flask import Blueprint, Response
from sqlalchemy import ColumnElement, literal, select, tuple_
from sqlalchemy.orm import undefer

from api.auth import caller
from api.conditions import check_conditions, etag_of, require_unchanged
from api.paging import add_link, foreign_cursor, pack, unpack
from api.problems import Problem
from api.v1.operation import ETAG, LINK, in_one_write, operation
from api.v1.resources import (
    ConditionHeaders,
    FreeConditionHeaders,
    OnceHeaders,
    PostChange,
    PostIn,
    PostOut,
    PostsOut,
    PostsQuery,
    ReadHeaders,
)
from flask_revalidation import cached_page, revalidate_tag
from models import NotFound, Post, Scope, Tag, User, db
from models.database import UtcDateTime

bp = Blueprint("posts", __name__)
WRITE = Scope.WRITE


@bp.get("/posts")
@operation(Scope.READ, {200: PostsOut, 304: None}, anyone=True, takes=ReadHeaders, headers=ETAG | LINK)
@cached_page(tags=["posts"], credential="Authorization")
def list_posts(query: PostsQuery) -> Response:
    """List posts, newest first: with a key also those that its person works on, then in the order they were begun."""
    user = caller()
    rows = select(Post).where(Post.visible_to(user)).options(undefer(Post.body))
    if query.tag:
        rows = rows.where(Post.tags.any(Tag.name == query.tag))
    if query.author:
        rows = rows.where(Post.author.has(User.handle == query.author))
    # Neither order ever changes for a post once it is listed, so no page skips or repeats one that moves.
    if user:
        rows = rows.order_by(Post.id.desc())
        rows = rows.where(Post.id < unpack(query.cursor, int)[0]) if query.cursor else rows
    else:
        rows = rows.order_by(Post.published_at.desc(), Post.id.desc())
        rows = rows.where(_published_before(query.cursor)) if query.cursor else rows
    found = list(db.session.scalars(rows.limit(query.limit + 1)))
    page, more = found[: query.limit], len(found) > query.limit
    cursor = _position(page[-1], user) if more else None
    return add_link(PostsOut(data=[PostOut.of(post) for post in page], next_cursor=cursor).respond(), query, cursor)


def _position(post: Post, user: User | None) -> str:
    assert post.published_at or user  # noqa: S101  (without a key, only published posts are listed)
    return pack(post.id) if user or not post.published_at else pack(post.published_at.isoformat(), post.id)


def _published_before(cursor: str) -> ColumnElement[bool]:
    at, post_id = unpack(cursor, str, int)
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise foreign_cursor() from None
    if moment.tzinfo is not UTC:
        raise foreign_cursor()
    return tuple_(Post.published_at, Post.id) < tuple_(literal(moment, UtcDateTime), post_id)


@bp.get("/posts/<slug>")
@operation(Scope.READ, {200: PostOut, 304: None}, anyone=True, takes=ReadHeaders, refuses=[404], headers=ETAG)
@cached_page(credential="Authorization", tags=lambda slug: [f"/blog/{slug}"])
def read_post(slug: str) -> Response:
    """Return one post: published, or with a key one that its person works on."""
    query = select(Post).where(Post.slug == slug, Post.visible_to(caller())).options(undefer(Post.body))
    post = db.session.scalar(query)
    if post is None:
        raise NotFound(slug)
    return _answer(post)


@bp.post("/posts")
@operation(WRITE, {201: PostOut}, takes=OnceHeaders, refuses=[409], headers=ETAG | {"Location": "the new post"})
@in_one_write
def create_post(json: PostIn, user: User, html: str) -> Response:
    """Begin a draft. With an Idempotency-Key, a repeated request begins no second one."""
    if not user.is_writer:
        raise Problem("forbidden", "The person behind the key does not write here.")
    if json.slug and Post.free_slug(json.slug) != json.slug:
        raise _taken("Another post has this address.")
    post = user.write(json.title, json.body, slug=json.slug or None, excerpt=json.excerpt or None, html=html)
    post.tags = Tag.named(json.tags)
    db.session.flush()
    revalidate_tag(*post.cache_tags)
    return _answer(post, 201, Location=f"/api/v1/posts/{post.slug}")


@bp.patch("/posts/<slug>")
@operation(WRITE, {200: PostOut}, takes=ConditionHeaders, refuses=[404, 409, 412, 428], headers=ETAG)
@in_one_write
def change_post(slug: str, json: PostChange, user: User, html: str) -> Response:
    """Change some of a post's words, unless someone else did since it was read."""
    post = user.find_post_at(slug)
    require_unchanged(_etag(post))
    if json.slug and (reason := post.why_not_at(json.slug)):
        raise _taken(reason)
    before = post.cache_tags
    changed = json.model_dump(include=json.model_fields_set)
    post.update(**{"title": post.title, "body": post.body, **changed}, html=html if "body" in changed else None)
    db.session.flush()
    revalidate_tag(*before, *post.cache_tags)
    return _answer(post)


@bp.delete("/posts/<slug>")
@operation(WRITE, {204: None}, takes=ConditionHeaders, refuses=[404, 412, 428])
@in_one_write
def delete_post(slug: str, user: User) -> Response:
    """Remove a post with its comments and likes, unless someone changed it since it was read."""
    post = user.find_post_at(slug)
    require_unchanged(_etag(post))
    post.delete()
    revalidate_tag(*post.cache_tags)
    return Response(status=204)


@bp.put("/posts/<slug>/publication")
@operation(WRITE, {200: PostOut}, takes=FreeConditionHeaders, refuses=[404, 412], headers=ETAG)
@in_one_write
def publish_post(slug: str, user: User) -> Response:
    """Show a post to readers; harmless when repeated. The request has no body."""
    post = _find_publishable(slug, user)
    post.publish()
    db.session.flush()
    revalidate_tag(*post.cache_tags)
    return _answer(post)


@bp.delete("/posts/<slug>/publication")
@operation(WRITE, {200: PostOut}, takes=FreeConditionHeaders, refuses=[404, 412], headers=ETAG)
@in_one_write
def unpublish_post(slug: str, user: User) -> Response:
    """Take a post back to the desk; harmless when repeated."""
    post = _find_publishable(slug, user)
    post.unpublish()
    db.session.flush()
    revalidate_tag(*post.cache_tags)
    return _answer(post)


def _find_publishable(slug: str, user: User) -> Post:
    post = user.find_post_at(slug)
    if not user.may_publish:
        raise Problem("forbidden", "Editors publish here at the moment.")
    check_conditions(_etag(post))
    return post


def _answer(post: Post, status: int = 200, **headers: str) -> Response:
    response = PostOut.of(post).respond(status, **headers)
    response.set_etag(etag_of(post.version, response.get_data()))
    return response


def _etag(post: Post) -> str:
    return etag_of(post.version, PostOut.of(post).model_dump_json().encode())


def _taken(reason: str) -> Problem:
    return Problem("conflict", reason, errors=[{"pointer": "#/slug", "detail": reason}])

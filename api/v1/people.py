"""Tags, authors, and the key itself."""

from flask import Blueprint, Response, g
from sqlalchemy import func, select

from api.paging import add_link, pack, unpack
from api.v1.operation import ETAG, LINK, operation
from api.v1.resources import AuthorOut, AuthorsOut, ListQuery, MeOut, ReadHeaders, TagOut, TagsOut
from flask_revalidation import cached_page
from models import ApiKey, Post, PostStatus, Scope, Tag, User, db
from models.post import post_tag

bp = Blueprint("people", __name__)


@bp.get("/tags")
@operation(Scope.READ, {200: TagsOut, 304: None}, anyone=True, takes=ReadHeaders, headers=ETAG | LINK, group="tags")
@cached_page(tags=["posts"], credential="Authorization")
def list_tags(query: ListQuery) -> Response:
    """List the tags that published posts stand under, by name, with how many."""
    rows = select(Tag.name, func.count()).join(post_tag).join(Post).where(Post.status == PostStatus.PUBLISHED)
    rows = rows.group_by(Tag.name).order_by(Tag.name).limit(query.limit + 1)
    found = db.session.execute(rows.where(Tag.name > unpack(query.cursor, str)[0]) if query.cursor else rows).all()
    page = [TagOut(name=name, posts=posts) for name, posts in found[: query.limit]]
    cursor = pack(page[-1].name) if len(found) > query.limit else None
    return add_link(TagsOut(data=page, next_cursor=cursor).respond(), query, cursor)


@bp.get("/authors")
@operation(
    Scope.READ, {200: AuthorsOut, 304: None}, anyone=True, takes=ReadHeaders, headers=ETAG | LINK, group="authors"
)
@cached_page(tags=["posts"], credential="Authorization")
def list_authors(query: ListQuery) -> Response:
    """List who has published, by handle, with how many posts."""
    rows = select(User, func.count(Post.id)).join(Post).where(Post.status == PostStatus.PUBLISHED)
    rows = rows.group_by(User.id).order_by(User.handle).limit(query.limit + 1)
    found = db.session.execute(rows.where(User.handle > unpack(query.cursor, str)[0]) if query.cursor else rows).all()
    page = [
        AuthorOut(handle=user.handle, name=user.name, bio=user.bio, posts=posts) for user, posts in found[: query.limit]
    ]
    cursor = pack(page[-1].handle) if len(found) > query.limit else None
    return add_link(AuthorsOut(data=page, next_cursor=cursor).respond(), query, cursor)


@bp.get("/me")
@operation(None, {200: MeOut, 304: None}, takes=ReadHeaders, headers=ETAG, group="me")
def read_me() -> Response:
    """Return what the key is, what it opens, and whom it acts for."""
    key: ApiKey = g.api_key
    return MeOut.of(key).respond()

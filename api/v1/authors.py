"""Authors: everyone who has published."""

from flask import Blueprint, Response
from sqlalchemy import func, select

from api.paging import add_link, pack, unpack
from api.v1.operation import operation
from api.v1.resources import NextCursor, Out, Query
from flask_revalidation import cached_page
from models import Post, PostStatus, Scope, User, db

bp = Blueprint("authors", __name__)


class AuthorOut(Out):
    """Someone who has published."""

    handle: str
    name: str
    bio: str
    posts: int


class AuthorsOut(Out):
    """A page of authors."""

    data: list[AuthorOut]
    next_cursor: NextCursor


@bp.get("/authors")
@operation(Scope.READ, AuthorsOut, anyone=True)
@cached_page(tags=["posts"], credential="Authorization")
def list_authors(query: Query) -> Response:
    """List who has published, by handle, with how many posts."""
    rows = select(User, func.count(Post.id)).join(Post).where(Post.status == PostStatus.PUBLISHED)
    rows = rows.group_by(User.id).order_by(User.handle).limit(query.limit + 1)
    found = db.session.execute(rows.where(User.handle > unpack(query.cursor)[0]) if query.cursor else rows).all()
    page = [
        AuthorOut(handle=user.handle, name=user.name, bio=user.bio, posts=posts) for user, posts in found[: query.limit]
    ]
    cursor = pack(page[-1].handle) if len(found) > query.limit else None
    return add_link(AuthorsOut(data=page, next_cursor=cursor).respond(), query, cursor)

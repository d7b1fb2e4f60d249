"""Tags: the words that published posts stand under."""

from flask import Blueprint, Response
from sqlalchemy import func, select

from api.paging import add_link, pack, unpack
from api.v1.operation import operation
from api.v1.resources import NextCursor, Out, Query
from flask_revalidation import cached_page
from models import Post, PostStatus, Scope, Tag, db
from models.tag import post_tag

bp = Blueprint("tags", __name__)


class TagOut(Out):
    """A word that published posts stand under."""

    name: str
    posts: int


class TagsOut(Out):
    """A page of tags."""

    data: list[TagOut]
    next_cursor: NextCursor


@bp.get("/tags")
@operation(Scope.READ, TagsOut, anyone=True)
@cached_page(tags=["posts"], credential="Authorization")
def list_tags(query: Query) -> Response:
    """List the tags that published posts stand under, by name, with how many."""
    rows = select(Tag.name, func.count()).join(post_tag).join(Post).where(Post.status == PostStatus.PUBLISHED)
    rows = rows.group_by(Tag.name).order_by(Tag.name).limit(query.limit + 1)
    found = db.session.execute(rows.where(Tag.name > unpack(query.cursor)[0]) if query.cursor else rows).all()
    page = [TagOut(name=name, posts=posts) for name, posts in found[: query.limit]]
    cursor = pack(page[-1].name) if len(found) > query.limit else None
    return add_link(TagsOut(data=page, next_cursor=cursor).respond(), query, cursor)

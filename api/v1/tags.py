"""Tags: the words that published posts stand under."""

from flask import Blueprint, Response
from sqlalchemy import func, select

from api.v1.operation import operation
from api.v1.paging import Page, Query
from api.v1.resources import Out
from flask_revalidation import cached_page
from models import Post, PostFilter, Scope, Tag

bp = Blueprint("tags", __name__)


class TagOut(Out):
    """A word that published posts stand under."""

    name: str
    posts: int


class TagsOut(Page[TagOut]):
    """A page of tags."""


@bp.get("/tags")
@operation(Scope.READ, TagsOut, anyone=True)
@cached_page(tags=["posts"], credential="Authorization")
def list_tags(query: Query) -> Response:
    """List the tags that published posts stand under, by name, with how many."""
    rows = PostFilter().apply(select(Tag.name, func.count()).select_from(Post).join(Post.tags)).group_by(Tag.name)
    return TagsOut.answer(query, rows, lambda name, posts: TagOut(name=name, posts=posts), [Tag.name])

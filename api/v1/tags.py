"""Tags: the words that published posts stand under."""

from flask import Response
from sqlalchemy import select

from api.v1.operation import operation
from api.v1.paging import Page, Query
from api.v1.resources import Out
from flask_revalidation import cached_page
from models import PostFilter, Scope, Tag
from models.bounds import count_of


class TagOut(Out):
    """A word that published posts stand under; `posts` is 1001 where there are more than a thousand."""

    name: str
    posts: int


class TagsOut(Page[TagOut]):
    """A page of tags."""


@operation("GET /tags", Scope.READ, TagsOut, anyone=True)
@cached_page(tags=["posts"], credential="Authorization")
def list_tags(query: Query) -> Response:
    """List the tags that published posts stand under, by name, with how many."""
    posts = PostFilter().under_tag()
    rows = select(Tag.name, count_of(posts).label("posts")).where(posts.exists())
    return TagsOut.answer(query, rows, [Tag.name])

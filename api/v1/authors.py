"""Authors: everyone who has published."""

from flask import Response
from sqlalchemy import select

from api.v1.operation import operation
from api.v1.paging import Page, Query
from api.v1.resources import AuthorName
from flask_revalidation import cached_page
from models import Post, PostFilter, Scope, User
from models.bounds import count_of


class AuthorOut(AuthorName):
    """Someone who has published; `posts` is 1001 where there are more than a thousand."""

    bio: str
    posts: int


class AuthorsOut(Page[AuthorOut]):
    """A page of authors."""


@operation("GET /authors", Scope.READ, AuthorsOut, anyone=True)
@cached_page(tags=["posts"], credential="Authorization")
def list_authors(query: Query) -> Response:
    """List who has published, by handle, with how many posts."""
    posts = PostFilter().apply(select(Post.id)).where(Post.author_id == User.id).correlate(User)
    rows = select(User.handle, User.name, User.bio, count_of(posts).label("posts")).where(posts.exists())
    return AuthorsOut.answer(query, rows, [User.handle])

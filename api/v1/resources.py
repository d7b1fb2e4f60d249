"""The schemas of the API: what all resources share, and what is sent and answered about posts.

Their fields are a contract (docs/api.md). Field types that the forms know too are in `web/fields.py`.
"""

from datetime import datetime
from typing import Annotated, ClassVar, Self

from flask import Response, current_app
from pydantic import BaseModel, ConfigDict, Field, model_validator

from models import Post, PostStatus
from web.fields import Excerpt, Markdown, Slug, TagName, Title

JSON = "application/json"
Tags = Annotated[list[TagName], Field(max_length=10)]
_SLUG, _STATE = {"slug": "$response.body#/slug"}, {"If-Match": "$response.header.ETag"}


class In(BaseModel):
    """What is sent: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Out(BaseModel):
    """What is answered. `links` are the operations that one can call next (OpenAPI 3.1, section 4.8.20)."""

    model_config = ConfigDict(extra="forbid", model_title_generator=lambda model: model.__name__.removesuffix("Out"))
    links: ClassVar[dict[str, dict[str, str]]] = {}

    def respond(self, status: int = 200, **headers: str) -> Response:
        """Return it as a response."""
        return Response(self.model_dump_json(), status, headers, content_type=JSON)


class PostIn(In):
    """A new draft."""

    title: Title
    body: Markdown = ""
    slug: Slug = Field(default_factory=str, description="Left out, it is made from the title.")
    excerpt: Excerpt = ""
    tags: Tags = []


class PostChange(In):
    """What is to be different; the rest stays."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    title: Title = Field(default_factory=str)  # by a function, and so the document names no value that it would take
    body: Markdown = Field(default_factory=str)
    slug: Slug = Field(default_factory=str, description="Only until the post is published for the first time.")
    excerpt: Excerpt = Field(default_factory=str)
    tags: Tags = Field(default_factory=list)

    @model_validator(mode="after")
    def _something_changes(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one field")
        return self


class AuthorName(Out):
    """Who wrote it."""

    handle: str
    name: str


class PostOut(Out):
    """A post. Times are RFC 3339, in UTC."""

    links = {"read_post": _SLUG} | dict.fromkeys(
        ("change_post", "delete_post", "publish_post", "unpublish_post"), _SLUG | _STATE
    )

    id: int
    slug: str
    title: str
    body: str
    excerpt: str
    status: PostStatus
    author: AuthorName
    tags: list[str]
    published_at: datetime | None
    updated_at: datetime
    version: int
    url: str

    @classmethod
    def of(cls, post: Post) -> Self:
        """Return what the API shows of a post."""
        author = AuthorName(handle=post.author.handle, name=post.author.name)
        plain = {name: getattr(post, name) for name in cls.model_fields if name not in ("author", "tags", "url")}
        url = current_app.config["SITE"] + post.path
        return cls(**plain, author=author, tags=sorted(tag.name for tag in post.tags), url=url)


class Fault(Out):
    """What is wrong, and where: in the body (JSON pointer), in the query string, or in a header."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class ProblemOut(Out):
    """A refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] | None = None

"""The schemas of the API: what all resources share, and what is sent and answered about posts.

Their fields are a contract (docs/api.md). Field types that the forms know too are in `web/fields.py`.
"""

from datetime import datetime
from typing import Annotated, ClassVar, Self

from flask import Response, current_app
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from models import PostStatus
from web.fields import Excerpt, Markdown, Slug, TagName, Title

JSON = "application/json"
Url = Annotated[str, AfterValidator(lambda path: current_app.config["SITE"] + path)]  # made of the path on the site
_SLUG, _STATE = {"slug": "$response.body#/slug"}, {"If-Match": "$response.header.ETag"}


def name_of(model: type) -> str:
    """Return the name under which clients know a schema: `Post` for PostOut."""
    return model.__name__.removesuffix("Out")


class Out(BaseModel, extra="forbid", from_attributes=True, model_title_generator=name_of):
    """What is answered: `model_validate` reads it from the attributes of what it shows.

    `links` are the operations that one can call next (OpenAPI 3.1, section 4.8.20).
    """

    links: ClassVar[dict[str, dict[str, str]]] = {}

    def respond(self, status: int = 200, **headers: str) -> Response:
        """Return it as a response."""
        return Response(self.model_dump_json(), status, headers, content_type=JSON)


class PostIn(BaseModel, extra="forbid", strict=True):  # nothing unknown, nothing converted
    """A new draft."""

    title: Title
    # By functions: the document names no value that a client would send to change a post.
    body: Markdown = Field(default_factory=str)
    slug: Slug = Field(default_factory=str, description="Left out, it is made from the title.")
    excerpt: Excerpt = Field(default_factory=str)
    tags: Annotated[list[TagName], Field(max_length=10)] = Field(default_factory=list)


class PostChange(PostIn, json_schema_extra={"minProperties": 1}):
    """What is to be different; the rest stays."""

    title: Title = Field(default_factory=str)
    slug: Slug = Field(default_factory=str, description="Only until the post is published for the first time.")

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
    tags: Annotated[list[str], BeforeValidator(lambda tags: sorted(tag.name for tag in tags))]
    published_at: datetime | None
    updated_at: datetime
    version: int
    url: Url = Field(validation_alias="path")


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

"""What goes through the door: the schemas of the API, in and out. Their names are a contract (docs/api.md)."""

from datetime import datetime
from typing import Annotated, Any, Self

from flask import Response, current_app
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from api.v1.examples import add_example
from models import ApiKey, Post, PostStatus, Role, Scope, User
from web.fields import Excerpt, Handle, Markdown, Slug, TagName, Title

JSON = "application/json"
Tags = Annotated[list[TagName], Field(max_length=10)]
Limit = Annotated[int, Field(ge=1, le=100, description="How many at most")]
Cursor = Annotated[str, Field(min_length=1, max_length=300, description="Where to go on: next_cursor of the last page")]

Absent = SkipJsonSchema[None]  # left out: neither a query string nor a header can say null
NextCursor = Annotated[str | None, Field(description="For the next page; null on the last one")]


class In(BaseModel):
    """What is sent: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _without_nulls(schema: dict[str, Any]) -> None:
    for field in schema["properties"].values():
        if field.get("default", "") is None:
            del field["default"]


class Query(BaseModel):
    """The query string of a list."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_without_nulls)

    limit: Limit = 20
    cursor: Cursor | Absent = None


class PostsQuery(Query):
    """The query string of the list of posts."""

    tag: TagName | Absent = None
    author: Handle | Absent = None


class ListQuery(Query):
    """The query string of a plain list."""


def _without_slug(schema: dict[str, Any], model: type) -> None:
    schema["properties"]["slug"].pop("default")
    add_example(schema, model)


class PostIn(In):
    """A new draft."""

    model_config = ConfigDict(json_schema_extra=_without_slug)

    title: Title
    body: Markdown = ""
    slug: Slug = Field("", description="Left out, it is made from the title")
    excerpt: Excerpt = ""
    tags: Tags = []


def _without_defaults(schema: dict[str, Any], model: type) -> None:
    add_example(schema, model)
    for field in schema["properties"].values():
        field.pop("default", None)
    schema["minProperties"] = 1


class PostChange(In):
    """What is to be different; the rest stays."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    title: Title = ""
    body: Markdown = ""
    slug: Slug = Field("", description="Only until the post is published for the first time")
    excerpt: Excerpt = ""
    tags: Tags = []

    @model_validator(mode="after")
    def _something_changes(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("name at least one field")
        return self


class ConditionHeaders(BaseModel):
    """The precondition of a change."""

    if_match: str = Field(alias="If-Match", max_length=1000, description="The ETag of what was read, or `*`")


class FreeConditionHeaders(BaseModel):
    """The precondition of a change that is harmless without one."""

    model_config = ConfigDict(json_schema_extra=_without_nulls)

    if_match: str | Absent = Field(None, alias="If-Match", max_length=1000, description="The ETag of what was read")


class ReadHeaders(BaseModel):
    """The precondition of an answer."""

    model_config = ConfigDict(json_schema_extra=_without_nulls)

    if_none_match: str | Absent = Field(None, alias="If-None-Match", max_length=1000, description="ETags that one has")


class OnceHeaders(BaseModel):
    """The name that a client gives to one request."""

    model_config = ConfigDict(json_schema_extra=_without_nulls)

    idempotency_key: str | Absent = Field(
        None,
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r'^("[!#-~]+"|[!#-+\--~]+)$',  # a quoted string, or a bare word; two headers come joined by a comma
        description="Sent again with the same body, it gets the first answer again",
    )


class Out(BaseModel):
    """What is answered."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=add_example)

    def respond(self, status: int = 200, **headers: str) -> Response:
        """Return it as a response."""
        return Response(self.model_dump_json(), status, headers, content_type=JSON)


class AuthorName(Out):
    """Who wrote it."""

    handle: str
    name: str


class PostOut(Out):
    """A post. Times are RFC 3339, in UTC."""

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
        """Return what strangers see of a post."""
        author = AuthorName(handle=post.author.handle, name=post.author.name)
        plain = {name: getattr(post, name) for name in cls.model_fields if name not in ("author", "tags", "url")}
        url = current_app.config["SITE"] + post.path
        return cls(**plain, author=author, tags=sorted(tag.name for tag in post.tags), url=url)


class PostsOut(Out):
    """A page of posts."""

    data: list[PostOut]
    next_cursor: NextCursor


class TagOut(Out):
    """A word that published posts stand under."""

    name: str
    posts: int


class TagsOut(Out):
    """A page of tags."""

    data: list[TagOut]
    next_cursor: NextCursor


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


class PersonOut(Out):
    """The person whom a key acts for."""

    handle: str
    name: str
    role: Role


class MeOut(Out):
    """A key, and whom it acts for."""

    key: str
    name: str
    scopes: list[Scope]
    person: PersonOut

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """Return what a key may know of itself."""
        user: User = key.user
        person = PersonOut(handle=user.handle, name=user.name, role=user.role)
        return cls(key=key.key_id, name=key.name, scopes=key.scope_list, person=person)


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

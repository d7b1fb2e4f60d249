"""Pictures for posts: each is drawn anew, as one that comes by our own form (`web/pictures.py`)."""

from typing import Annotated, Any

from flask import Response, g, request
from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import undefer

from api.auth import require_writer
from api.v1.operation import operation
from api.v1.paging import Page, Query
from api.v1.resources import Out, Url
from models import Picture, Scope, User
from web import gate
from web.fields import Alt
from web.pictures import MOST_BYTES, draw_anew
from web.problems import KINDS, Problem

TYPES = [f"image/{kind}" for kind in ("jpeg", "png", "webp", "gif")]


class NewPicture(BaseModel, extra="forbid"):
    """What a picture's bytes do not say."""

    alt: Alt = Field(default_factory=str, description="What it shows, for those who cannot see it.")


class PictureOut(Out):
    """A picture as it was drawn anew. `digest` is the SHA-256 of its bytes; `markdown` shows it in a post."""

    id: int
    url: Url = Field(validation_alias="path")
    width: int
    height: int
    # A path is /pictures/, the 64 digits of the digest, a dot, and the kind.
    type: Annotated[str, AfterValidator(lambda path: f"image/{path[75:]}")] = Field(validation_alias="path")
    bytes: int = Field(validation_alias="size")
    digest: Annotated[str, AfterValidator(lambda path: path[10:74])] = Field(validation_alias="path")
    alt: str
    markdown: str


class PicturesOut(Page[PictureOut]):
    """A page of pictures."""


@operation("GET /pictures", Scope.READ, PicturesOut)
def list_pictures(query: Query) -> Response:
    """List the pictures that the key's person has added, newest first."""
    rows = select(Picture).where(Picture.user_id == g.api_key.user_id).options(undefer(Picture.size))
    return PicturesOut.answer(query, rows, [Picture.id], descending=True)


def _draw(_body: None) -> dict[str, Any]:
    require_writer(g.api_key.user)  # before the work, and again in the write
    content = gate.body(MOST_BYTES)
    if request.content_encoding or request.mimetype not in TYPES:
        raise Problem("not-a-picture", KINDS["not-a-picture"][2])
    return draw_anew(content, lambda told: Problem("invalid", told, errors=[{"pointer": "#", "detail": told}]))


@operation("POST /pictures", Scope.WRITE, PictureOut, status=201, prepare=_draw, takes=TYPES)
def add_picture(query: NewPicture, user: User, prepared: dict[str, Any]) -> Response:
    """Add a picture to name in posts. The same bytes are the same picture, and another `alt` is the new one."""
    require_writer(user)
    picture = PictureOut.model_validate(Picture.add(user.id, alt=query.alt, **prepared))
    return picture.respond(201, Location=picture.url, ETag=f'"{picture.digest}"')

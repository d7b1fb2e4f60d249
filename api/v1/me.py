"""The key itself: what it is, what it may do, and whom it acts for."""

from typing import Annotated

from flask import Response, g
from pydantic import BeforeValidator, Field

from api.v1.operation import operation
from api.v1.resources import AuthorName, Out
from models import Role, Scope


class PersonOut(AuthorName):
    """The person whom a key acts for."""

    role: Role


class MeOut(Out):
    """A key, and whom it acts for."""

    key: str = Field(validation_alias="key_id")
    name: str
    scopes: Annotated[list[Scope], BeforeValidator(str.split)]
    person: PersonOut = Field(validation_alias="user")


@operation("GET /me", None, MeOut)
def read_me() -> Response:
    """Return what the key is, what it may do, and whom it acts for."""
    return MeOut.model_validate(g.api_key).respond()

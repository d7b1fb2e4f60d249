"""The key itself: what it is, what it may do, and whom it acts for."""

from flask import Blueprint, Response, g

from api.v1.operation import operation
from api.v1.resources import AuthorName, Out
from models import ApiKey, Role, Scope

bp = Blueprint("me", __name__)


class PersonOut(AuthorName):
    """The person whom a key acts for."""

    role: Role


class MeOut(Out):
    """A key, and whom it acts for."""

    key: str
    name: str
    scopes: list[Scope]
    person: PersonOut


@bp.get("/me")
@operation(None, MeOut)
def read_me() -> Response:
    """Return what the key is, what it may do, and whom it acts for."""
    key: ApiKey = g.api_key
    person = PersonOut(handle=key.user.handle, name=key.user.name, role=key.user.role)
    return MeOut(key=key.key_id, name=key.name, scopes=list(map(Scope, key.scopes.split())), person=person).respond()

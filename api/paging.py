"""Pages by cursor: each one begins where the last one ended, wherever things were added or taken away meanwhile."""

from typing import Any
from urllib.parse import urlencode

from flask import Response, current_app, request
from itsdangerous import BadData, URLSafeSerializer
from pydantic import BaseModel

from web.problems import Problem


def pack(*position: str | int) -> str:
    """Return a position in the list of this request as an opaque word for an address, signed for this list."""
    return _signer().dumps(position)


def unpack(cursor: str, length: int = 1) -> list[Any]:
    """Return the position that `pack` was given. Raises Problem (422) for a cursor that is not of this list."""
    try:
        position: list[Any] = _signer().loads(cursor)
    except BadData:
        position = []
    # The last letter of a signature has spare bits: another spelling would be a copy of its own in the cache.
    if len(position) != length or pack(*position) != cursor:
        detail = "Take it from next_cursor or from the Link header of this very list."
        raise Problem("invalid", "The cursor is not one of ours.", errors=[{"parameter": "cursor", "detail": detail}])
    return position


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or "", salt=f"cursor of {request.path}")


def add_link(response: Response, query: BaseModel, next_cursor: str | None) -> Response:
    """Name the next page in a Link header (RFC 8288).

    From the query as it was understood, not as it was spelt: `limit=0002` would stand in everyone's copy of `limit=2`.
    """
    if next_cursor:
        asked = urlencode({**query.model_dump(exclude_defaults=True), "cursor": next_cursor})
        response.headers["Link"] = f'<{current_app.config["SITE"]}{request.path}?{asked}>; rel="next"'
    return response

"""Pages by cursor: each one begins where the last one ended, wherever things were added or taken away meanwhile."""

import base64
import binascii
import json
from typing import Any
from urllib.parse import urlencode

from flask import Response, current_app, request
from pydantic import BaseModel

from web.problems import Problem


def pack(*position: str | int) -> str:
    """Return a position in the list of this request as an opaque word for an address."""
    return base64.urlsafe_b64encode(json.dumps([request.path, *position]).encode()).decode().rstrip("=")


def unpack(cursor: str, *kinds: type) -> list[Any]:
    """Return the position that `pack` was given. Raises Problem (422) for a cursor that is none of ours."""
    try:
        position = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        raise foreign_cursor() from None
    if not isinstance(position, list) or [type(part) for part in position] != [str, *kinds]:
        raise foreign_cursor()
    if not all(_storable(part) for part in position):
        raise foreign_cursor()
    if pack(*position[1:]) != cursor:  # of another list, or spelt in a way that we never do
        raise foreign_cursor()
    return position[1:]


def _storable(part: str | int) -> bool:
    """Say whether a database can be asked for it: 64 bits; no NUL, and no half of a surrogate pair."""
    return abs(part) < 2**63 if isinstance(part, int) else part.isprintable()


def foreign_cursor() -> Problem:
    """Return the refusal of a cursor that does not belong to this list."""
    detail = "Take it from next_cursor or from the Link header of this very list."
    return Problem("invalid", "The cursor is not one of ours.", errors=[{"parameter": "cursor", "detail": detail}])


def add_link(response: Response, query: BaseModel, next_cursor: str | None) -> Response:
    """Name the next page in a Link header (RFC 8288).

    From the query as it was understood, not as it was spelt: `limit=0002` would stand in everyone's copy of `limit=2`.
    """
    if next_cursor:
        asked = urlencode({**query.model_dump(exclude_defaults=True), "cursor": next_cursor})
        response.headers["Link"] = f'<{current_app.config["SITE"]}{request.path}?{asked}>; rel="next"'
    return response

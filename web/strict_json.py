"""JSON as strangers send it: what two readers could understand in two ways is refused."""

import json
from typing import Any

from flask import request
from flask.json.provider import DefaultJSONProvider

from web import gate
from web.problems import KINDS, Problem


class StrictJSON(DefaultJSONProvider):
    """Flask's JSON; in reading, no name twice (RFC 8259, section 4), no NaN or Infinity, no endless nesting."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return what the text, in UTF-8, says. Raises Problem (400) where it says nothing clear."""
        try:
            text = s if isinstance(s, str) else s.decode()
            # NaN and Infinity are no numbers of JSON, and none that int takes.
            return json.loads(text, object_pairs_hook=_unique_names, parse_constant=int, **kwargs)
        except (ValueError, RecursionError):
            raise Problem("malformed-json", KINDS["malformed-json"][2]) from None


def _unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is repeated")
    return found


def json_object(*, optional: bool = False) -> dict[str, Any]:
    """Return the body of the request, one JSON object; an `optional` one may be empty.

    Aborts with 413 where it is too large. Raises Problem: 415 for another type, 400 for no JSON, 422 for no object.
    """
    if not gate.body() and optional:
        return {}  # many clients name a Content-Type for the body they do not send
    if request.content_encoding or request.mimetype != "application/json":
        raise Problem("not-json", "The body must be application/json, uncompressed.")
    content = request.get_json()
    if not isinstance(content, dict):
        raise Problem("invalid", "The body must be a JSON object.", errors=[{"pointer": "#", "detail": "no object"}])
    return content

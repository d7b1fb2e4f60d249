"""JSON as strangers send it: what two readers could understand in two ways is refused."""

import json
from typing import Any

from flask.json.provider import DefaultJSONProvider


class StrictJSON(DefaultJSONProvider):
    """Flask's JSON; in reading, no name twice (RFC 8259, section 4), no NaN or Infinity, no endless nesting."""

    sort_keys = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return what the text, in UTF-8, says. Raises ValueError where it says nothing clear."""
        text = s if isinstance(s, str) else s.decode()
        try:
            return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse, **kwargs)
        except RecursionError:
            raise ValueError("nested too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is repeated")
    return found


def _refuse(token: str) -> Any:
    raise ValueError(f"{token} is no number of JSON")

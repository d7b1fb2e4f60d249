"""What makes a view an operation of the API: its address, who may call it, what it takes, all that it can answer.

One declaration serves three: the check of each request (`checks.py`), the OpenAPI document (`openapi.py`), and the
write transaction, which every unsafe method opens by itself and no safe one ever does.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, get_type_hints

from flask import Blueprint, Response, g

from api import idempotency
from api.auth import authorise, authorise_again
from api.v1.checks import IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, OPTIONAL_IF_MATCH, Header, parse
from api.v1.resources import Out
from flask_revalidation import retried, write
from models import Scope

ALWAYS = {400, 401, 422, 429, 500, 503}

bp = Blueprint("api_v1", __name__, url_prefix="/api/v1")
OPERATIONS: list["operation"] = []


@dataclass
class operation:  # noqa: N801  (it is written as a decorator)
    """Serve a view at an `address`, `"GET /posts/<slug>"`, to callers with a key of the `scope` (None: any key).

    `returns` is the schema of a good answer, a media type where it is a file, or None. `anyone` lets in those without a
    key too. `if_match` says whether a caller must or may name the state that they have read. `takes` are the
    media types of a body that is a file, which `prepare` reads. `name` is the operationId, by default the view's.

    The view's `query` and `body` are checked by their annotations. An unsafe method runs in one write transaction: its
    view gets the key's person, read inside it, as `user`; and, where there is a `prepare`, as `prepared` what that made
    of the body before the write lock was taken.
    """

    address: str
    scope: Scope | None
    returns: type[Out] | str | None
    status: int = 200
    anyone: bool = False
    if_match: Literal["", "optional", "required"] = ""
    prepare: Callable[[Any], Any] | None = None
    takes: Collection[str] = ()
    name: str = ""

    def __call__(self, view: Callable[..., Response]) -> Callable[..., Response]:
        """Return the view, checked before it is called."""
        self.view, hints = view, get_type_hints(view)
        self.method, self.path = self.address.split()
        self.is_safe, self.parts = self.method == "GET", re.findall(r"<(\w+)>", self.path)
        self.has_etag = self.anyone or isinstance(self.returns, type)  # of one key's file, nobody names the state
        self.query, self.body = hints.get("query"), hints.get("body")
        self.name = self.name or view.__name__

        @wraps(view)
        def serve(**path: Any) -> Response:
            authorise(self.scope, anyone=self.anyone)
            values = path | parse(self.query, self.body, self.headers, is_json=not (self.is_safe or self.takes))
            if self.prepare:
                values["prepared"] = self.prepare(values.get("body"))
            return view(**values) if self.is_safe else self._write(values)

        bp.add_url_rule(self.path, None, serve, methods=[self.method])
        OPERATIONS.append(self)
        return serve

    @retried
    def _write(self, values: dict[str, Any]) -> Response:
        """Run the view as one write transaction. A POST with an Idempotency-Key is answered once."""
        digest = idempotency.digest_of(g.api_key) if self.method == "POST" else None
        with idempotency.claim(digest), write(by=f"api {self.view.__name__}"):
            key = authorise_again(self.scope)
            if first := idempotency.recall(digest):
                return first
            answer = self.view(user=key.user, **values)
            idempotency.remember(digest, key, answer)
        return answer

    @property
    def headers(self) -> list[Header]:
        """The request headers that it takes."""
        condition = {"required": [IF_MATCH], "optional": [OPTIONAL_IF_MATCH], "": []}[self.if_match]
        own = {"GET": [IF_NONE_MATCH] if self.has_etag else [], "POST": [IDEMPOTENCY_KEY]}
        return condition + own.get(self.method, [])

    @property
    def refusals(self) -> list[int]:
        """Every status with which it can refuse a request; most follow from its address."""
        cases: dict[int, Any] = {403: self.scope, 404: self.parts, 409: self.method in ("POST", "PATCH")}
        cases |= {412: self.if_match or (self.is_safe and self.has_etag), 428: self.if_match == "required"}
        cases |= dict.fromkeys((413, 415), not self.is_safe)
        return sorted({*ALWAYS, *(status for status, applies in cases.items() if applies)})

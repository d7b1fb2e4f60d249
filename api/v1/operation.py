"""What makes a view an operation of the API: who may call it, what it takes, and everything that it can answer.

One declaration serves three: the check of each request (`checks.py`), the OpenAPI document (`openapi.py`), and the
write transaction, which every unsafe method opens by itself and no safe one ever does.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, get_type_hints

from flask import Response, g, request

from api import idempotency
from api.auth import authorise, authorise_again
from api.v1.checks import IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH, OPTIONAL_IF_MATCH, Header, parse
from api.v1.resources import File, In, Out, Query
from flask_revalidation import write
from models import Scope

View = Callable[..., Response]
Prepare = Callable[[Any], Any]
SAFE = ("GET", "HEAD")
ALWAYS = {400, 401, 422, 429, 500, 503}


@dataclass(frozen=True)
class Operation:
    """A declared operation. `query` and `body` are the schemas of what the view takes; `name` is its operationId."""

    name: str
    view: View
    scope: Scope | None
    returns: type[Out] | File | None
    status: int
    anyone: bool
    if_match: Literal["", "optional", "required"]
    refuses: Collection[int]
    prepare: Prepare | None
    query: type[Query] | None
    body: type[In] | None

    @property
    def has_etag(self) -> bool:
        """Whether a good answer names its state; a reader who has that state already gets a 304."""
        return isinstance(self.returns, type)

    def headers(self, method: str) -> list[Header]:
        """Return the request headers that it takes when called by `method`."""
        if method in SAFE:
            return [IF_NONE_MATCH] if self.has_etag else []
        condition = {"required": [IF_MATCH], "optional": [OPTIONAL_IF_MATCH], "": []}[self.if_match]
        return [*condition, *([IDEMPOTENCY_KEY] if method == "POST" else [])]

    def refusals(self, method: str, path: str) -> list[int]:
        """Return every status with which it can refuse a request; most follow from its method and path."""
        found = ALWAYS | set(self.refuses)
        found |= {403} if self.scope else set()
        found |= {404} if "<" in path else set()
        found |= {412} if self.if_match or (method in SAFE and self.has_etag) else set()
        found |= {428} if self.if_match == "required" else set()
        found |= {413, 415} if method not in SAFE else set()
        found |= {409} if method == "POST" else set()
        return sorted(found)


def operation(
    scope: Scope | None,
    returns: type[Out] | File | None,
    *,
    status: int = 200,
    anyone: bool = False,
    if_match: Literal["", "optional", "required"] = "",
    refuses: Collection[int] = (),
    prepare: Prepare | None = None,
    name: str = "",
) -> Callable[[View], View]:
    """Declare a view as an operation: the `scope` its callers need (None: any key), and what a good answer holds.

    `anyone` lets in those without a key too. `if_match` says whether a caller must or may name the state that they have
    read. `refuses` are statuses that do not follow from the method. The view's `query` and `body` are checked by their
    annotations. An unsafe method runs in one write transaction: its view gets the key's person, read inside it, as
    `user`, and as `prepared` what `prepare` made of the body before the write lock was taken.
    """

    def declare(view: View) -> View:
        hints = get_type_hints(view)
        schemas = {"query": hints.get("query"), "body": hints.get("body")}
        called = name or view.__name__
        declared = Operation(called, view, scope, returns, status, anyone, if_match, refuses, prepare, **schemas)

        @wraps(view)
        def serve(**path: Any) -> Response:
            authorise(scope, anyone=anyone)
            values = path | parse(declared.query, declared.body, declared.headers(request.method))
            return view(**values) if request.method in SAFE else _write(declared, values)

        serve.operation = declared  # type: ignore[attr-defined]
        return serve

    return declare


def _write(operation: Operation, values: dict[str, Any]) -> Response:
    """Run the view as one write transaction. A POST with an Idempotency-Key is answered once."""
    if operation.prepare:
        values["prepared"] = operation.prepare(values.get("body"))
    chosen = idempotency.requested_key() if request.method == "POST" else None
    with idempotency.claim(g.api_key, chosen), write(by=f"api {operation.view.__name__}"):
        key = authorise_again(operation.scope)
        if first := idempotency.recall(key, chosen):
            return first
        answer = operation.view(user=key.user, **values)
        idempotency.remember(key, chosen, answer)
    return answer

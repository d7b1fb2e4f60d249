"""How `/api` refuses: `application/problem+json` (RFC 9457), for every refusal and from every layer."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Response, current_app, json

MEDIA_TYPE = "application/problem+json"
# What a client may need to tell apart: name, status, title, and what to do about it.
KINDS: dict[str, tuple[int, str, str]] = {
    "bad-request": (400, "Bad request", "Something in the request is malformed; it has to change before it is sent."),
    "malformed-json": (400, "Malformed JSON", "The body is no JSON text, or repeats a name, or holds NaN or Infinity."),
    "bad-signature": (401, "Not signed by the sender", "Sign the raw bytes of the body with the shared secret."),
    "key-needed": (401, "An API key is needed", "Send `Authorization: Bearer hd_…`, and no key in the address."),
    "secret-needed": (
        401,
        "The scheduler's secret is needed",
        "Send `Authorization: Bearer …` with the shared secret.",
    ),
    "scope-missing": (403, "The key does not open this", "Ask for a key with the scope that the answer names."),
    "forbidden": (403, "Forbidden", "The person behind the key may not do this."),
    "not-found": (404, "Not found", "It was never here, it is gone, or it is not yours."),
    "wrong-method": (405, "Method not allowed", "The Allow header names the methods of this address."),
    "conflict": (409, "Conflict", "It does not fit what is there; look at the current state, then decide."),
    "still-running": (
        409,
        "Still running",
        "A request with this Idempotency-Key is being answered; wait for it.",
    ),
    "changed": (412, "Changed since you read it", "Fetch it again, and send the new ETag with If-Match."),
    "too-large": (413, "Too large", "Send less at once."),
    "not-json": (415, "Unsupported media type", "Send `Content-Type: application/json`, uncompressed, in UTF-8."),
    "invalid": (422, "Not valid", "`errors` says what is wrong, and where."),
    "key-reused": (
        422,
        "Idempotency-Key used before",
        "It came with another request; each one needs a key of its own.",
    ),
    "condition-needed": (428, "If-Match is needed", "Send the ETag of what you have read, so that no edit is lost."),
    "too-many-requests": (429, "Too many requests", "Wait for the seconds that Retry-After names."),
    "fault": (500, "Our fault", "Nothing was saved, and it has been written down. Repeating is safe."),
    "busy": (503, "Busy", "Nothing was saved. Repeat after the seconds that Retry-After names."),
}
_BY_STATUS = {status: name for name, (status, _, _) in reversed(KINDS.items())}


class Problem(Exception):
    """A refusal. Raised, it rolls back what was written. `errors` point at fields, parameters or headers."""

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.errors, self.headers = kind, detail, errors, headers or {}


def answer(problem: Problem) -> Response:
    """Return the response that tells of a problem."""
    status, title, _ = KINDS[problem.kind]
    return _response(type_url(problem.kind), status, title, problem.detail, problem.errors, problem.headers)


def refuse(status: int, description: str = "") -> Response:
    """Return the response for a status that the framework, or a verb, has decided on."""
    if name := _BY_STATUS.get(status):
        return answer(Problem(name, KINDS[name][2]))
    return _response("about:blank", status, HTTPStatus(status).phrase, description, (), {})


def type_url(kind: str) -> str:
    """Return the URL that names a kind of problem, and leads to its explanation."""
    return f"{current_app.config['SITE']}/api/problems/{kind}"


def _response(
    url: str, status: int, title: str, detail: str, errors: Sequence[Mapping[str, str]], headers: Mapping[str, str]
) -> Response:
    body: dict[str, Any] = {"type": url, "title": title, "status": status, "detail": detail}
    if errors:
        body["errors"] = list(errors)
    response = Response(json.dumps(body), status, headers, content_type=MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response

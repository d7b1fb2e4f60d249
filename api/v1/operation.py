"""What makes a view an operation of the API: who may call it, what it takes, and everything that it can answer.

The OpenAPI document and the validation of requests come from the same declaration, by spectree.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from flask import Response, g, make_response, request
from pydantic import BaseModel
from spectree import Response as Declared
from spectree import SpecTree
from spectree.plugins.flask_plugin import FlaskPlugin
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from api import idempotency
from api.auth import admit, admit_again
from api.problems import KINDS, Problem
from api.v1.examples import EXAMPLES
from api.v1.resources import JSON, PostOut, ProblemOut
from flask_revalidation import write
from models import Scope, User
from models.text import to_html

View = Callable[..., Any]

ETAG = {"ETag": "names this state of it, for If-Match and If-None-Match"}
LINK = {"Link": 'the next page, `rel="next"`, where there is one'}
_RETRY = {"Retry-After": "seconds to wait"}
_CHALLENGE = {"WWW-Authenticate": "the scheme, and the scope that is missing"}
_QUOTA = {"RateLimit": "requests left, and seconds until there are more", "RateLimit-Policy": "the quota"}
_HEADERS_OF = {401: _CHALLENGE, 403: _CHALLENGE, 429: _RETRY, 503: _RETRY}
# What one can do with a post that one has just been given (OpenAPI 3.1, section 4.8.20).
_IT, _THIS_STATE = {"slug": "$response.body#/slug"}, {"If-Match": "$response.header.ETag"}
_LINKS = {
    "read_post": _IT,
    "change_post": _IT | _THIS_STATE,
    "delete_post": _IT | _THIS_STATE,
    "publish_post": _IT | _THIS_STATE,
    "unpublish_post": _IT | _THIS_STATE,
}
_ALWAYS = (400, 401, 422, 429, 500, 503)
_FOR_BODIES = (413, 415)
_AT_ONCE = 20  # errors told in one answer; a body of 1 MB has room for 100,000


class Door(FlaskPlugin):
    """Spectree's part of the request. Answers pass as they are: reading them here would buffer what is streamed."""

    def validate_response(self, resp: Any, *_: Any, **__: Any) -> tuple[Response, None]:
        """Return the view's answer."""
        return make_response(resp), None


class Answers(Declared):
    """The statuses of an operation: what is good of its own kind, refusals as problem+json, each with its headers."""

    def __init__(self, good: Mapping[int, Any], refusals: Sequence[int], headers: Mapping[str, str], kind: str) -> None:
        described = {f"HTTP_{status}": model for status, model in good.items()}
        problems = {f"HTTP_{status}": (ProblemOut, _explain(status)) for status in refusals}
        super().__init__(**described, **problems)
        self.good, self.headers, self.kind = good, headers, kind

    def generate_spec(self, *args: Any) -> dict[str, Any]:
        """Return the `responses` of the OpenAPI operation."""
        spec = super().generate_spec(*args)
        for code, answer in spec.items():
            status = int(code)
            kind = self.kind if status in self.good else "application/problem+json"
            if self.kind != JSON and status in self.good:
                answer["content"] = {kind: {"schema": {"type": "string"}, "example": EXAMPLES[kind]}}
            elif "content" in answer:
                answer["content"] = {kind: answer["content"].pop(JSON)}
            if self.good.get(status) is PostOut:
                answer["links"] = {name: {"operationId": name, "parameters": it} for name, it in _LINKS.items()}
            described = (dict(self.headers) if status in self.good else _HEADERS_OF.get(status, {})) | _QUOTA
            answer["headers"] = {
                name: {"description": text, "schema": {"type": "string"}} for name, text in described.items()
            }
        return spec


def _explain(status: int) -> str:
    return "; or ".join(dict.fromkeys(title for code, title, _ in KINDS.values() if code == status))


def refuse_unfit(_request: Any, _response: Any, error: Any, *_: Any) -> None:
    """Raise Problem for a request that does not fit: 428 where only If-Match is missing, else 422 with pointers."""
    if error is None:
        return
    found = error.errors(include_url=False, include_input=False)[:_AT_ONCE]
    errors = [_pointer(error.title, item) for item in found]
    if errors[0].get("header") == "If-Match" and found[0]["type"] == "missing":
        raise Problem("condition-needed", "Send If-Match with the ETag of the post that you have read.")
    kind = "bad-request" if "header" in errors[0] else "invalid"
    raise Problem(kind, f"{errors[0]['detail']}.", errors=errors)


def _pointer(model: str, item: Any) -> dict[str, str]:
    place, detail = [str(part) for part in item["loc"]], item["msg"].removeprefix("Value error, ")
    if model.endswith("Query"):
        return {"parameter": ".".join(place[:1]), "detail": detail}
    if model.endswith("Headers"):
        return {"header": ".".join(place), "detail": detail}
    escaped = [part.replace("~", "~0").replace("/", "~1") for part in place]  # RFC 6901, section 3
    return {"pointer": "#" + "".join(f"/{part}" for part in escaped), "detail": detail}


spec = SpecTree(
    "flask",
    backend=Door,
    mode="strict",
    page_templates={},
    before=refuse_unfit,
    validation_error_model=ProblemOut,
    naming_strategy=lambda model: model.__name__.removesuffix("Out"),
    nested_naming_strategy=lambda _parent, child: child.removesuffix("Out"),
    title="Hallway & Door",
    version="1.0.0",
    description="The public door: posts, tags and authors, for everyone who is not our page.",
    security_schemes=[{"name": "key", "data": {"type": "http", "scheme": "bearer", "description": "hd_…"}}],
)


def operation(
    needs: Scope | None,
    good: Mapping[int, type[BaseModel] | None],
    *,
    anyone: bool = False,
    refuses: Sequence[int] = (),
    takes: type[BaseModel] | None = None,
    headers: Mapping[str, str] | None = None,
    kind: str = JSON,
    group: str = "posts",
) -> Callable[[View], View]:
    """Declare a view: the scope it `needs` (None: any key; `anyone`: no key either), and its good answers by status.

    Every refusal that the door can give to any request is declared with it; `refuses` adds those of its own. `takes`
    are the request's headers, `headers` those of a good answer.
    """
    unsafe = needs is Scope.WRITE
    refuses = [*refuses, *([412] if 304 in good else [])]  # If-Match counts for reading too
    statuses = {*_ALWAYS, *refuses, *(_FOR_BODIES if unsafe else ()), *((403,) if needs else ())}
    answers = Answers(good, sorted(statuses), headers or {}, kind)
    security = [{"key": [needs] if needs else []}, *([{}] if anyone else [])]

    def declare(view: View) -> View:
        fit = spec.validate(headers=takes, resp=answers, security=security, tags=[group], operation_id=view.__name__)(
            view
        )

        @wraps(fit)
        def serve(**values: Any) -> Any:
            admit(needs, anyone=anyone)
            if request.method in ("POST", "PATCH", "PUT"):
                _read_body()
            return fit(**values)

        serve.operation = (needs, anyone)  # type: ignore[attr-defined]
        return serve

    return declare


def in_one_write(view: View) -> View:
    """Run the view as one write transaction, with the person behind the key as `user`, read inside it.

    A POST with an Idempotency-Key is answered once, and the answer is kept with the effect.
    """

    @wraps(view)
    def serve(**values: Any) -> Response:
        chosen = idempotency.requested_key() if request.method == "POST" else None
        if "json" in values:
            values["html"] = to_html(values["json"].body)  # slow, so before the write lock is taken
        with idempotency.claimed(g.api_key, chosen), write(by=f"api {view.__name__}"):
            key = admit_again(Scope.WRITE)
            if first := idempotency.recall(key, chosen):
                return first
            answer: Response = view(user=key.user, **values)
            idempotency.remember(key, chosen, answer)
        return answer

    serve.__annotations__ = {name: kind for name, kind in view.__annotations__.items() if kind is not User}
    return serve


def _read_body() -> None:
    """Raise Problem for a body that is not one JSON object: 415, 400 or 422. Only a PUT may come without one."""
    if len(request.get_data()) >= (request.max_content_length or 0):
        raise RequestEntityTooLarge  # without a length it was cut off there; what is left may pass for the whole
    if request.method == "PUT" and not request.get_data():
        return  # many clients name a Content-Type for the body they do not send
    if request.content_encoding or request.mimetype != JSON:
        raise Problem("not-json", "The body must be application/json, uncompressed.")
    try:
        body = request.get_json()
    except BadRequest:
        raise Problem("malformed-json", KINDS["malformed-json"][2]) from None
    if not isinstance(body, dict):
        raise Problem("invalid", "The body must be a JSON object.", errors=[{"pointer": "#", "detail": "no object"}])
    if request.method == "PUT" and body:  # whoever sends a date means a date, and must not be published at once
        raise Problem("invalid", "This takes no fields.", errors=[{"pointer": "#", "detail": "not empty"}])

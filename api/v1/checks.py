"""Checks a request against what its operation declares. Whatever does not fit is a problem that says where."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import request
from pydantic import BaseModel, ValidationError

from web.problems import Problem
from web.strict_json import json_object

Schema = type[BaseModel] | None
_MAX_ERRORS = 20  # errors told in one answer; a body of 1 MB has room for 100,000


@dataclass(frozen=True)
class Header:
    """A request header that an operation takes; `schema` bounds it, here and in the document."""

    name: str
    description: str
    required: bool = False
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string", "maxLength": 1000})

    def check(self) -> None:
        """Raise Problem for the request's header: 428 where it is missing, 400 where it is malformed."""
        value = request.headers.get(self.name)
        if value is None and self.required:
            raise Problem("condition-needed", f"Send {self.name} with the ETag of what you have read.")
        longest, pattern = self.schema["maxLength"], self.schema.get("pattern", "")
        if value is not None and (len(value) > longest or not re.search(pattern, value)):
            detail = f"{self.name} is malformed"
            raise Problem("bad-request", f"{detail}.", errors=[{"header": self.name, "detail": detail}])


IF_MATCH = Header("If-Match", "The ETag of what was read, or `*`.", required=True)
OPTIONAL_IF_MATCH = Header("If-Match", "The ETag of what was read; the request is refused if it has changed since.")
IF_NONE_MATCH = Header("If-None-Match", "ETags that one has; a current one is answered by 304.")
IDEMPOTENCY_KEY = Header(
    "Idempotency-Key",
    "Sent again with the same body, it gets the first answer again. ASCII without spaces, in quotes or bare.",
    # A quoted string, or a bare word; two headers come joined by a comma.
    schema={"type": "string", "minLength": 1, "maxLength": 255, "pattern": r'^("[!#-~]+"|[!#-+\--~]+)$'},
)


def parse(query: Schema, body: Schema, headers: Iterable[Header], *, is_json: bool) -> dict[str, Any]:
    """Return query string and body as the schemas understand them. Raises Problem: 400, 413, 415, 422 or 428."""
    found: dict[str, Any] = {}
    # A body that says nothing is read as well: a request that broke off half-way does nothing.
    content = json_object(optional=request.method in ("PUT", "DELETE")) if is_json else {}
    if query:
        # A name that is repeated has a list, which fits no schema of ours.
        asked = {name: values if len(values) > 1 else values[0] for name, values in request.args.lists()}
        found["query"] = _validate(query, asked, lambda place: {"parameter": str(place[0])})
    if body:
        found["body"] = _validate(body, content, lambda place: {"pointer": _pointer(place)})
    elif content:  # whoever sends a date means a date, and must not be published at once
        raise Problem("invalid", "This takes no fields.", errors=[{"pointer": "#", "detail": "not empty"}])
    for header in headers:
        header.check()
    return found


def check_conditions(etag: str) -> None:
    """Evaluate the preconditions of a write in the order of RFC 9110, section 13.2.2. Raises Problem (412)."""
    # A compressed answer carries the tag of its own bytes; it is the same state. Weak tags never match If-Match.
    given, forms = request.if_match, (etag, f"{etag}-gzip", f"{etag}-br")
    if "If-Match" in request.headers and not (given.star_tag or any(map(given.is_strong, forms))):
        raise Problem("changed", "The post is not what it was when you read it.", headers={"ETag": f'"{etag}"'})
    if any(map(request.if_none_match.contains_weak, forms)):
        raise Problem("changed", "The post is what If-None-Match rules out.", headers={"ETag": f'"{etag}"'})


def _validate(schema: type[BaseModel], value: Any, where: Callable[..., dict[str, str]]) -> BaseModel:
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)[:_MAX_ERRORS]
    faults = [where(item["loc"]) | {"detail": item["msg"].removeprefix("Value error, ")} for item in found]
    raise Problem("invalid", f"{faults[0]['detail']}.", errors=faults)


def _pointer(place: tuple[int | str, ...]) -> str:
    """Return a JSON pointer as a fragment (RFC 6901, sections 3 and 6)."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in place)

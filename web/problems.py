"""How `/api` refuses: `application/problem+json` (RFC 9457), for every refusal and from every layer."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Response, current_app, json

Errors = Sequence[Mapping[str, str]]
MEDIA_TYPE = "application/problem+json"
TEXTS = tomllib.loads(Path(__file__).with_name("refusals.en.toml").read_text(encoding="utf-8"))
KINDS: dict[str, tuple[int, str, str]] = {name: (*parts,) for name, parts in TEXTS["problems"].items()}
_BY_STATUS = {status: name for name, (status, _, _) in reversed(KINDS.items())}


@dataclass(eq=False)
class Problem(Exception):
    """A refusal. Raised, it rolls back what was written. `errors` point at fields, parameters or headers."""

    kind: str
    detail: str
    _: KW_ONLY
    errors: Errors = ()
    headers: Mapping[str, str] = field(default_factory=dict)


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


def _response(url: str, status: int, title: str, detail: str, errors: Errors, headers: Mapping[str, str]) -> Response:
    body: dict[str, Any] = {"type": url, "title": title, "status": status, "detail": detail}
    body |= {"errors": list(errors)} if errors else {}
    return Response(json.dumps(body), status, {**headers, "Cache-Control": "no-store"}, content_type=MEDIA_TYPE)

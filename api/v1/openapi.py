"""The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1), made of the declarations that check the requests.

Its examples are in `examples.json`, by the name of the schema or by media type.
"""

import inspect
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

from flask import current_app
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from werkzeug.routing import Rule

from api.v1.operation import SAFE, operation
from api.v1.resources import JSON, ProblemOut
from web.problems import KINDS, MEDIA_TYPE

Document = dict[str, Any]
Route = tuple[Rule, str, operation]

EXAMPLES: Document = json.loads(Path(__file__).with_name("examples.json").read_text())
ETAG = {"ETag": "Names this state of it, for If-Match and If-None-Match."}
LINK = {"Link": 'The next page, `rel="next"`, where there is one.'}
LOCATION = {"Location": "Where the new one is."}
QUOTA = {"RateLimit": "Requests left, and seconds until there are more.", "RateLimit-Policy": "Requests in a window."}
CHALLENGE = {"WWW-Authenticate": "The scheme, and the scope that is missing."}
RETRY = {"Retry-After": "Seconds to wait."}
_HEADERS = {401: CHALLENGE, 403: CHALLENGE, 429: RETRY, 503: RETRY}


class Schemas(GenerateJsonSchema):
    """Pydantic's schemas, under the names that clients know: `Post` for PostOut."""

    def normalize_name(self, name: str) -> str:
        """Return the name of a component."""
        return super().normalize_name(name).removesuffix("Out")


def document() -> Document:
    """Return the document of the running application; it is made once."""
    made: Document = current_app.extensions.get("openapi") or _document(list(_routes()))
    current_app.extensions["openapi"] = made
    return made


def _routes() -> Iterator[Route]:
    for rule in sorted(current_app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if declared := getattr(current_app.view_functions[rule.endpoint], "operation", None):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method, declared


def _document(routes: list[Route]) -> Document:
    site, paths, tags = current_app.config["SITE"], dict[str, Document](), dict[str, Document]()
    for rule, method, declared in routes:
        described = _operation(declared, method, rule)
        paths.setdefault(rule.rule.replace("<", "{").replace(">", "}"), {})[method.lower()] = described
        about = inspect.getdoc(sys.modules[declared.view.__module__]) or ""
        tags.setdefault(described["tags"][0], {"description": about.partition("\n")[0]})
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hallway & Door",
            "version": "1.0.0",
            "description": "Posts, tags and authors, for every program that is not a page of ours.",
            "license": {"name": "MIT", "identifier": "MIT"},
            "contact": {"name": "The editors", "url": f"{site}/contact"},
        },
        "servers": [{"url": "/"}],  # where the document is: a browser reaches the site by more names than one
        "tags": [{"name": name, **about} for name, about in tags.items()],
        "paths": paths,
        "components": {
            "schemas": _schemas(routes),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "hd_…"}},
        },
    }


def _schemas(routes: Iterable[Route]) -> Document:
    models = [model for *_, declared in routes for model in (declared.body, declared.returns)]
    inputs: list[tuple[type[BaseModel], Literal["validation"]]] = [
        (model, "validation") for model in [*dict.fromkeys(models), ProblemOut] if isinstance(model, type)
    ]
    template = "#/components/schemas/{model}"
    schemas: Document = models_json_schema(inputs, ref_template=template, schema_generator=Schemas)[1]["$defs"]
    for name in schemas.keys() & EXAMPLES.keys():
        schemas[name]["examples"] = [EXAMPLES[name]]
    return schemas


def _operation(declared: operation, method: str, rule: Rule) -> Document:
    summary, _, rest = (inspect.getdoc(declared.view) or "").partition("\n\n")
    needs = f"Needs a key with the scope `{declared.scope}`" if declared.scope else "Needs a key of any scope"
    needs += ", or none to read what is published." if declared.anyone else "."
    body = {"requestBody": {"required": True, "content": _content(declared.body)}} if declared.body else {}
    return {
        "operationId": declared.name,
        "summary": " ".join(summary.split()),
        "description": " ".join([*rest.split(), needs]),
        "tags": [rule.endpoint.split(".")[-2]],
        # Only OAuth has scopes of its own in OpenAPI, so that of a bearer key stands beside it.
        "security": [{"key": []}, *([{}] if declared.anyone else [])],
        **({"x-scope": declared.scope} if declared.scope else {}),
        "parameters": _parameters(declared, method, rule),
        **body,
        "responses": {str(status): answer for status, answer in sorted(_responses(declared, method, rule).items())},
    }


def _parameters(declared: operation, method: str, rule: Rule) -> list[Document]:
    found = [_parameter(name, "path", True, {"type": "string"}, "Its address.") for name in sorted(rule.arguments)]
    schema = declared.query.model_json_schema() if declared.query else {"properties": {}}
    for name, field in schema["properties"].items():
        found.append(_parameter(name, "query", name in schema.get("required", ()), field, field.pop("description", "")))
    for header in declared.headers(method):
        found.append(_parameter(header.name, "header", header.required, header.schema, header.description))
    return found


def _parameter(name: str, place: str, required: bool, schema: Mapping[str, Any], description: str) -> Document:
    return {"name": name, "in": place, "required": required, "description": description, "schema": schema}


def _responses(declared: operation, method: str, rule: Rule) -> dict[int, Document]:
    headers = (ETAG if declared.has_etag else {}) | (LINK if declared.query else {})
    headers |= LOCATION if declared.status == 201 else {}
    good = _response(HTTPStatus(declared.status).phrase, headers, _content(declared.returns))
    if links := getattr(declared.returns, "links", {}):
        good["links"] = {name: {"operationId": name, "parameters": values} for name, values in links.items()}
    found = {declared.status: good}
    if method in SAFE and declared.has_etag:
        found[304] = _response("Not Modified", headers, {})
    for status in declared.refusals(method, rule.rule):
        titles = dict.fromkeys(title for code, title, _ in KINDS.values() if code == status)
        found[status] = _response("; or ".join(titles), _HEADERS.get(status, {}), _content(ProblemOut, MEDIA_TYPE))
    return found


def _response(description: str, headers: dict[str, str], content: Document) -> Document:
    described = {name: {"description": text, "schema": {"type": "string"}} for name, text in (headers | QUOTA).items()}
    return {"description": description, "headers": described, **({"content": content} if content else {})}


def _content(returns: type[BaseModel] | str | None, media_type: str = JSON) -> Document:
    if isinstance(returns, str):
        return {returns: {"schema": {"type": "string"}, "example": EXAMPLES[returns]}}
    name = returns.__name__.removesuffix("Out") if returns else ""
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}} if returns else {}

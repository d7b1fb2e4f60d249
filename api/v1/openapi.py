"""The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1), made of the declarations that check the requests."""

import inspect
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, Literal

from flask import current_app
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from werkzeug.routing import Rule

from api.v1.checks import Header
from api.v1.operation import SAFE, Operation
from api.v1.resources import JSON, File, ProblemOut
from web.problems import KINDS, MEDIA_TYPE

Document = dict[str, Any]
TAGS = {
    "posts": "What is written: read, begun, changed, published.",
    "export": "All posts at once, as a file.",
    "tags": "The words that posts stand under.",
    "authors": "Who has published.",
    "me": "The key itself.",
}
_CHALLENGE = {"WWW-Authenticate": "The scheme, and the scope that is missing."}
_RETRY = {"Retry-After": "Seconds to wait."}
_QUOTA = {
    "RateLimit": "Requests left, and seconds until there are more.",
    "RateLimit-Policy": "The quota, and its window in seconds.",
}
_HEADERS = {401: _CHALLENGE, 403: _CHALLENGE, 429: _RETRY, 503: _RETRY}


class Schemas(GenerateJsonSchema):
    """Pydantic's schemas, under the names that clients know: `Post` for PostOut."""

    def normalize_name(self, name: str) -> str:
        """Return the name of a component."""
        return super().normalize_name(name).removesuffix("Out")


def document() -> Document:
    """Return the document of the running application; it is made once."""
    made: Document = current_app.extensions.get("openapi") or _document()
    current_app.extensions["openapi"] = made
    return made


def _routes() -> Iterator[tuple[Rule, str, Operation]]:
    for rule in sorted(current_app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if operation := getattr(current_app.view_functions[rule.endpoint], "operation", None):
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method, operation


def _schemas(routes: Iterable[tuple[Rule, str, Operation]]) -> Document:
    found = [model for *_, operation in routes for model in (operation.body, operation.returns)]
    models: list[type[BaseModel]] = [model for model in dict.fromkeys(found) if isinstance(model, type)]
    inputs: list[tuple[type[BaseModel], Literal["validation"]]] = [(model, "validation") for model in models]
    document = models_json_schema(
        [*inputs, (ProblemOut, "validation")],
        ref_template="#/components/schemas/{model}",
        schema_generator=Schemas,
    )[1]
    schemas: Document = document["$defs"]
    return schemas


def _document() -> Document:
    site, paths, routes = current_app.config["SITE"], dict[str, Document](), list(_routes())
    for rule, method, operation in routes:
        path = rule.rule.replace("<", "{").replace(">", "}")
        paths.setdefault(path, {})[method.lower()] = _operation(operation, method, rule)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Hallway & Door",
            "version": "1.0.0",
            "description": "Posts, tags and authors, for every program that is not a page of ours.",
            "license": {"name": "MIT", "identifier": "MIT"},
            "contact": {"name": "The editors", "url": f"{site}/contact"},
        },
        "servers": [{"url": site}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": _schemas(routes),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "hd_…"}},
        },
    }


def _operation(operation: Operation, method: str, rule: Rule) -> Document:
    summary, _, rest = (inspect.getdoc(operation.view) or "").partition("\n\n")
    needs = f"Needs a key with the scope `{operation.scope}`" if operation.scope else "Needs a key of any scope"
    needs += ", or none to read what is published." if operation.anyone else "."
    body = {"requestBody": {"required": True, "content": _content(operation.body)}} if operation.body else {}
    return {
        "operationId": operation.name,
        "summary": " ".join(summary.split()),
        "description": " ".join([*rest.split(), needs]),
        "tags": [rule.endpoint.split(".")[-2]],
        # Only OAuth has scopes of its own in OpenAPI, so that of a bearer key stands beside it.
        "security": [{"key": []}, *([{}] if operation.anyone else [])],
        **({"x-scope": operation.scope} if operation.scope else {}),
        "parameters": _parameters(operation, method, rule),
        **body,
        "responses": {str(status): answer for status, answer in sorted(_responses(operation, method, rule).items())},
    }


def _parameters(operation: Operation, method: str, rule: Rule) -> list[Document]:
    found = [_parameter(name, "path", True, {"type": "string"}, "Its address.") for name in sorted(rule.arguments)]
    schema = operation.query.model_json_schema() if operation.query else {"properties": {}}
    for name, field in schema["properties"].items():
        if field.get("default", "") is None:
            del field["default"]
        found.append(_parameter(name, "query", name in schema.get("required", ()), field, field.pop("description", "")))
    return found + [_header(header) for header in operation.headers(method)]


def _header(header: Header) -> Document:
    schema: Document = {"type": "string", "maxLength": header.max_length}
    schema |= {"minLength": header.min_length} if header.min_length else {}
    return _parameter(header.name, "header", header.required, schema, header.description)


def _parameter(name: str, place: str, required: bool, schema: Document, description: str) -> Document:
    return {"name": name, "in": place, "required": required, "description": description, "schema": schema}


def _responses(operation: Operation, method: str, rule: Rule) -> dict[int, Document]:
    headers = {"ETag": "Names this state of it, for If-Match and If-None-Match."} if operation.has_etag else {}
    if operation.query:
        headers["Link"] = 'The next page, `rel="next"`, where there is one.'
    if operation.status == 201:
        headers["Location"] = "Where the new one is."
    good = _response(HTTPStatus(operation.status).phrase, headers, _content(operation.returns))
    if links := getattr(operation.returns, "links", {}):
        good["links"] = {name: {"operationId": name, "parameters": values} for name, values in links.items()}
    found = {operation.status: good}
    if method in SAFE and operation.has_etag:
        found[304] = _response("Not Modified", headers, {})
    for status in operation.refusals(method, rule.rule):
        titles = dict.fromkeys(title for code, title, _ in KINDS.values() if code == status)
        found[status] = _response("; or ".join(titles), _HEADERS.get(status, {}), _content(ProblemOut, MEDIA_TYPE))
    return found


def _response(description: str, headers: dict[str, str], content: Document) -> Document:
    described = {name: {"description": text, "schema": {"type": "string"}} for name, text in (headers | _QUOTA).items()}
    return {"description": description, "headers": described, **({"content": content} if content else {})}


def _content(returns: type[BaseModel] | File | None, media_type: str = JSON) -> Document:
    if isinstance(returns, File):
        return {returns.media_type: {"schema": {"type": "string"}, "example": returns.example}}
    name = returns.__name__.removesuffix("Out") if returns else ""
    return {media_type: {"schema": {"$ref": f"#/components/schemas/{name}"}}} if returns else {}

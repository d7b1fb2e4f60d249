"""The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1), made of the declarations that check the requests.

What no declaration says is in `document.json`: the site, and the headers of answers. Its `servers` are relative, for a
browser may reach the site by another name than its own. Examples are in `examples.json`, by schema or media type.
"""

import inspect
import json
import sys
from collections import defaultdict
from dataclasses import asdict
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from api.v1.operation import OPERATIONS, bp, operation
from api.v1.resources import JSON, ProblemOut, name_of
from web.problems import KINDS, MEDIA_TYPE

Document = dict[str, Any]

EXAMPLES: Document = json.loads(Path(__file__).with_name("examples.json").read_text())
_HEADERS = {401: ["WWW-Authenticate"], 403: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"]}


class Schemas(GenerateJsonSchema):
    """Pydantic's schemas, under the names that clients know: `Post` for PostOut."""

    def normalize_name(self, name: str) -> str:
        """Return the name of a component."""
        return super().normalize_name(name).removesuffix("Out")


@cache
def document(site: str) -> Document:
    """Return the document of the API at the origin `site`; it is made once."""
    paths: dict[str, Document] = defaultdict(dict)
    tags: dict[str, str] = {}
    for declared in sorted(OPERATIONS, key=lambda declared: declared.path):
        described = _operation(declared)
        path = f"{bp.url_prefix}{declared.path}".replace("<", "{").replace(">", "}")
        paths[path][declared.method.lower()] = described
        tags[described["tags"][0]] = inspect.getdoc(sys.modules[declared.view.__module__]) or ""
    document: Document = json.loads(Path(__file__).with_name("document.json").read_text())
    document["info"]["contact"]["url"] = f"{site}/contact"
    document["tags"] = [{"name": name, "description": about.partition("\n")[0]} for name, about in tags.items()]
    document["components"]["schemas"] = _schemas()
    return document | {"paths": paths}


def _schemas() -> Document:
    told = [ProblemOut, *(model for declared in OPERATIONS for model in (declared.body, declared.returns))]
    # Under the names that answers are written by, not those that they are read by.
    inputs: list[Any] = [(model, "serialization") for model in told if isinstance(model, type)]
    template = "#/components/schemas/{model}"
    schemas: Document = models_json_schema(inputs, ref_template=template, schema_generator=Schemas)[1]["$defs"]
    for name in schemas.keys() & EXAMPLES.keys():
        schemas[name]["examples"] = [EXAMPLES[name]]
    return schemas


def _operation(declared: operation) -> Document:
    summary, _, rest = (inspect.getdoc(declared.view) or "").partition("\n\n")
    needs = f"Needs a key with the scope `{declared.scope}`" if declared.scope else "Needs a key of any scope"
    needs += ", or none to read what is published." if declared.anyone else "."
    file = {"schema": {"type": "string", "format": "binary"}}
    taken = dict.fromkeys(declared.takes, file) or _content(declared.body)
    described: Document = {
        "operationId": declared.name,
        "summary": " ".join(summary.split()),
        "description": " ".join([*rest.split(), needs]),
        "tags": [declared.view.__module__.rpartition(".")[2]],
        # Only OAuth has scopes of its own in OpenAPI, so that of a bearer key stands beside it.
        "security": [{"key": []}, {}] if declared.anyone else [{"key": []}],
        "x-scope": declared.scope,
        "parameters": _parameters(declared),
        "requestBody": {"required": True, "content": taken} if taken else None,
        "responses": {str(status): answer for status, answer in sorted(_responses(declared).items())},
    }
    return {name: value for name, value in described.items() if value is not None}


def _parameters(declared: operation) -> list[Document]:
    schema = declared.query.model_json_schema() if declared.query else {}
    query, needed = schema.get("properties", {}).items(), schema.get("required", ())
    told = [("path", name, True, {"type": "string", "description": "Its address."}) for name in sorted(declared.parts)]
    told += [("query", name, name in needed, described) for name, described in query]
    found = [
        {"in": place, "name": name, "required": required, "description": of.pop("description", ""), "schema": of}
        for place, name, required, of in told
    ]
    return found + [{"in": "header", **asdict(header)} for header in declared.headers]


def _responses(declared: operation) -> dict[int, Document]:
    cases = {"ETag": declared.has_etag, "Link": declared.query, "Location": declared.status == 201}
    headers = [name for name, applies in cases.items() if applies]
    good = _response(HTTPStatus(declared.status).phrase, headers, _content(declared.returns))
    if links := getattr(declared.returns, "links", {}):
        good["links"] = {name: {"operationId": name, "parameters": values} for name, values in links.items()}
    found = {declared.status: good}
    if declared.is_safe and declared.has_etag:
        found[304] = _response("Not Modified", headers, {})
    for status in declared.refusals:
        titles = dict.fromkeys(title for code, title, _ in KINDS.values() if code == status)
        found[status] = _response("; or ".join(titles), _HEADERS.get(status, []), _content(ProblemOut, MEDIA_TYPE))
    return found


def _response(description: str, headers: list[str], content: Document) -> Document:
    described = {name: {"$ref": f"#/components/headers/{name}"} for name in [*headers, "RateLimit", "RateLimit-Policy"]}
    return {"description": description, "headers": described, **({"content": content} if content else {})}


def _content(returns: type[BaseModel] | str | None, media_type: str = JSON) -> Document:
    if isinstance(returns, type):
        return {media_type: {"schema": {"$ref": f"#/components/schemas/{name_of(returns)}"}}}
    return {returns: {"schema": {"type": "string"}, "example": EXAMPLES[returns]}} if returns else {}

"""The document as a promise: no test gets an answer that it does not declare, and no later document takes one back."""

from operator import gt, lt

from flask import request

from api.v1.openapi import document

_LOWER = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
_UPPER = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
TIGHTER = dict.fromkeys(_LOWER, gt) | dict.fromkeys(_UPPER, lt)
EXACT = ("pattern", "format", "const", "multipleOf", "uniqueItems")


def require_declared(app, response):
    """Fail the test whose request was answered by a status that the operation does not declare."""
    path = request.url_rule.rule.replace("<", "{").replace(">", "}") if request.url_rule else ""
    method = request.method.lower().replace("head", "get")
    operation = document(app.config["SITE"])["paths"].get(path, {}).get(method) if path.startswith("/api/v1/") else None
    if operation:
        declared = str(response.status_code) in operation["responses"]
        assert declared, f"{request.method} {path}: {response.status_code} is not declared"


def breaking(old, new):
    """Return what a client that was written for `old` may trip over in `new`, a sentence each."""
    return list(_documents(old, new))


def _documents(old, new):
    for name, scheme in old["components"].get("securitySchemes", {}).items():
        now = new["components"].get("securitySchemes", {}).get(name, {})
        if (scheme["type"], scheme.get("scheme")) != (now.get("type"), now.get("scheme")):
            yield f"security scheme {name} is another"
    for path, operations in old["paths"].items():
        for method, operation in operations.items():
            place, now = f"{method.upper()} {path}", new["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{place} is gone"
            else:
                yield from _Operations(old, new, place).compare(operation, now)


class _Operations:
    """The same operation in two documents; references lead into the document that they stand in."""

    def __init__(self, old, new, place):
        self.old, self.new, self.place = old, new, place

    def compare(self, old, new):
        if old["operationId"] != new["operationId"]:
            yield f"{self.place}: operationId is {new['operationId']} now"
        for way in _ways(old):
            if not any(_is_enough(way, asked) for asked in _ways(new)):
                yield f"{self.place}: {way or 'no key'} is not enough now"
        yield from self._parameters(old.get("parameters", []), new.get("parameters", []))
        yield from self._bodies(old.get("requestBody"), new.get("requestBody"))
        for status, answer in old["responses"].items():
            if status not in new["responses"]:
                yield f"{self.place}: {status} is gone"
            else:
                yield from self._answers(f"{self.place}: {status}", answer, new["responses"][status])

    def _parameters(self, old, new):
        was, now = ({(one["in"], one["name"]): one for one in side} for side in (old, new))
        for key in was.keys() - now.keys():
            yield f"{self.place}: parameter {key[1]} is gone"
        for key, parameter in now.items():
            if parameter.get("required") and not was.get(key, {}).get("required"):
                yield f"{self.place}: parameter {key[1]} is required now"
            if key in was:
                yield from self._sent(f"{self.place}: parameter {key[1]}", was[key]["schema"], parameter["schema"])

    def _bodies(self, old, new):
        if new and new.get("required") and not (old and old.get("required")):
            yield f"{self.place}: a body is required now"
        for kind, content in (old or {}).get("content", {}).items():
            if kind not in (new or {}).get("content", {}):
                yield f"{self.place}: {kind} is not taken now"
            else:
                yield from self._sent(f"{self.place}: body", content["schema"], new["content"][kind]["schema"])

    def _answers(self, place, old, new):
        for name in old.get("headers", {}).keys() - new.get("headers", {}).keys():
            yield f"{place}: header {name} is gone"
        for kind, content in old.get("content", {}).items():
            if kind not in new.get("content", {}):
                yield f"{place}: {kind} is gone"
            else:
                yield from self._answered(f"{place}: body", content["schema"], new["content"][kind]["schema"])

    def _sent(self, place, old, new):
        """Compare what clients send: less may be asked of it, never more."""
        was, now = _branches(self.old, old), _branches(self.new, new)
        for kind in was.keys() - now.keys():
            yield f"{place}: {kind} is not taken now"
        for kind in was.keys() & now.keys():
            before, after = was[kind], now[kind]
            for bound, tighter in TIGHTER.items():
                if bound in after and (bound not in before or tighter(after[bound], before[bound])):
                    yield f"{place}: {bound} is {after[bound]} now"
            for word in EXACT:
                if word in after and after[word] != before.get(word):
                    yield f"{place}: {word} is {after[word]} now"
            if "enum" in after and (lost := set(before.get("enum", ["others"])) - set(after["enum"])):
                yield f"{place}: {', '.join(sorted(lost))} not taken now"
            if after.get("additionalProperties") is False and before.get("additionalProperties") is not False:
                yield f"{place}: unknown fields are not taken now"
            for field in sorted(set(after.get("required", [])) - set(before.get("required", []))):
                yield f"{place}/{field} is required now"
            yield from self._inside(place, before, after, self._sent)

    def _answered(self, place, old, new):
        """Compare what clients get: there may be more of it, never less, and nothing of another kind."""
        was, now = _branches(self.old, old), _branches(self.new, new)
        for kind in now.keys() - was.keys():
            yield f"{place} may be {kind} now"
        for kind in was.keys() & now.keys():
            before, after = was[kind], now[kind]
            if before.get("format") != after.get("format"):
                yield f"{place}: format is {after.get('format')} now"
            if lost := set(before.get("enum", [])) - set(after.get("enum", [])):
                yield f"{place}: {', '.join(sorted(lost))} gone"
            for field in before.get("required", []):
                if field in after.get("properties", {}) and field not in after.get("required", []):
                    yield f"{place}/{field} may be absent now"
            yield from self._inside(place, before, after, self._answered)

    def _inside(self, place, old, new, compare):
        for field, schema in old.get("properties", {}).items():
            if field not in new.get("properties", {}):
                yield f"{place}/{field} is gone"
            else:
                yield from compare(f"{place}/{field}", schema, new["properties"][field])
        if "items" in old and "items" in new:
            yield from compare(f"{place}[]", old["items"], new["items"])


def _ways(operation):
    """Return the ways in which a caller may come in: each a scheme and its scopes, which may stand beside it."""
    beside = operation.get("x-scope")
    return [
        {scheme: scopes or ([beside] if beside else []) for scheme, scopes in way.items()}
        for way in operation.get("security", [])
    ]


def _is_enough(way, asked):
    """Say whether the credentials that were enough satisfy what is asked now: no other scheme, no further scope."""
    return all(scheme in way and set(scopes) <= set(way[scheme]) for scheme, scopes in asked.items())


def _branches(document, schema):
    """Return the alternatives of a schema by their type, with references followed."""
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    found = {}
    for branch in schema.get("anyOf", []):
        found |= _branches(document, branch)
    return found or {schema.get("type", "anything"): schema}

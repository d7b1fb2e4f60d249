"""What a browser sent to an action: the author's fields, and apart from them the mechanism's own.

Fields come from the body, and what a template bound from the address. Both are hostile like everything else.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import unquote_to_bytes

from flask import abort, request
from pydantic import TypeAdapter, ValidationError

from flask_server_actions.declare import Action
from flask_server_actions.form import rules
from flask_server_actions.sentences import sentence
from flask_server_actions.upload import Upload

MAX_BYTES = 1_000_000  # of a form without its files
MAX_FIELDS = 100


# A form that waits while its sender signs in: action and fields. It only fills a form again, so it needs no seal.
_RESUME = TypeAdapter(tuple[str, dict[str, list[str]]])


@dataclass(frozen=True)
class Submission:
    """A form as it came in, for one action."""

    action: Action
    values: dict[str, list[Any]] = field(repr=False)
    key: str = field(default="", repr=False)
    page: str = ""
    resume: Any = field(default=None, repr=False)

    @classmethod
    def read(cls, action: Action) -> Self:
        """Read the request. Aborts: 400 where it was cut off, 413 for too much, 415 for no form, 422 for no text."""
        file_bytes = sum(rule["max_bytes"] for rule in rules(action.schema).values())
        request.max_content_length = MAX_BYTES + file_bytes
        request.max_form_memory_size, request.max_form_parts = MAX_BYTES, MAX_FIELDS
        if request.content_length is not None:  # then werkzeug counts what comes; servers may take an end for the end
            request.environ.pop("wsgi.input_terminated", None)
        raw = b"" if file_bytes and request.mimetype == "multipart/form-data" else request.get_data()
        if raw and request.mimetype != "application/x-www-form-urlencoded":
            abort(415)
        # A body without a length is cut off at the limit, not refused; what is cut off must not pass for the whole.
        if len(raw) >= MAX_BYTES or raw.count(b"&") >= MAX_FIELDS:
            abort(413)
        encoded = unquote_to_bytes(raw + request.query_string)
        if encoded != encoded.decode(errors="ignore").encode():
            abort(422, description=sentence("not_text"))
        values: dict[str, list[Any]] = dict(request.values.lists())
        key, page, resume, _ = (values.pop(name, [""])[-1] for name in ("_key", "_page", "_resume", "_shared"))
        for name, file in request.files.items(multi=True):
            if file.filename:
                values.setdefault(name, []).append(Upload(file))
        return cls(action, values, key[:64], page, _resume(resume))

    def texts(self) -> dict[str, list[str]]:
        """Return what was typed, for the page to show again: no files, and nothing that is secret."""
        known = rules(self.action.schema)
        typed = {name: [text for text in texts if isinstance(text, str)] for name, texts in self.values.items()}
        return {name: texts for name, texts in typed.items() if known.get(name, {}).get("format") != "password"}

    def bound_to(self, caller: str) -> Self:
        """Return it with the digest of its key, which is this caller's alone: nobody gets another's answer by it."""
        bound = hashlib.sha256(f"{self.action.name} {caller} {self.key}".encode()).hexdigest()
        return replace(self, key=bound if self.key else "")

    def digest(self) -> str:
        """Name what was sent, files included, so that the same form can be told from another."""
        parts = [(name, [v if isinstance(v, str) else v.digest for v in self.values[name]]) for name in self.values]
        return hashlib.sha256(repr(sorted(parts)).encode()).hexdigest()


def _resume(text: str) -> Any:
    with suppress(ValidationError):
        return _RESUME.validate_json(text)
    return None

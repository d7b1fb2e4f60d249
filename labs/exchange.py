"""Requests of outsiders: made here, sent through the whole application, and told as they went.

A client in the process asks, so a server with one thread never waits for itself, and all of it works without script.
"""

import json
import shlex
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

from flask import current_app, request
from werkzeug.datastructures import Headers
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.test import TestResponse

from actions.rate_limit import RateLimit
from flask_server_actions import anyone
from models import db
from web.gate import network
from web.rate_limiter import HOUR

MAX_TOLD = 900  # characters of a body
TOLD = ("Content-Type", "Location", "ETag", "Allow", "Link", "WWW-Authenticate", "Idempotency-Replayed")
OPEN = anyone("the labs belong to whoever tries them")
LIMITS = [RateLimit(300, HOUR, by=network)]
CURL_OMITS = ("Content-Type",)  # of a form curl writes it by itself


@dataclass(frozen=True)
class Call:
    """A request that somebody outside makes."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""

    @classmethod
    def form(cls, action: str, fields: str, **headers: str) -> "Call":
        """Return a form that is posted to an action; `headers` with underscores for hyphens."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls("POST", f"/_actions/{action}", {"Content-Type": "application/x-www-form-urlencoded"} | named, fields)

    @classmethod
    def json(cls, method: str, path: str, data: Any, headers: Mapping[str, str] = {}) -> "Call":
        """Return a request with a JSON body."""
        return cls(method, path, {"Content-Type": "application/json", **headers}, json.dumps(data))

    @property
    def curl(self) -> str:
        """The same request as a line for a terminal."""
        parts = ["curl", "-i", "-X", self.method, f"{request.host_url.rstrip('/')}{self.path}"]
        for name, value in self.headers.items():
            parts += ["-H", f"{name}: {value}"]
        return shlex.join([*parts, *(["--data-binary", self.body] if self.body else [])])

    def send(self, cookie: str = "") -> "Exchange":
        """Send it to the site, as from the caller's own network, and return what came of it."""
        db.session.rollback()  # no connection waits while another request works
        client = current_app.test_client(use_cookies=False)
        headers = {**self.headers, **({"Cookie": cookie} if cookie else {})}
        environ = {"REMOTE_ADDR": request.remote_addr or "127.0.0.1"}
        answer = client.open(
            self.path, method=self.method, base_url=request.host_url, headers=headers, data=self.body.encode(),
            environ_overrides=environ, buffered=True,
        )  # fmt: skip
        with closing(answer):
            return Exchange.of(self, answer)


class Exchange:
    """A request and its answer, as a page shows them; `milliseconds` where a browser has taken the time."""

    def __init__(
        self, call: Call, status: int, headers: Mapping[str, str], text: str, milliseconds: int | None = None
    ) -> None:
        self.call, self.status, self.text, self.milliseconds = call, status, text, milliseconds
        self.line = f"HTTP/1.1 {status} {HTTP_STATUS_CODES.get(status, '').upper()}".rstrip()
        told = Headers(headers)  # of any case
        self.headers = [(name, told[name]) for name in TOLD if name in told]
        self.etag, self.trace = told.get("ETag", ""), told.get("X-Trace-Id", "")
        self.is_html = told.get("Content-Type", "").startswith("text/html")

    @classmethod
    def of(cls, call: Call, answer: TestResponse) -> "Exchange":
        """Return the exchange that ends with an answer."""
        return cls(call, answer.status_code, dict(answer.headers), answer.get_data(as_text=True))

    @property
    def body(self) -> str:
        """The beginning of the answer; of JSON in lines, of a page its title alone."""
        if self.is_html:
            title = self.text.partition("<title>")[2].partition("</title>")[0]
            return f"<!doctype html> … <title>{title}</title> … ({len(self.text):,} characters of a page)"
        text = self.text
        with suppress(ValueError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        return text if len(text) <= MAX_TOLD else f"{text[:MAX_TOLD]}\n…"


def send_all(calls: Iterable[Call]) -> list[Exchange]:
    """Send requests one after another."""
    return [call.send() for call in calls]

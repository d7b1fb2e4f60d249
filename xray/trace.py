"""One trace: what happened between a request and its answer, as plain data that becomes JSON."""

import re
import secrets
import time
from contextvars import ContextVar
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from xray.lines import Lines
from xray.pressed import pressed
from xray.redact import hide

Facts = dict[str, Any]
MAX_STEPS, MAX_STATEMENTS, MAX_PARTS = 100, 200, 100  # of one trace
# Whose boundary an address is, the first that fits. The ways in are the article's: ours, and everyone else's.
_BOUNDARIES = [
    ("/_actions/", "action"),
    ("/api/webhooks/", "webhook"),
    ("/api/cron/", "cron"),
    ("/api/", "api"),
    ("/feed.", "feed"),
    ("/", "page"),
]
# Headers that say nothing of anyone. Of all others a trace knows at most that they were there.
_REQUEST = ["Accept", "Content-Type", "Origin", "Sec-Fetch-Site", "HX-Request", "If-None-Match", "If-Match"]
_RESPONSE = ["Content-Type", "Content-Encoding", "ETag", "Cache-Control", "Vary", "Location", "Link", "Allow"]
_RESPONSE += ["Retry-After", "RateLimit", "WWW-Authenticate", "HX-Push-Url", "Idempotency-Replayed"]
_PRESENT = ("Cookie", "Authorization", "Stripe-Signature", "X-Hub-Signature-256")

# In the environ of a request that the X-ray itself makes: it is nobody's business; its lines are wanted.
UNSEEN, FOLLOWED = "xray.unseen", "xray.followed"

current: ContextVar["Trace | None"] = ContextVar("xray_trace", default=None)


@lru_cache(maxsize=1000)
def _in_one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()[:700]


class Trace:
    """What is seen of one request, or of one write that no request asked for."""

    def __init__(self, boundary: str, method: str = "", path: str = "") -> None:
        self.id, self._began = secrets.token_hex(6), time.perf_counter()
        self.unseen = self.followed = False
        self.lines: Lines | None = None
        self.facts: Facts = {
            "id": self.id, "at": time.time(), "boundary": boundary, "method": method, "path": path,
            "status": 0, "bytes": 0, "who": "", "name": "", "place": "", "request": {}, "response": {},
            "steps": [], "statements": [], "parts": [], "tags": [], "fields": {}, "signs": [],
            "lines": {}, "raised": [], "pressed": "",
        }  # fmt: skip

    @classmethod
    def of(cls, environ: Facts) -> "Trace":
        """Begin the trace of a request."""
        path, asked = environ["PATH_INFO"], parse_qsl(environ.get("QUERY_STRING", ""))
        query = urlencode([(name, hide(name, value)) for name, value in asked if not name.startswith("_")])
        boundary = next(kind for prefix, kind in _BOUNDARIES if path.startswith(prefix))
        trace = cls(boundary, environ["REQUEST_METHOD"], path + (f"?{query}" if query else ""))
        trace.unseen, trace.followed = bool(environ.get(UNSEEN)), bool(environ.get(FOLLOWED))
        headers = {name: environ.get(f"HTTP_{name.upper().replace('-', '_')}", "") for name in (*_REQUEST, *_PRESENT)}
        headers["Content-Type"] = environ.get("CONTENT_TYPE", "")
        if boundary == "action":
            told = environ.get("HTTP_X_PRESSED", ""), environ.get("HTTP_ACCEPT", "")
            trace.facts["pressed"] = pressed(path.removeprefix("/_actions/"), *told)
        trace.facts["request"] = {n: "(not kept)" if n in _PRESENT else value for n, value in headers.items() if value}
        return trace

    def answered(self, status: str, headers: list[tuple[str, str]]) -> None:
        """Note status and headers of the answer; of cookies, their names."""
        told = {name.lower(): value for name, value in headers}
        self.facts["status"] = int(status[:3])
        self.facts["bytes"] = int(told.get("content-length", 0))
        self.facts["response"] = {name: told[name.lower()] for name in _RESPONSE if name.lower() in told}
        if cookies := [value.partition("=")[0] for name, value in headers if name == "Set-Cookie"]:
            self.facts["response"]["Set-Cookie"] = f"{', '.join(cookies)} (values not kept)"

    def elapsed(self) -> float:
        """Return the milliseconds since it began."""
        return round((time.perf_counter() - self._began) * 1000, 2)

    def step(self, what: str, text: str, good: bool | None = True, **facts: Any) -> None:
        """Note a step: which kind, what came of it in words, and whether it let the request go on."""
        if len(self.facts["steps"]) < MAX_STEPS:
            self.facts["steps"].append({"ms": self.elapsed(), "what": what, "text": text, "good": good, **facts})

    def statement(self, text: str, took: float) -> None:
        """Note a statement of SQL, without its parameters."""
        if len(self.facts["statements"]) < MAX_STATEMENTS and not text.startswith(("PRAGMA", "BEGIN")):
            self.facts["statements"].append({"text": _in_one_line(text), "ms": round(took * 1000, 2)})

    def part(self, facts: Facts) -> None:
        """Note a copy that the answer was made of."""
        if len(self.facts["parts"]) < MAX_PARTS:
            self.facts["parts"].append(facts)

    def sign(self, text: str) -> None:
        """Note something that only the recorder knows, for the warnings."""
        self.facts["signs"].append(text)

"""Requests by chance, as no browser would send them. Each follows from a seed and its number, and can be made again."""

import json
import random
from dataclasses import dataclass
from io import BytesIO
from urllib.parse import quote, unquote_to_bytes, urlencode

from scenarios import PUBLISHED, SESSION

CANARY = "<zq onload=x>"  # nobody may ever find it like this in a page or a header
OWN = [("Host", "localhost"), ("Origin", "http://localhost"), ("Sec-Fetch-Site", "same-origin")]
SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = [
    *SAFE,
    "GET",
    "POST",
    "POST",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "TRACE",
    "get",
    "PROPFIND",
    "X" * 30,
    "CONNECT",
]
BITS = [
    "%00",
    "%2f",
    "%2F..%2f",
    "/../",
    "/./",
    "//",
    "%5c",
    "\\",
    "%c0%af",
    "%ff",
    "%zz",
    "%",
    ";x=1",
    ".css",
    "/x.js",
    "é",
]
BITS += [
    "%0d%0aSet-Cookie:zq=1",
    "%E2%80%AE",
    "%F0%9F%9A%AA",
    "?",
    "%3f",
    "#",
    "~",
    "'",
    "%22%3e" + quote(CANARY),
    "%ed%a0%80",
]
ODD = [
    "",
    "0",
    "-1",
    "null",
    "a,b",
    "*",
    "é",
    "\x01",
    "\t",
    '"',
    "W/",
    "%00",
    "9" * 40,
    "x" * 3000,
    "[" * 500,
    "../../etc",
]
ODD += [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "http://localhost.evil.example",
]
ODD += [
    CANARY,
    f'"{CANARY}',
    "{{7*7}}",
    "' OR 1=1 --",
    "1e999",
    "NaN",
    "2031-13-40T99:99",
    "\u202e",
    "true",
    "gzip;q=bad",
]
HEADERS = """
Accept Accept-Encoding Accept-Language Authorization Cache-Control Connection Content-Encoding Content-Type Cookie
Forwarded HX-Boosted HX-Current-URL HX-Request HX-Request-Type HX-Target Host Idempotency-Key If-Match If-None-Match
If-Modified-Since If-Range If-Unmodified-Since Origin Prefer Purpose Range Referer Sec-Fetch-Dest Sec-Fetch-Mode
Sec-Fetch-Site Stripe-Signature X-Forwarded-For X-Forwarded-Host X-Forwarded-Prefix X-Forwarded-Proto X-GitHub-Delivery
X-GitHub-Event X-HTTP-Method-Override X-Hub-Signature-256 X-Original-URL X-Rewrite-URL X-Script-Name
"""
FORM, JSON, MULTIPART = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=zq"
TYPES = [
    FORM,
    FORM,
    FORM,
    JSON,
    JSON,
    MULTIPART,
    f"{FORM}; charset=utf-16",
    "text/plain",
    "application/xml",
    "multipart/form-data",
]
FIELDS = """
_key _page author before body comment_id cursor email id key limit message name next page password persona post_id q
role session slug status tag tags title version zone leave_empty
"""
COOKIES = ["session", "flash", "visitor", "device", "__Host-session", "__Host-flash", "", "=", "session=x; session"]

PLANTED = [("Cookie", "session=" + "A" * 43 + "; visitor=bob.x; flash=eyJ4IjoxfQ.x.y; device=" + "z" * 4000)]


@dataclass
class HostileRequest:
    """One request: what is sent, and whether whoever sends it may write at all."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    may_write: bool = False

    def environ(self, address: str) -> dict[str, object]:
        """Return what a server would hand to the application."""
        path, _, query = self.target.partition("#")[0].partition("?")
        environ = {
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": address,
        }
        environ |= {"REQUEST_METHOD": self.method, "SCRIPT_NAME": "", "RAW_URI": self.target, "wsgi.url_scheme": "http"}
        environ |= {"PATH_INFO": unquote_to_bytes(path).decode("latin-1"), "wsgi.input": BytesIO(self.body)}
        environ |= {"QUERY_STRING": query.encode().decode("latin-1"), "CONTENT_LENGTH": str(len(self.body))}
        environ |= {"wsgi.input_terminated": True, "wsgi.multithread": True, "wsgi.multiprocess": True}
        for name, value in self.headers:
            key = name.upper().replace("-", "_")
            key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
            value = value.encode().decode("latin-1")
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ

    def as_bytes(self, chance: random.Random) -> bytes:
        """Return what goes over the wire, its frame broken more often than not."""
        length = [f"Content-Length: {len(self.body)}"]
        frame, body = chance.choice(
            [
                *[(length, self.body)] * 12,
                ([*length, "Transfer-Encoding: chunked"], self.body),
                ([*length, f"Content-Length: {len(self.body) + 1}"], self.body),
                ([f"Content-Length: {chance.choice(ODD)}"], self.body),
                ([f"Content-Length: {len(self.body) + 7}"], self.body),
                (["Transfer-Encoding: chunked"], b"%x\r\n%s\r\n0\r\n\r\n" % (len(self.body), self.body)),
                (
                    ["Transfer-Encoding: chunked"],
                    chance.choice([b"zz\r\n", b"-1\r\n", b"", b"5\r\nab", b"1\r\na0\r\n\r\n"]),
                ),
                (
                    ["Transfer-Encoding: " + chance.choice(["xchunked", "gzip, chunked", "chunked, identity", CANARY])],
                    self.body,
                ),
                ([*length, "X-A : b"], self.body),
                ([*length, "X-A: b", " folded"], self.body),
                ([*length, "no colon " + CANARY], self.body),
                ([*length, *["X-Many: x"] * chance.choice([60, 2000])], self.body),
                ([*length, "X-Huge: " + "x" * chance.choice([9000, 200_000])], self.body),
            ]
        )
        target = (
            self.target
            if chance.random() < 0.8
            else chance.choice(["http://evil.example" + self.target, "*", "a b", ""])
        )
        version = chance.choice(["HTTP/1.1"] * 8 + ["HTTP/1.0", "HTTP/2.0", "HTTP/9", CANARY, ""])
        head = [f"{self.method} {target} {version}", *(f"{name}: {value}" for name, value in self.headers), *frame]
        end = "\n" if chance.random() < 0.03 else "\r\n"
        return (end.join(head) + end * 2).encode() + body


@dataclass
class Place:
    """Where requests go: an address, the methods it knows, the kind of body it takes and fields that are good there."""

    path: str
    methods: list[str]
    good: dict[str, object]

    @property
    def kind(self) -> str:
        """The kind of its bodies."""
        return JSON if self.path.startswith("/api/") else FORM


def make(seed: int, number: int, places: list[Place], callers: dict[str, list[tuple[str, str]]]) -> HostileRequest:
    """Return request `number` of a seed: to one of `places`, by one of `callers`, which are headers."""
    chance = random.Random(f"{seed} {number}")
    place, caller, own = chance.choice(places), chance.choice(list(callers)), chance.random() < 0.6
    method = chance.choice(place.methods if chance.random() < 0.8 else METHODS)
    kind = place.kind if chance.random() < 0.8 else chance.choice(TYPES)
    body = b"" if method in SAFE else _body(chance, kind, place.good if chance.random() < 0.7 else {})
    headers = [*(OWN if own else [("Host", "localhost")]), *callers[caller]]
    headers += [("Content-Type", kind)] if body else []
    headers += [("If-Match", "*")] if chance.random() < 0.2 else []
    for _ in range(chance.choice([0, 0, 0, 1, 1, 2, 8])):
        headers.append((chance.choice(HEADERS.split()), _odd(chance)))
    if chance.random() < 0.1:
        planted = [f"{chance.choice(COOKIES)}={_odd(chance)}" for _ in range(chance.choice([1, 2, 50]))]
        headers.append(("Cookie", "; ".join(planted)))
    may_write = method not in SAFE and (own or caller == "write key")
    return HostileRequest(method, _target(chance, place.path), headers, body, may_write)


def _target(chance: random.Random, path: str) -> str:
    if chance.random() < 0.2:
        at = chance.randrange(1, len(path) + 1)
        path = path[:at] + chance.choice(BITS) + path[at:]
    if chance.random() < 0.4:
        fields = (f"{chance.choice(FIELDS.split())}={_encoded(chance)}" for _ in range(chance.choice([1, 2, 40])))
        path += "?" + "&".join(fields)
    return path + ("x" * 9000 if chance.random() < 0.01 else "")


def _odd(chance: random.Random) -> str:
    odd = chance.choice(ODD)
    return odd + chance.choice(ODD) if chance.random() < 0.2 else odd


def _encoded(chance: random.Random) -> str:
    return (
        chance.choice(BITS) if chance.random() < 0.2 else quote(chance.choice([_odd(chance), "1", PUBLISHED, SESSION]))
    )


def _body(chance: random.Random, kind: str, good: dict[str, object]) -> bytes:
    fields = [(chance.choice(FIELDS.split()), _odd(chance)) for _ in range(chance.choice([0, 1, 2, 5, 200]))]
    if good:
        fields = list(
            (good | ({chance.choice([*good, "_key"]): _odd(chance)} if chance.random() < 0.5 else {})).items()
        )
    if kind == JSON:
        ends = [
            '{"title": ' * 2000,
            '{"title": "\\ud800"}',
            "[" * 100_000,
            '{"a":1,"a":2}',
            "NaN",
            '{"title": 1e999}',
            "\ufeff{}",
            "",
        ]
        text = json.dumps(dict(fields), default=str)  # a file, too
        return chance.choice([text, text, *ends]).encode()
    if kind == MULTIPART:
        part = '--zq\r\nContent-Disposition: form-data; name="{}"; filename="{}"\r\n\r\nx\r\n'
        return ("".join(part.format(*pair) for pair in fields) + chance.choice(["--zq--\r\n", "", "--zq"])).encode()
    text = urlencode(fields).encode()
    return chance.choice(
        [text, text, text, text + b"&%ff=%00&=&&;", b"\xff\xfe\x00", bytes(chance.randbytes(400)), b"a=1&" * 5000]
    )

"""What no answer may be, whatever was asked."""

import re

from hostile_requests import CANARY

STATUSES = {200, 201, 204, 206, 303, 304, 400, 401, 403, 404, 405, 409, 412, 413, 414, 415, 416, 422, 428, 429, 431}
OF_GUNICORN = {400, 408, 414, 431, 501, 505}  # refused before the application is asked
PROTECTED = {
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
LEAKS = re.compile(r"Traceback|\.py\"?,? line \d|sqlalchemy|sqlite3|psycopg|werkzeug|SELECT .* FROM|SECRET_KEY")
STAYS_HERE = re.compile(r"/(?![/\\])|http://localhost(?=[/?#]|$)")
ONCE = ("content-length", "content-type", "location", "content-security-policy", "cache-control")


def faults_of(status, headers, body, *, target):
    """Return what is wrong with an answer; `headers` are pairs, in any case."""
    names, found = [name.lower() for name, _ in headers], {name.lower(): value for name, value in headers}
    kind = found.get("content-type", "")
    wrong = {
        f"status {status}": status not in STATUSES and not (status == 503 and "retry-after" in found),
        "a cookie from the API": target.startswith("/api/") and "set-cookie" in found,
        "a header twice": any(names.count(name) > 1 for name in ONCE),
        "a header of the caller's": any(
            "zq" in name.lower() or CANARY in value or "\n" in value or "\r" in value for name, value in headers
        ),
        "the caller's words, unescaped": not kind.startswith(("application/json", "application/problem+json"))
        and CANARY in body,
        "the inside of the application": status >= 400 and bool(LEAKS.search(body.replace(target, ""))),
        f"it leads to {found.get('location')}": not STAYS_HERE.match(found.get("location", "/")),
    }
    wrong |= {f"without {name}": value not in found.get(name.lower(), "") for name, value in PROTECTED.items()}
    return [fault for fault, is_so in wrong.items() if is_so]

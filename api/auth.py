"""Who is asking, and who may: keys, scopes and quotas. A key is sent in the Authorization header, and nowhere else."""

import logging
import sqlite3
from typing import Any

from flask import Response, current_app, g, request

from models import ApiKey, Scope, User
from web.problems import Problem
from web.rate_limit import MINUTE, Reading, network

log = logging.getLogger(__name__)
_MISPLACED = {"api_key", "apikey", "key", "access_token", "token"}  # query parameters that look like a credential


def authorise(needs: Scope | None, *, anyone: bool) -> None:
    """Authenticate the key, or raise Problem: 401 for no key or a bad one, 403 for the wrong scope, 429 over the quota.

    Everyone is counted first, by key or by address, so that guessing keys has a quota too.
    """
    if misplaced := sorted(_MISPLACED & request.args.keys()):
        _count(f"address:{network()}")
        raise _unauthorised(f"A key in the address ends up in logs; `{misplaced[0]}` is not read.")
    text = _bearer()
    g.api_key = ApiKey.authenticate(text) if text else None
    _count(g.api_key.bucket if g.api_key else f"address:{network()}")
    if g.api_key is None and (text is not None or not anyone):
        raise _unauthorised("This key is not valid: unknown, misspelt or revoked." if text else "Please send a key.")
    if g.api_key and needs and not g.api_key.has_scope(needs):
        raise _scope_missing(needs)


def caller() -> User | None:
    """Return the person behind the key, as it was authenticated when the request came in."""
    key: ApiKey | None = g.api_key
    return key.user if key else None


def authorise_again(needs: Scope | None) -> ApiKey:
    """Return the key as the running write transaction sees it: one revoked a moment ago writes nothing."""
    key = ApiKey.authenticate(_bearer() or "")
    if key is None:
        raise _unauthorised("This key has been revoked.")
    if needs and not key.has_scope(needs):
        raise _scope_missing(needs)
    return key


def add_quota(response: Response) -> Response:
    """Tell the quota (draft-ietf-httpapi-ratelimit-headers-11)."""
    reading: Reading | None = g.get("quota")
    if reading:
        response.headers["RateLimit-Policy"] = f'"requests";q={reading.limit};w={MINUTE}'
        response.headers["RateLimit"] = f'"requests";r={max(0, reading.left)};t={reading.reset}'
    return response


def _bearer() -> str | None:
    """Return what came as `Authorization: Bearer …` (RFC 6750, section 2.1), or None without that header."""
    header: Any = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, text = header.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def _count(bucket: str) -> None:
    try:
        g.quota = current_app.extensions["rate_limiter"].count(bucket, current_app.config["API_REQUESTS_PER_MINUTE"])
    except (sqlite3.Error, OSError):  # a full disk does not close the API: what protects it is not worth more than it
        log.exception("requests are not being counted")
        return
    if g.quota.left < 0:
        raise Problem(
            "too-many-requests", f"{g.quota.limit} a minute are yours.", headers={"Retry-After": str(g.quota.reset)}
        )


def _unauthorised(detail: str) -> Problem:
    error = ', error="invalid_token"' if "Authorization" in request.headers else ""
    return Problem("key-needed", detail, headers={"WWW-Authenticate": f'Bearer realm="api"{error}'})


def _scope_missing(needs: Scope) -> Problem:
    challenge = f'Bearer realm="api", error="insufficient_scope", scope="{needs}"'
    return Problem("scope-missing", f"This needs the scope {needs}.", headers={"WWW-Authenticate": challenge})

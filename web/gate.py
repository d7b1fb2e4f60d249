"""The gate: what a request says of itself, made sure of before anything believes it: network, browser, whole body.

Nothing else reads the caller's address, the cookies of browsers, or the raw body (`tests/test_structure.py`).
"""

import hashlib
import ipaddress
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from flask import abort, current_app, request
from itsdangerous import BadSignature, Signer

SESSION, VISITOR, DEVICE, FLASH = "session", "visitor", "device", "flash"


def body(most: int = 0) -> bytes:
    """Return the whole body. Aborts with 400 where it was cut off, 413 above `most` bytes.

    By default these are what an earlier call has let in, at first what any request may have.
    """
    most = most or request.max_content_length or 0
    if request.content_length is not None:  # then werkzeug counts what comes; gunicorn would take the end for the end
        request.environ.pop("wsgi.input_terminated", None)
    request.max_content_length = most + 1  # without a length it is cut off there, and would pass for a whole one
    found = request.get_data()
    return found if len(found) <= most else abort(413)


def network(_form: Any = None) -> str:
    """Return the caller's network."""
    return network_of(request.remote_addr or "")


def network_of(remote_address: str) -> str:
    """Return an IPv4 address, or the first 64 bits of an IPv6 address, for a household has the others; no port."""
    with suppress(ValueError):
        has_port = remote_address.startswith("[") or remote_address.count(":") == 1
        address = ipaddress.ip_address(urlsplit(f"//{remote_address}").hostname or "" if has_port else remote_address)
        if isinstance(address, ipaddress.IPv6Address) and not address.ipv4_mapped:
            return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
        return str(getattr(address, "ipv4_mapped", None) or address)
    return "unknown"  # a Unix socket, or a proxy with a notation of its own: all of these are counted together


def cookie_name(name: str) -> str:
    """Return the cookie's full name. Over https `__Host-` ties it to this very host (RFC 6265bis, section 4.1.3).

    Over plain http a host has one set of cookies for all its ports (section 8.5): another port than 8000 is part of it.
    """
    port = urlsplit(current_app.config["SITE"]).port or 8000
    own = name if port == 8000 else f"{name}_{port}"
    return f"__Host-{name}" if current_app.config["SESSION_COOKIE_SECURE"] else own


def cookie(name: str, value: str, max_age: int) -> dict[str, Any]:
    """Return a cookie of ours, for `Result(cookies=…)`; `max_age` in seconds, 0 to have it forgotten."""
    options = {"path": "/", "secure": current_app.config["SESSION_COOKIE_SECURE"], "httponly": True, "samesite": "Lax"}
    return {cookie_name(name): (value, options | {"max_age": max_age})}


def session_token() -> str:
    """Return the caller's session token, or an empty string."""
    return request.cookies.get(cookie_name(SESSION), "")


def signed_cookie(name: str) -> str:
    """Return what we have written into a cookie, or an empty string: nobody makes up who their browser is."""
    with suppress(BadSignature):
        return _signer(name).unsign(request.cookies.get(cookie_name(name), "")).decode()
    return ""


def sign_cookie(name: str, text: str) -> dict[str, Any]:
    """Return a cookie that carries `text` for a year, signed."""
    return cookie(name, _signer(name).sign(text).decode(), max_age=365 * 24 * 3600)


def _signer(name: str) -> Signer:
    keys = [*current_app.config["SECRET_KEY_FALLBACKS"], current_app.config["SECRET_KEY"]]
    return Signer(keys, salt=f"cookie {name}", digest_method=hashlib.sha256)

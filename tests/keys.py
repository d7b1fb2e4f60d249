"""Keys to the door, for tests; and requests that carry them."""

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from flask_revalidation import write
from models import ApiKey, Scope, User

READ, WRITE = [Scope.READ], [Scope.READ, Scope.WRITE]
PLENTY = "1000000"  # requests a minute, for tests that send many


def issue_key(app: Flask, handle: str, scopes: list[Scope] = WRITE) -> str:
    """Return the text of a new key of one of the demo's people."""
    with app.app_context(), write(by="tests"):
        return ApiKey.issue(User.find_author(handle), "a test's", scopes)[1]


def bearer(key: str) -> dict[str, str]:
    """Return the header that carries a key."""
    return {"Authorization": f"Bearer {key}"}


def send(app: Flask, method: str, path: str, key: str = "", **request: Any) -> TestResponse:
    """Send one request to the door, by someone without cookies."""
    headers = {**(bearer(key) if key else {}), **request.pop("headers", {})}
    return app.test_client().open(path, method=method, headers=headers, buffered=True, **request)

"""People at the public door: keys of the demo's people, and clients that send them."""

from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from flask_revalidation import write
from models import ApiKey, Post, Scope, User, db

EVERYTHING = (Scope.READ, Scope.WRITE)
QUOTA = {"API_REQUESTS_PER_MINUTE": "1000000"}  # for tests that are about something else


def issue_key(app: Flask, handle: str, *scopes: Scope) -> str:
    """Cut a key for one of the demo's people, and return its text."""
    with app.app_context(), write(by="test"):
        person = User.find_author(handle)
        assert person
        return ApiKey.issue(person, f"{handle}'s key", list(scopes or EVERYTHING))[1]


class Caller:
    """A program at the door of one worker, with a key or without."""

    def __init__(self, app: Flask, key: str = "", **headers: str) -> None:
        self.client = app.test_client()
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}
        self.headers |= headers

    def send(self, method: str, path: str, **rest: Any) -> TestResponse:
        """Send a request to `/api/v1`."""
        rest["headers"] = self.headers | {k.replace("_", "-"): v for k, v in rest.get("headers", {}).items()}
        return self.client.open(f"/api/v1{path}", method=method, buffered=True, **rest)

    def get(self, path: str, **headers: str) -> TestResponse:
        """Read."""
        return self.send("GET", path, headers=headers)

    def post(self, path: str, body: Any, **headers: str) -> TestResponse:
        """Add something."""
        return self.send("POST", path, json=body, headers=headers)

    def patch(self, path: str, body: Any, **headers: str) -> TestResponse:
        """Change something, by default whatever it is now."""
        return self.send("PATCH", path, json=body, headers={"If_Match": "*"} | headers)

    def put(self, path: str, **headers: str) -> TestResponse:
        """Put something there, without a body."""
        return self.send("PUT", path, headers=headers)

    def delete(self, path: str, **headers: str) -> TestResponse:
        """Take something away, by default whatever it is now."""
        return self.send("DELETE", path, headers={"If_Match": "*"} | headers)

    def every(self, path: str) -> list[Any]:
        """Return what all pages of a list hold."""
        found, cursor = [], ""
        while cursor is not None:
            page = self.get(f"{path}{'&' if '?' in path else '?'}{cursor and 'cursor=' + cursor}").json
            found += page["data"]
            cursor = page["next_cursor"]
        return found


def slugs(posts: list[Any]) -> list[str]:
    """Return the slugs of posts, in their order."""
    return [post["slug"] for post in posts]


def refusal(answer: TestResponse) -> tuple[int, str]:
    """Return the status and the kind of a problem, after a look at its form."""
    assert answer.content_type == "application/problem+json", answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["status"] == answer.status_code
    assert set(answer.json) - {"errors"} == {"type", "title", "status", "detail"}
    return answer.status_code, answer.json["type"].rpartition("/")[2]


def in_database(app: Flask, slug: str) -> dict[str, Any] | None:
    """Return a post as the database has it now, or None."""
    with app.app_context():
        row = db.session.execute(select(Post.__table__).where(Post.slug == slug)).mappings().first()
        return dict(row) if row else None

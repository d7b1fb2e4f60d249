"""One example of each body, going in and coming out: what the document shows (checked in test_api_document.py)."""

from typing import Any

_POST = {
    "id": 7,
    "slug": "the-letter-slot",
    "title": "The letter slot",
    "body": "A door has *two* sides.",
    "excerpt": "A door has two sides.",
    "status": "published",
    "author": {"handle": "ada", "name": "Ada"},
    "tags": ["boundaries"],
    "published_at": "2026-11-22T09:30:00Z",
    "updated_at": "2026-11-22T09:30:00Z",
    "version": 3,
    "url": "https://hallway.example/blog/the-letter-slot",
}
_ADA = {"handle": "ada", "name": "Ada"}

EXAMPLES: dict[str, Any] = {
    "PostIn": {"title": "The letter slot", "body": "A door has *two* sides.", "tags": ["boundaries"]},
    "PostChange": {"title": "The letter slot, again"},
    "PostOut": _POST,
    "PostsOut": {"data": [_POST], "next_cursor": "WzddAA"},
    "TagsOut": {"data": [{"name": "boundaries", "posts": 4}], "next_cursor": None},
    "AuthorsOut": {"data": [{**_ADA, "bio": "Keeps the house.", "posts": 9}], "next_cursor": None},
    "MeOut": {
        "key": "8hT2kQpZ0x",
        "name": "The bookshop",
        "scopes": ["posts:read", "posts:write"],
        "person": {**_ADA, "role": "owner"},
    },
    "ProblemOut": {
        "type": "https://hallway.example/api/problems/invalid",
        "title": "Not valid",
        "status": 422,
        "detail": "Field required.",
        "errors": [{"pointer": "#/title", "detail": "Field required"}],
    },
    "text/csv": "id,slug,title,…\r\n7,the-letter-slot,The letter slot,…\r\n",
    "application/x-ndjson": '{"id":7,"slug":"the-letter-slot","title":"The letter slot",…}\n',
}


def add_example(schema: dict[str, Any], model: type) -> None:
    """Give a model's schema its example, and the name by which the document knows it."""
    schema["title"] = model.__name__.removesuffix("Out")
    if model.__name__ in EXAMPLES:
        schema["examples"] = [EXAMPLES[model.__name__]]

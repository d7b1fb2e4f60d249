"""The other way to publish: a handler for a client of our own. Competent, and reviewed as the rest is.

It belongs to `/lab/two-ways`, which shows it beside the action that the site really uses.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import abort, request
from pydantic import BaseModel, ConfigDict, ValidationError

from flask_revalidation import Busy, retried, revalidate_tag, write
from flask_server_actions.csrf import require_same_origin
from labs.blueprint import bp
from models import MayNotPublish, NotFound, Post, PostFilter, PostStatus
from web.auth import current_user, load_user, writers

Answer = tuple[dict[str, Any], int]
ROWS = 4  # of the list, on both sides


class Publication(BaseModel):
    """What the client asks for."""

    model_config = ConfigDict(extra="forbid")

    published: bool


@bp.post("/lab/two-ways/posts/<int(max=2147483647):post_id>/publication")
def publish(post_id: int) -> Answer:
    """Publish a post or take it back, and say in JSON what became of it."""
    require_same_origin()
    try:
        wanted = Publication.model_validate_json(request.get_data())
        return _publish(post_id, wanted)
    except ValidationError:
        return {"error": 'Send {"published": true} or false.'}, 400
    except NotFound:
        return {"error": "There is no such post of yours."}, 404
    except MayNotPublish:
        return {"error": "You may not publish."}, 403
    except Busy:
        return {"error": "The database is busy. Please try again."}, 503


@retried
def _publish(post_id: int, wanted: Publication) -> Answer:
    with write(by="two-ways publish"):
        user = load_user()
        if user is None or not writers(user):
            return {"error": "Please sign in as somebody who writes."}, 401 if user is None else 403
        post = user.find_post(post_id)
        post.publish(user) if wanted.published else post.unpublish(user)
        revalidate_tag(*post.cache_tags)
        return {"id": post.id, "published": post.is_published}, 200


def for_writers(view: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """Answer those who write, for drafts are nobody else's."""

    @wraps(view)
    def serve() -> dict[str, Any]:
        return view() if writers(current_user()) else abort(403)

    return serve


@bp.get("/lab/two-ways/posts")
@for_writers
def posts() -> dict[str, Any]:
    """List what the client shows."""
    rows = PostFilter(None).page(by=Post.created_at, size=ROWS).rows
    return {"posts": [{"id": post.id, "title": post.title, "published": post.is_published} for post in rows]}


@bp.get("/lab/two-ways/published")
@for_writers
def published() -> dict[str, int]:
    """Count what readers see."""
    return {"published": PostFilter().count()}


@bp.get("/lab/two-ways/drafts")
@for_writers
def drafts() -> dict[str, int]:
    """Count the drafts: for the badge."""
    return {"drafts": PostFilter(PostStatus.DRAFT).count()}

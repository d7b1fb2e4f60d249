"""`/lab/two-ways`: the same "publish", once by an action and once by a handler, a fetch and a store in the client.

Both sides are code that runs, shown from its files, and counted there.
"""

import re
from typing import Any, Literal

from flask import render_template
from markupsafe import Markup
from pydantic import BaseModel

from actions.fields import OnePost
from flask_revalidation import cached
from labs import publish_handler as other
from labs.blueprint import bp
from labs.source import Source
from models import Post, PostFilter, PostStatus
from pages.paging import asked
from web.auth import current_user, writers

STORE, BADGE, FORGETS = (f"labs/static/{name}.js" for name in ("store", "badge", "badge-forgets"))
# What the detector says in tests and in bin/dev (tests/test_labs_two_ways.py makes it say so).
FORGOTTEN = (
    "posts.publish_post changed table post, which the cached copy … shows, and revalidated none of its tags. Readers"
    " would keep seeing the old one. Give that part a tag for them, and revalidate it here."
)


class Switches(BaseModel):
    """`?badge=1`: a colleague has added a badge; `&forgets=1`: and has forgotten something."""

    badge: Literal["1"] | None = None
    forgets: Literal["1"] | None = None


def badge() -> Markup:
    """Show how many drafts there are, under the tag that every change of a post replaces."""
    return cached("lab.badge", tags=["posts"], render=lambda: str(PostFilter(PostStatus.DRAFT).count()))


def our_pieces(has_badge: bool) -> list[Source]:
    """Return all that the action's side consists of."""
    pieces = [Source.of(OnePost), Source.of_action("posts.publish_post"), Source.of_action("posts.unpublish_post")]
    pieces += [Source.of_file("templates/posts/_publish.html"), Source.of_file("labs/templates/labs/_ours.html")]
    return [*pieces, *([Source.of(badge)] if has_badge else [])]


def other_pieces(has_badge: bool, forgets: bool) -> list[Source]:
    """Return all that the handler's side consists of."""
    functions = [other.Publication, other.publish, other._publish, other.posts, other.published]
    pieces = [*map(Source.of, functions), Source.of_file(STORE)]
    added = [Source.of(other.drafts), Source.of_file(FORGETS if forgets else BADGE)]
    return [*pieces, *(added if has_badge else [])]


def to_remember(pieces: list[Source]) -> int:
    """Count the places that name something to make fresh: tags that are revalidated, and things to ask again."""
    text = "\n".join(piece.text for piece in pieces)
    lists = re.findall(r"afterPublish = \[(.*)\]", text)
    tags = min(len(re.findall(r"revalidate_\w+\(", text)), 1)  # two verbs of a pair name the same tags
    return tags + sum(len(names.split(",")) for names in lists) + text.count("afterPublish.push(")


def side(pieces: list[Source]) -> dict[str, Any]:
    """Return what the page shows of a side."""
    return {"pieces": pieces, "lines": sum(piece.lines for piece in pieces), "places": to_remember(pieces)}


@bp.get("/lab/two-ways")
def two_ways() -> str:
    """Show both sides, each at work."""
    switches = asked(Switches)
    has_badge, forgets = bool(switches.badge), bool(switches.badge and switches.forgets)
    return render_template(
        "labs/two_ways.html",
        may=writers(current_user()),
        switches=switches,
        forgets=forgets,
        posts=PostFilter(None).page(by=Post.created_at, size=other.ROWS).rows,
        published=PostFilter().count(),
        drafts=badge() if has_badge else None,
        ours=side(our_pieces(has_badge)),
        theirs=side(other_pieces(has_badge, forgets)),
        forgotten=FORGOTTEN,
    )


@bp.get("/lab/two-ways/truth")
@other.for_writers
def truth() -> dict[str, int]:
    """Count again, without any copy: what the page is compared with."""
    return {"published": PostFilter().count(), "drafts": PostFilter(PostStatus.DRAFT).count()}

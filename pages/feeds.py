"""The newest posts for programs that read: Atom (RFC 4287) and JSON Feed 1.1. Every link begins with SITE."""

import re
from html import escape, unescape
from urllib.parse import urljoin

from flask import Blueprint, Response, current_app, render_template
from sqlalchemy.orm import undefer

from flask_revalidation import cached_page
from models import Post, PostFilter

bp = Blueprint("feeds", __name__)
NEWEST, WHOLE = 20, undefer(Post.body_html)  # how many, with their texts
NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2
LINK = re.compile(r'(<a href="|<img [^>]*src=")([^"]*)')


@bp.get("/feed.xml")
@cached_page(tags=["posts"])
def atom() -> Response:
    """Show the posts as Atom, with their whole text."""
    # One such character in one title, and no reader could parse any of it.
    text = NOT_XML.sub("\ufffd", _newest("feeds/atom.xml"))
    return Response(text, content_type="application/atom+xml; charset=utf-8")


@bp.get("/feed.json")
@cached_page(tags=["posts"])
def json_feed() -> Response:
    """Show the posts as JSON Feed."""
    return Response(_newest("feeds/feed.json"), content_type="application/feed+json")


def _newest(template: str) -> str:
    posts, site = PostFilter().page(WHOLE, size=NEWEST).rows, current_app.config["SITE"]
    return render_template(template, posts=posts, site=site, whole_text=_whole_text)


def _whole_text(post: Post, site: str) -> str:
    """Return the text with links that lead here from anywhere: many readers resolve none themselves."""
    return LINK.sub(lambda link: link[1] + escape(urljoin(site + post.path, unescape(link[2]))), post.body_html)

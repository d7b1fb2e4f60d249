"""For programs that visit: what there is to read, and where not to go. Every address begins with SITE."""

from flask import Blueprint, Response, current_app, render_template

from flask_revalidation import cached_page
from models import PostFilter

bp = Blueprint("machines", __name__)


@bp.get("/sitemap.xml")
@cached_page(tags=["posts"])
def sitemap() -> Response:
    """List the pages that are worth finding (sitemaps.org, protocol 0.9)."""
    posts = PostFilter().addresses()
    text = render_template("machines/sitemap.xml", posts=posts, site=current_app.config["SITE"])
    return Response(text, content_type="application/xml; charset=utf-8")


@bp.get("/robots.txt")
@cached_page()
def robots() -> Response:
    """Ask crawlers to stay out of the hallway, and out of searches without end (RFC 9309). It keeps nobody out."""
    text = render_template("machines/robots.txt", site=current_app.config["SITE"])
    return Response(text, content_type="text/plain; charset=utf-8")

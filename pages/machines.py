"""For programs that visit: what there is to read, and where not to go. Every address begins with SITE."""

from flask import Blueprint, Response, current_app, render_template

from flask_revalidation import cached_page
from models import Post, PostFilter
from models.bounds import MANY

bp = Blueprint("machines", __name__)


@bp.get("/sitemap.xml")
@cached_page(tags=["posts"])
def sitemaps() -> Response:
    """List the sitemaps, each with a bounded part of the posts (sitemaps.org, protocol 0.9)."""
    newest = PostFilter(None).page(by=Post.id, size=1).rows
    return _xml("machines/sitemaps.xml", parts=range(newest[0].id // MANY + 1 if newest else 1))


@bp.get("/sitemaps/<int(max=2000000):part>.xml")
@cached_page(tags=["posts"])
def sitemap(part: int) -> Response:
    """List pages that are worth finding: the first part has also those that are no posts."""
    return _xml("machines/sitemap.xml", posts=Post.addresses(part), part=part)


def _xml(template: str, **values: object) -> Response:
    text = render_template(template, site=current_app.config["SITE"], **values)
    return Response(text, content_type="application/xml; charset=utf-8")


@bp.get("/robots.txt")
@cached_page()
def robots() -> Response:
    """Ask crawlers to stay out of the hallway, and out of searches without end (RFC 9309). It keeps nobody out."""
    text = render_template("machines/robots.txt", site=current_app.config["SITE"])
    return Response(text, content_type="text/plain; charset=utf-8")

"""The heart under a post. Lists show the count, so they are revalidated as well."""

import secrets
from typing import Any

from flask import request

from actions.fields import OnePost
from flask_revalidation import revalidate_tag
from flask_server_actions import Result, action, anyone, success
from models import Like, Post, User
from web.auth import VISITOR, cookie_name, cookie_options, current_visitor, visitor_name
from web.rate_limit import RateLimit, network
from web.rate_limiter import DAY


def new_browser(_form: OnePost) -> str | None:
    """Where a browser without an account comes from, the first time: a program could be a new one without end."""
    return None if current_visitor() else network()


@action(allow=anyone("a reader may like something without an account"), rate_limit=[RateLimit(50, DAY, by=new_browser)])
def toggle_like(form: OnePost, user: User | None) -> Result:
    """Like a post, or no longer. A browser without an account is remembered by a cookie of its own."""
    post = Post.find_readable(form.post_id)
    visitor, cookies = _visitor(user)
    liked = Like.toggle(post, visitor)
    revalidate_tag(*post.cache_tags)
    return success("Liked. Thank you." if liked else "No longer liked.", cookies=cookies)


def _visitor(user: User | None) -> tuple[str, dict[str, Any]]:
    name, cookies = cookie_name(VISITOR), dict[str, Any]()
    browser = request.cookies.get(name, "")
    if user is None and not browser:
        browser = secrets.token_urlsafe(16)
        cookies = {name: (browser, cookie_options() | {"max_age": 365 * 24 * 3600})}
    visitor = visitor_name(user, browser)
    assert visitor  # noqa: S101  (one of the two is known by now)
    return visitor, cookies

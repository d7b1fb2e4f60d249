"""The heart under a post. Lists show the count, so they are revalidated as well."""

import secrets
from typing import Any

from flask import request

from actions.fields import OnePost
from flask_revalidation import revalidate_tag
from flask_server_actions import Result, action, anyone, success, too_many
from models import Like, Post, Throttle, User
from web.auth import VISITOR, cookie_name, cookie_options, visitor_name

FREE_FIRST_LIKES = 50  # by new browsers, per address and day


@action(allow=anyone("a reader may like something without an account"))
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
        # Each new browser is a new visitor, so a program without cookies could like without end.
        if wait := Throttle.seconds_to_wait("first like", request.remote_addr or ""):
            raise too_many("That is a lot of hearts. Please try again later.", retry_after=wait)
        Throttle.count_attempt("first like", request.remote_addr or "", free=FREE_FIRST_LIKES)
        browser = secrets.token_urlsafe(16)
        cookies = {name: (browser, cookie_options() | {"max_age": 365 * 24 * 3600})}
    visitor = visitor_name(user, browser)
    assert visitor  # noqa: S101  (one of the two is known by now)
    return visitor, cookies

"""The heart under a post. Lists show the count, so they are revalidated as well."""

import secrets

from actions.fields import OnePost
from actions.rate_limit import RateLimit, account
from flask_revalidation import revalidate_tag
from flask_server_actions import Result, action, anyone, success
from models import Like, Post, User
from web.auth import visitor_name
from web.gate import VISITOR, network, sign_cookie, signed_cookie
from web.rate_limiter import DAY


def known(_form: OnePost) -> str | None:
    """The browser that we have met before: a program could be a new one without end."""
    return signed_cookie(VISITOR) or account(_form)


# Each like is a row, also that of a browser that we know.
LIMITS = [RateLimit(50, DAY, by=network, unless=known), RateLimit(500, DAY, by=network, unless=account)]


@action(allow=anyone("a reader may like something without an account"), rate_limit=LIMITS)
def toggle_like(form: OnePost, user: User | None) -> Result:
    """Like a post, or no longer. A browser without an account is remembered by a cookie of its own."""
    post = Post.find_published(id=form.post_id)
    browser = signed_cookie(VISITOR) or secrets.token_urlsafe(16)
    liked = Like.toggle(post, visitor_name(user, browser))
    revalidate_tag(*post.cache_tags)
    cookies = {} if user else sign_cookie(VISITOR, browser)
    return success("Liked. Thank you." if liked else "No longer liked.", cookies=cookies)

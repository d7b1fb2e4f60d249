"""Who may look at a page of the house."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any
from urllib.parse import quote

from flask import Response, abort, redirect, request

from flask_revalidation import private_page
from models import User
from web.auth import current_user


def only(allowed: Callable[[User | None], bool], *tags: str) -> Callable[..., Callable[..., Response]]:
    """Show the page to those who are allowed; send others to sign in, or answer 403. The page is nobody else's copy.

    `tags` name everything that it shows: with them an open page follows what others do.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Response]:
        @wraps(view)
        def serve(**values: Any) -> Response:
            user = current_user()
            if user is None:
                sign_in = f"/sign-in?next={quote(request.full_path.rstrip('?'))}"
                return private_page(partial(redirect, sign_in, 303))
            if not allowed(user):
                abort(403, allowed.__doc__)
            return private_page(partial(view, **values), tags)

        return serve

    return decorate


def caller() -> User:
    """Return whom `only` has let in."""
    user = current_user()
    assert user  # noqa: S101
    return user


def no_store(view: Callable[..., Any], tags: tuple[str, ...] = ()) -> Callable[..., Response]:
    """Mark a page that is made for each caller, and kept by nobody; with `tags`, as in `only`, an open one follows."""

    @wraps(view)
    def serve(**values: Any) -> Response:
        return private_page(partial(view, **values), tags)

    return serve

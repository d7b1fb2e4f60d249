"""Who may look at a page of the house."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from flask import Response, abort, make_response, redirect, request

from models import User
from web.auth import current_user


def only(allowed: Callable[[User | None], bool]) -> Callable[..., Callable[..., Response]]:
    """Show the page to those who are allowed; send others to sign in, or answer 403. The page is nobody else's copy."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Response]:
        @no_store
        @wraps(view)
        def serve(**values: Any) -> Any:
            user = current_user()
            if user is None:
                return redirect(f"/sign-in?next={quote(request.full_path.rstrip('?'))}", 303)
            if not allowed(user):
                abort(403, allowed.__doc__)
            return view(**values)

        return serve

    return decorate


def no_store(view: Callable[..., Any]) -> Callable[..., Response]:
    """Mark a page that is made for each caller, and kept by nobody."""

    @wraps(view)
    def serve(**values: Any) -> Response:
        response = make_response(view(**values))
        response.headers["Cache-Control"] = "private, no-store"
        return response

    return serve

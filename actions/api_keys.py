"""Keys to the public door, cut and revoked by the people of the house. The developers' page lists them."""

from typing import Annotated, Literal

from pydantic import Field

from actions.fields import writers
from flask_revalidation import revalidate_tag
from flask_server_actions import Form, Refused, Success, action, conflict, success
from models import ApiKey, Scope, User
from web.fields import RowId

MOST_KEYS = 20  # that one person may hold at a time


class NewKey(Form):
    """Whom it is for, and what it opens."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    scope: Literal["posts:read", "posts:read posts:write"]


class OneKey(Form):
    """Which key."""

    key_id: RowId


@action(allow=writers)
def create_key(form: NewKey, user: User) -> Success | Refused:
    """Cut a key. Its text is on the very next page, and never again anywhere."""
    if ApiKey.count_open(user) >= MOST_KEYS:
        return conflict(f"You hold {MOST_KEYS} keys. Revoke one that is no longer needed first.")
    key, text = ApiKey.issue(user, form.name, [Scope(word) for word in form.scope.split()])
    revalidate_tag("api-keys")
    return success(f"The key “{key.name}” is cut. Copy it now.", key=text)


@action(allow=writers)
def revoke_key(form: OneKey, user: User) -> Success:
    """The key opens nothing any more, from this moment on."""
    key = ApiKey.find(user, form.key_id)
    key.revoke()
    revalidate_tag("api-keys")
    return success(f"The key “{key.name}” is revoked.")

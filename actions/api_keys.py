"""Keys to the public door, cut and revoked by the people of the house. The developers' page lists them."""

from typing import Literal

from pydantic import Field

from flask_revalidation import revalidate_tag
from flask_server_actions import Form, Result, action, conflict, success
from models import ApiKey, Scope, User
from web.auth import writers
from web.fields import Name, RowId

MOST_KEYS = 20  # that one person may hold at a time


class NewKey(Form):
    """Whom it is for, and what it opens."""

    name: Name = Field(title="Whom is it for?")
    scope: Literal["posts:read", "posts:read posts:write"] = Field(title="What may it do?")


class OneKey(Form):
    """Which key."""

    key_id: RowId


@action(allow=writers)
def create_key(form: NewKey, user: User) -> Result:
    """Cut a key. Its text is on the very next page, and never again anywhere."""
    if sum(key.user_id == user.id and not key.revoked_at for key in ApiKey.of(user)) >= MOST_KEYS:
        return conflict(f"You hold {MOST_KEYS} keys. Revoke one that is no longer needed first.")
    key, text = ApiKey.issue(user, form.name, [Scope(word) for word in form.scope.split()])
    revalidate_tag("api-keys")
    return success(f"The key “{key.name}” is cut. Copy it now.", reveal_once={"key": text})


@action(allow=writers)
def revoke_key(form: OneKey, user: User) -> Result:
    """The key opens nothing any more, from this moment on."""
    key = ApiKey.find(user, form.key_id)
    key.revoke()
    revalidate_tag("api-keys")
    return success(f"The key “{key.name}” is revoked.")

"""What the forms of the house have in common: kinds of fields, and who may."""

from flask_server_actions import Form
from models import User
from web.fields import RowId


class Nothing(Form):
    """No fields."""


class OnePost(Form):
    """Which post."""

    post_id: RowId


def writers(user: User | None) -> bool:
    """Owner, editors and authors."""
    return user is not None and user.is_writer


def editors(user: User | None) -> bool:
    """Owner and editors."""
    return user is not None and user.is_editor


def owner(user: User | None) -> bool:
    """The owner alone."""
    return user is not None and user.is_owner


def signed_in(user: User | None) -> bool:
    """Anyone with an account."""
    return user is not None

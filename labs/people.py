"""Becoming one of the demo's people without leaving the page that one is on."""

from typing import Literal

from actions.accounts import start_session
from flask_server_actions import Form, Result, action, success
from labs.exchange import LIMITS, OPEN
from models import User


class Person(Form):
    """Who to be."""

    person: Literal["ada", "bob", "cleo"]


@action(allow=OPEN, rate_limit=LIMITS)
def become(form: Person, _user: User | None) -> Result:
    """Be somebody else, on the same page."""
    user = User.find_author(form.person)
    return success(f"You are {user.name} now.", cookies=start_session(user))

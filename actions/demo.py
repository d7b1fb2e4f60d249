"""The demo's own buttons. Outside demo mode these actions do not exist."""

from typing import Literal

from actions.accounts import start_session
from actions.fields import Nothing
from demo.seed import seed
from models import NotFound, User
from revalidation import revalidate_everything
from server_actions import Form, Success, action, anyone, redirect

IN_DEMO = "the demo belongs to whoever tries it"


class Persona(Form):
    """Who to be."""

    persona: Literal["ada", "bob", "edith", "cleo"]


@action(allow=anyone(IN_DEMO))
def switch_persona(form: Persona, _user: User | None) -> Success:
    """Become someone else, without a password."""
    user = User.by_handle(form.persona)
    if user is None:
        raise NotFound(form.persona)
    start_session(user)
    return redirect("/dashboard" if user.is_writer else "/", f"You are {user.name} now.")


@action(allow=anyone(IN_DEMO))
def reset(_form: Nothing, user: User | None) -> Success:
    """Put everything back as it was at the start; whoever was signed in still is."""
    handle = user.handle if user else ""
    seed(replace=True)
    if handle and (again := User.by_handle(handle)):
        start_session(again)
    revalidate_everything()
    return redirect("/", "The demo is as it was at the start.")

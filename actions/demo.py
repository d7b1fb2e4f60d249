"""The demo's own buttons. Outside demo mode these actions do not exist."""

from typing import Annotated, Any, Literal

from flask import abort, current_app
from pydantic import Field

from actions.accounts import start_session
from actions.fields import Nothing
from actions.memberships import buyer
from actions.rate_limit import RateLimit
from demo.marker import why_not_filled
from demo.seed import seed
from demo.stripe_events import cancellation, deliver, payment
from flask_revalidation import revalidate_everything
from flask_server_actions import Form, Result, action, anyone, local_page, redirect
from models import User
from web.auth import current_member
from web.fields import Email
from web.gate import network
from web.rate_limiter import HOUR

IN_DEMO = anyone("the demo belongs to whoever tries it")
LIMITS = [RateLimit(600, HOUR, by=network)]


class Persona(Form):
    """Who to be, and where to go then, if not to the page where one is."""

    persona: Literal["ada", "bob", "edith", "cleo"]
    next: Annotated[str, Field(max_length=2000)] = ""


class DemoPayment(Form):
    """The checkout that is paid, and by whom."""

    session: Annotated[str, Field(pattern=r"^cs_demo_[0-9a-f]{24}$")]
    email: Email = Field(title="Your e-mail address")


@action(allow=IN_DEMO, rate_limit=LIMITS)
def switch_persona(form: Persona, _user: User | None) -> Result:
    """Become someone else, without a password. The page stays, and shows itself to that person, or says why not."""
    user = User.find_author(form.persona)
    return redirect(form.next and local_page(form.next), f"You are {user.name} now.", cookies=start_session(user))


@action(allow=IN_DEMO, rate_limit=LIMITS)
def reset(_form: Nothing, user: User | None) -> Result:
    """Put everything back as it was at the start; whoever was signed in still is."""
    if told := why_not_filled():
        raise Result(told, 409)
    seed(replace=True)
    again = User.by_email(user.email) if user else None
    revalidate_everything()
    return redirect("/", "The demo is as it was at the start.", cookies=start_session(again) if again else {})


@action(allow=IN_DEMO, rate_limit=LIMITS, writes=False)
def pay(form: DemoPayment, user: User | None) -> Result:
    """Come back as from a payment. What it writes comes through the door: signed events, delivered to the webhook."""
    name, cookies = buyer(user)
    _deliver(payment(form.session, form.email, name))
    return redirect("/support?thanks=1", "Welcome. The webhook has told us about your membership.", cookies=cookies)


@action(allow=IN_DEMO, rate_limit=LIMITS, writes=False)
def cancel(_form: Nothing, _user: User | None) -> Result:
    """Come back as from the customer portal, where a member has left."""
    _deliver([cancellation(current_member() or abort(404))])
    return redirect("/support", "Your membership has ended, as the webhook has told us. Nothing more will be charged.")


def _deliver(events: list[dict[str, Any]]) -> None:
    if current_app.config["STRIPE_SECRET_KEY"]:
        abort(404)  # the real one is in charge
    if (status := deliver(events)) >= 300:
        raise Result(f"The webhook answered {status}. Nothing was changed; press the button again.", 502)

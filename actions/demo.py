"""The demo's own buttons. Outside demo mode these actions do not exist."""

from typing import Annotated, Literal

from flask import abort, current_app
from pydantic import Field

from actions.accounts import start_session
from actions.fields import Nothing
from actions.rate_limit import RateLimit
from demo.marker import why_not_filled
from demo.seed import seed
from demo.stripe_events import deliver, encode, payment
from flask_revalidation import revalidate_everything
from flask_server_actions import Form, Result, action, anyone, redirect
from models import User
from web.fields import Email
from web.gate import network
from web.rate_limiter import HOUR

IN_DEMO = anyone("the demo belongs to whoever tries it")
LIMITS = [RateLimit(600, HOUR, by=network)]


class Persona(Form):
    """Who to be."""

    persona: Literal["ada", "bob", "edith", "cleo"]


class DemoPayment(Form):
    """The checkout that is paid, and by whom."""

    session: Annotated[str, Field(pattern=r"^cs_demo_[0-9a-f]{24}$")]
    email: Email = Field(title="Your e-mail address")


@action(allow=IN_DEMO, rate_limit=LIMITS)
def switch_persona(form: Persona, _user: User | None) -> Result:
    """Become someone else, without a password."""
    user = User.find_author(form.persona)
    page = "/dashboard" if user.is_writer else "/"
    return redirect(page, f"You are {user.name} now.", cookies=start_session(user))


@action(allow=IN_DEMO, rate_limit=LIMITS)
def reset(_form: Nothing, user: User | None) -> Result:
    """Put everything back as it was at the start; whoever was signed in still is."""
    email = user.email if user else ""
    if told := why_not_filled():
        raise Result(told, 409)
    seed(replace=True)
    again = User.by_email(email)
    revalidate_everything()
    return redirect("/", "The demo is as it was at the start.", cookies=start_session(again) if again else {})


def play_stripe(form: DemoPayment, _user: User | None) -> None:
    """Sign what Stripe would send after a payment, and deliver it to the webhook before the transaction begins."""
    if current_app.config["STRIPE_SECRET_KEY"]:
        abort(404)  # the real one is in charge
    secret = current_app.config["WEBHOOK_SECRETS"]["stripe"][0]
    for told in payment(form.session.removeprefix("cs_demo_"), form.email):
        if (status := deliver(encode(told), secret)) >= 300:
            raise Result(f"The webhook answered {status}. Nothing was paid; press the button again.", 502)


@action(allow=IN_DEMO, prepare=play_stripe, rate_limit=LIMITS)
def pay(_form: DemoPayment, _user: User | None, _delivered: None) -> Result:
    """Come back as from a payment. The membership itself has come through the door."""
    return redirect("/support?thanks=1", "Welcome. The webhook has told us about your membership.")

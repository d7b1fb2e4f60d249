"""What an operator of the demo is told, and types to play Stripe: `flask stripe send`."""

import click
from flask import current_app
from flask.cli import AppGroup

from demo.marker import PARTNER_KEY, PASSWORD, claim
from demo.seed import PEOPLE, seed
from demo.stripe_events import TYPES, encode, event, send


def settle(*, demo: bool) -> bool:
    """Fill the database with the demo, or say that it is a production's, inside a running write; return whether filled.

    Raises WrongDatabase.
    """
    if not demo:
        claim()
        return False
    if filled := seed():
        click.echo("The demo is filled: 24 posts, 186 members.")
    for name, role, _ in PEOPLE:
        click.echo(f"  {name.lower()}@hallway.example  {role:7}  password: {PASSWORD}")
    click.echo(f"  a partner's API key: {PARTNER_KEY}")
    return filled


stripe = AppGroup("stripe", help="Playing Stripe, without an account.")


@stripe.command("send")
@click.argument("type", type=click.Choice(TYPES))
@click.option("--to", help="The webhook's address; by default this site's own.")
@click.option("--secret", help="The signing secret, `whsec_…`; by default the first that this site knows.")
@click.option("--customer", default="cus_demo", help="Whom it is about.")
@click.option("--email", default="ina@post.example")
def send_event(type: str, to: str | None, secret: str | None, customer: str, email: str) -> None:
    """Sign an event of TYPE as Stripe does, and post it. Exit code 1 where it is not taken."""
    config = current_app.config
    secret = secret or next(iter(config["WEBHOOK_SECRETS"]["stripe"]), None)
    if secret is None:
        raise click.BadParameter("no signing secret is configured: give one with --secret")
    body = encode(event(type, customer=customer, email=email))
    try:
        status, answer = send(body, to=to or f"{config['SITE']}/api/webhooks/stripe", secret=secret)
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{status} {answer.strip()}")
    if not 200 <= status < 300:
        raise click.exceptions.Exit(1)

"""The contact form, and the inbox it fills."""

from typing import Annotated

from pydantic import Field

from actions.rate_limit import RateLimit
from flask_revalidation import revalidate_tag
from flask_server_actions import Form, Result, action, anyone, conflict, success
from models import Message, Setting, Switch, User
from web.auth import editors
from web.fields import NFC, Email, Name, RowId, Text
from web.gate import network
from web.rate_limiter import DAY


class MessageForm(Form):
    """A letter to the house. `leave_empty` is a trap: people do not see the field, programs fill it in."""

    name: Name = Field(title="Your name")
    email: Email = Field(title="Your address")
    message: Annotated[Text, Field(max_length=5000, pattern=r"\S", title="Your letter"), NFC]
    leave_empty: str = ""


class OneMessage(Form):
    """Which letter."""

    message_id: RowId


@action(allow=anyone("strangers write to us"), rate_limit=[RateLimit(20, DAY, by=network)])
def send_message(form: MessageForm, _user: User | None) -> Result:
    """Put a letter into the inbox. What sprang the trap is suspected, never lost: a browser may have filled it in."""
    if not Setting.is_on(Switch.CONTACT):
        return conflict("The contact form is closed at the moment; your words are still here.")
    Message.send(name=form.name, email=form.email, body=form.message, suspected=bool(form.leave_empty))
    revalidate_tag("messages")
    return success("Thank you. Your letter has arrived, and a person will read it.")


@action(allow=editors)
def mark_read(form: OneMessage, _user: User) -> Result:
    """Take a letter off the pile."""
    message = Message.find(form.message_id)
    message.mark_read()
    revalidate_tag("messages")
    return success(f"The letter from {message.name} is read.")


@action(allow=editors)
def mark_unread(form: OneMessage, _user: User) -> Result:
    """Put a letter back on the pile."""
    message = Message.find(form.message_id)
    message.mark_unread()
    revalidate_tag("messages")
    return success(f"The letter from {message.name} is unread again.")

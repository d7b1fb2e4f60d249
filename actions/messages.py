"""The contact form, and the inbox it fills."""

from typing import Annotated

from flask import request
from pydantic import Field

from actions.fields import editors
from flask_revalidation import revalidate_tag
from flask_server_actions import Form, Result, action, anyone, conflict, success, too_many
from models import Message, Setting, Throttle, User
from models.setting import Switch
from web.fields import Email, Name, RowId

FREE_MESSAGES = 20  # per address and day, before each further one has to wait


class MessageForm(Form):
    """A letter to the house. `website` is a trap: people do not see the field, programs fill it in."""

    name: Name = Field(title="Your name")
    email: Email = Field(title="Your address")
    message: Annotated[str, Field(min_length=1, max_length=5000, title="Your letter")]
    website: Annotated[str, Field(max_length=200)] = ""


class OneMessage(Form):
    """Which letter."""

    message_id: RowId


@action(allow=anyone("strangers write to us"))
def send_message(form: MessageForm, _user: User | None) -> Result:
    """Put a letter into the inbox."""
    if not Setting.is_on(Switch.CONTACT):
        return conflict("The contact form is closed at the moment; your words are still here.")
    if wait := Throttle.seconds_to_wait("letter", request.remote_addr or ""):
        return too_many("That is a lot of letters. Please try again later.", retry_after=wait)
    if not form.website:
        Throttle.count_attempt("letter", request.remote_addr or "", free=FREE_MESSAGES)
        Message.send(name=form.name, email=form.email, body=form.message)
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

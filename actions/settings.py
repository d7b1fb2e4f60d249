"""The owner's switches."""

from flask import current_app

from flask_revalidation import revalidate_tag
from flask_server_actions import Form, Result, action, conflict, invalid, success
from models import Setting, Switch, User
from web.auth import owner


class OneSwitch(Form):
    """Which switch."""

    key: Switch


@action(allow=owner)
def toggle_setting(form: OneSwitch, _user: User) -> Result:
    """Turn a switch the other way."""
    if form.key is Switch.FAIL_NEXT_SAVE and not current_app.config["DEMO"]:
        return invalid(key="This switch belongs to the demo.")
    revalidate_tag("settings")
    if form.key is not Switch.FAIL_NEXT_SAVE and Setting.is_on(Switch.FAIL_NEXT_SAVE):
        # Returned, not raised: that the failure has happened is itself a fact to be kept.
        Setting.toggle(Switch.FAIL_NEXT_SAVE)
        return conflict("This save was made to fail, as you asked. The switch is back where it was.")
    return success(f"{form.key.sentence}: {'on' if Setting.toggle(form.key) else 'off'}.")

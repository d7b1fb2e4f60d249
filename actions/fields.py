"""Forms that several actions share."""

from flask_server_actions import Form
from web.fields import RowId


class Nothing(Form):
    """No fields."""


class OnePost(Form):
    """Which post."""

    post_id: RowId

"""What takes long, and is made of a form before the write lock is taken: `prepare=` of actions."""

from typing import Any

from flask_server_actions import invalid
from models.text import to_html
from web.pictures import draw_anew


def render(form: Any, _user: Any) -> str:
    """Render the text: a hostile one takes seconds."""
    return to_html(form.body)


def draw(form: Any, _user: Any) -> dict[str, Any]:
    """Draw the picture anew, or refuse it beside its field."""
    return draw_anew(form.picture.stream.read(), lambda told: invalid(picture=told))

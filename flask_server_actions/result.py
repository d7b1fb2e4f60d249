"""What an action answers: one `Result`, returned or raised, and the short names for the usual ones."""

from dataclasses import dataclass, field
from typing import Any

from flask_server_actions.sentences import sentence


@dataclass(eq=False)
class Result(Exception):
    """What became of a form. Returned, what the action wrote is committed; raised, it is rolled back.

    `status` is the HTTP status; below 400 it is done. `location` is the page to go to, if not the one the form was on.
    `errors` are sentences by field, `current` is what someone else saved meanwhile. `undo` offers to take it back: the
    label of a button, the name of its action, and what is bound to it. `cookies` are set if it is done, and the fresh
    page already sees them: by name a value and Flask's options. `focus` is the id of what the reader
    goes on with. `reveal_once` stands on the very next page and is stored nowhere; `keep_form` leaves the form as it
    was sent, as for a preview, but for `fields`; its action may be sent again, and has to be harmless then. `headers`
    are those of the answer. `data` is for callers in Python. The mechanism adds what the page needs of the form:
    `action`, `fields`, and `resume`, a form to go back to.
    """

    message: str = ""
    status: int = 200
    location: str = ""
    errors: dict[str, list[str]] = field(default_factory=dict)
    current: dict[str, Any] = field(default_factory=dict)
    undo: tuple[str, str, dict[str, Any]] | None = None
    cookies: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict, repr=False)
    focus: str = ""
    reveal_once: dict[str, str] = field(default_factory=dict, repr=False)
    keep_form: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    data: Any = None
    action: str = ""
    fields: dict[str, list[str]] = field(default_factory=dict, repr=False)
    resume: Any = field(default=None, repr=False)

    @property
    def ok(self) -> bool:
        """Whether it is done."""
        return self.status < 400


def success(message: str, **more: Any) -> Result:
    """Answer with the page the form was on, fresh, and this message; `more` are other fields of `Result`.

    `reveal_once` is for what is told only once, such as a new key; the template finds it in `last_result()`. A plain
    form then gets the page itself instead of a 303, and whoever sends the form again gets the message alone.
    """
    return Result(message, **more)


def redirect(location: str, message: str = "", **more: Any) -> Result:
    """Answer with another page. A path of this site arrives in the same round trip; an address elsewhere is gone to."""
    return Result(message, location=location, **more)


def invalid(message: str = "", **errors: str) -> Result:
    """Refuse what was typed (422): one sentence per field, beside the field."""
    return Result(message or sentence("invalid"), 422, errors={name: [text] for name, text in errors.items()})


def conflict(message: str, **current: Any) -> Result:
    """Refuse because someone else was first (409); `current` is what is there now, to stand beside what was typed."""
    return Result(message, 409, current=current)


def too_many(message: str, *, retry_after: int) -> Result:
    """Refuse because it was tried too often (429); `retry_after` is in seconds."""
    return Result(message, 429, headers={"Retry-After": str(retry_after)})

"""What an action may answer: it worked, go there, or no, and why."""

import json
from dataclasses import dataclass, field
from typing import Any

from flask import Response, g


@dataclass(frozen=True)
class Undo:
    """The action that takes a success back, and what its button says. The page offers it beside the message."""

    label: str
    action: str
    fields: dict[str, Any]

    def to_json(self) -> str:
        """Return it as a redirect carries it, and as it is stored with the form's key."""
        return json.dumps([self.label, self.action, self.fields])

    @classmethod
    def from_json(cls, text: str | None) -> "Undo | None":
        """Return what `to_json` wrote."""
        return cls(*json.loads(text)) if text else None


@dataclass(frozen=True)
class Success:
    """It is done. The page it was sent from comes back fresh, or the page at `location`.

    `focus` is the id of what the reader goes on with there; `keeps` says that the form stays as it was sent. `shown`
    stands on that one page and nowhere else: it is not stored with the form's key, and no redirect carries it.
    """

    message: str
    location: str = ""
    undo: Undo | None = None
    focus: str = ""
    shown: dict[str, str] = field(default_factory=dict, repr=False)
    keeps: bool = False


class Refused(Exception):
    """It is not done, and a person can mend that: the page comes back with the form as it was sent.

    Raised, it rolls the transaction back; returned, what was written (a counted failure) is committed.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: dict[str, list[str]] | None = None,
        theirs: dict[str, Any] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after
        self.errors, self.theirs = errors or {}, theirs or {}


def success(message: str, *, undo: Undo | None = None, focus: str = "", **shown: str) -> Success:
    """Answer with the page the form was on, fresh, and this message; `undo` offers to take it back.

    `shown` is for what is told only once, such as a new key: the template finds it in `page_state().shown`. A plain
    form then gets the page itself instead of a 303, and whoever sends the form again gets the message without it.
    """
    return Success(message, undo=undo, focus=focus, shown=shown)


def look(message: str, **shown: str) -> Success:
    """Answer with the page as it was, the form still filled in as it was sent, and `shown` beside it."""
    return Success(message, shown=shown, keeps=True)


def redirect(location: str, message: str = "") -> Success:
    """Answer with another page. A path of this site arrives in the same round trip; an address elsewhere is gone to."""
    return Success(message, location)


def invalid(message: str = "That could not be saved yet.", **errors: str) -> Refused:
    """Refuse what was typed (422): one sentence per field, beside the field."""
    return Refused(422, message, errors={name: [text] for name, text in errors.items()})


def conflict(message: str, **theirs: Any) -> Refused:
    """Refuse because someone else was first (409); `theirs` is shown beside what was typed."""
    return Refused(409, message, theirs=theirs)


def too_many(message: str, *, retry_after: int) -> Refused:
    """Refuse because it was tried too often (429); `retry_after` is in seconds."""
    return Refused(429, message, retry_after=retry_after)


def set_cookie(name: str, value: str | None, **options: Any) -> None:
    """Set a cookie with the answer, or delete it (None), if the action succeeds. The fresh page already sees it."""
    outgoing_cookies()[name] = (value, options)


def outgoing_cookies() -> dict[str, tuple[str | None, dict[str, Any]]]:
    """Return the cookies that the running action sets."""
    if "action_cookies" not in g:
        g.action_cookies = {}
    cookies: dict[str, tuple[str | None, dict[str, Any]]] = g.action_cookies
    return cookies


def send_cookies(response: Response) -> None:
    """Put the cookies of the running action on the response."""
    for name, (value, options) in outgoing_cookies().items():
        if value is None:
            response.delete_cookie(name, **{k: v for k, v in options.items() if k != "max_age"})
        else:
            response.set_cookie(name, value, **options)

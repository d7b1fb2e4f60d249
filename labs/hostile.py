"""Hostile requests against every action that is registered, and what becomes of them.

Nothing here knows an action by its name alone: what is sent follows from the schema, who may from the policy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from secrets import token_hex
from typing import Any

from demo.marker import PASSWORD
from demo.picture import envelope
from flask_server_actions import Action
from flask_server_actions.csrf import require_same_origin
from flask_server_actions.dispatch import run
from flask_server_actions.form import rules
from flask_server_actions.idempotency import recall
from labs.scratch import OURS, Site
from labs.source import Source
from models import ApiKey, Delivery, Message, User, now

FOREIGN = {"Origin": "https://mallory.example", "Sec-Fetch-Site": "cross-site"}


@dataclass(frozen=True)
class Verdict:
    """What became of an attack: the status, whether anything was written, and the code that said no."""

    attack: str
    status: int
    wrote: bool
    refused_by: Source | None = None
    note: str = ""

    @property
    def repelled(self) -> bool:
        """Whether it was for nothing."""
        return self.status >= 400 or not self.wrote


def good_fields(site: Site, item: Action) -> dict[str, Any]:
    """Return a form that Ada may send, from the schema: her own things, and something fitting in each other field."""
    state = {"restore": "deleted", "publish": "draft", "schedule": "draft"}.get(
        item.name.split(".")[1].partition("_")[0], "live"
    )
    known: dict[str, Any] = {field: ids.get(state) or next(iter(ids.values())) for field, ids in site.ids.items()}
    known |= {"version": site.version, "session": f"cs_demo_{token_hex(12)}", "email": "ada@hallway.example"}
    known |= {"picture": envelope()}
    known |= {"password": PASSWORD, "publish_at": f"{now() + timedelta(days=1):%Y-%m-%dT%H:%M}"}
    fields = {name: rule for name, rule in rules(item.schema).items() if rule["required"]}
    return {name: known.get(name) or (rule.get("enum") or ["Mallory was here"])[0] for name, rule in fields.items()}


def _finder(item: Action) -> Any:
    """Return what finds the thing that an action is about, through its caller."""
    finders = {"post_id": User.find_post, "comment_id": User.find_comment, "key_id": ApiKey.find}
    finders |= {"message_id": Message.find, "delivery_id": Delivery.find}
    return next((finders[field] for field in item.schema.model_fields if field in finders), None)


def another_ones(site: Site, item: Action) -> Verdict | None:
    """Bob, an author, names a thing of Ada's."""
    if _finder(item) is None:
        return None
    status, wrote = _try(site, item, person="bob")
    by = {403: item.allow, 404: _finder(item)}.get(status)
    return _verdict("another", status, wrote, by, note="what anybody may do to it" if status < 400 else "")


def extra_field(site: Site, item: Action) -> Verdict:
    """Ada’s form, with a field more: role=owner."""
    status, wrote = _try(site, item, person="ada", extra={"role": "owner"})
    return _verdict("extra", status, wrote, item.schema)


def nobody(site: Site, item: Action) -> Verdict:
    """The form as it should be, from somebody who is not signed in."""
    status, wrote = _try(site, item)
    return _verdict("nobody", status, wrote, item.allow, note=f"open to {item.allow.__name__}" if status < 400 else "")


def by_get(site: Site, item: Action) -> Verdict:
    """Ada is sent a link to the action’s address, fields and all."""
    status, wrote = _try(site, item, method="GET", person="ada")
    return _verdict("get", status, wrote, run)


def foreign_page(site: Site, item: Action) -> Verdict:
    """Ada looks at a page of Mallory’s, which sends the form in her name."""
    status, wrote = _try(site, item, person="ada", headers=FOREIGN)
    return _verdict("foreign", status, wrote, require_same_origin)


def replay(site: Site, item: Action) -> Verdict:
    """Ada’s form arrives twice, with the one one-time key."""
    fields = good_fields(site, item) | {"_key": token_hex(16)}
    first, before = _send(site, item, fields, person="ada"), site.commits()
    status = _send(site, item, fields, person="ada")
    wrote = site.commits() != before
    site.put_back()
    note = f"first {first}, then {status}: " + ("acted again, for it sets a cookie" if wrote else "acted once")
    return Verdict("replay", status, wrote, None if wrote else Source.of(recall), note)


Table = dict[str, dict[str, Verdict | None]]
ATTACKS: dict[str, tuple[str, Callable[[Site, Action], Verdict | None]]] = {
    "another": ("Somebody else’s thing", another_ones),
    "extra": ("A field more: role=owner", extra_field),
    "nobody": ("Nobody signed in", nobody),
    "get": ("A link instead of a form", by_get),
    "foreign": ("A page elsewhere", foreign_page),
    "replay": ("Sent twice", replay),
}


def _try(site: Site, item: Action, *, extra: dict[str, str] | None = None, **how: Any) -> tuple[int, bool]:
    """Send the form once, and return the status and whether anything was written; what was is undone."""
    before = site.commits()
    status = _send(site, item, good_fields(site, item) | (extra or {}), **how)
    wrote = site.commits() != before
    if wrote:
        site.put_back()
    return status, wrote


def _send(
    site: Site, item: Action, fields: dict[str, Any], *, method: str = "POST", person: str = "", headers: Any = OURS
) -> int:
    # A file is read once, so each request has one of its own.
    data = {name: (BytesIO(it), "a.png") if isinstance(it, bytes) else it for name, it in fields.items()}
    return site.ask(method, f"/_actions/{item.name}", data, person=person, headers=headers).status_code


def _verdict(attack: str, status: int, wrote: bool, refused_by: Any, note: str = "") -> Verdict:
    return Verdict(attack, status, wrote, Source.of(refused_by) if refused_by and status >= 400 else None, note)

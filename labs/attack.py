"""`/lab/attack`: buttons that send hostile requests, to a copy of the site, and say what became of them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Annotated, Literal
from urllib.parse import urlencode

from flask import current_app, render_template, request
from pydantic import Field

from actions.fields import Nothing
from actions.rate_limit import RateLimit
from flask_server_actions import Action, Form, Result, action, conflict, invalid, last_result, success
from labs.blueprint import bp
from labs.exchange import LIMITS, OPEN, Call, Exchange
from labs.hostile import ATTACKS, Table, good_fields
from labs.scratch import OURS, Site
from labs.source import Source
from models import User
from web.gate import network
from web.rate_limiter import HOUR

_one_at_a_time = Lock()
AS_A_PAGE = {"HX_Request": "true"}  # so that the answer is the page


@cache
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="labs-")  # gone with the process


@cache
def _site() -> Site:
    return Site(Path(_folder().name))


@contextmanager
def the_copy() -> Iterator[Site]:
    """Have the copy of the site for oneself: whoever tries something shares a database."""
    if not _one_at_a_time.acquire(timeout=20):
        raise conflict("Others are trying something just now. Please try again.")
    try:
        yield _site()
    finally:
        _one_at_a_time.release()


def verdicts(names: Iterable[str], attacks: Iterable[str] = ATTACKS) -> Table:
    """Try attacks against actions, and return what became of each."""
    with the_copy() as site:
        return {name: {attack: ATTACKS[attack][1](site, site.actions[name]) for attack in attacks} for name in names}


def rehearse(make: Callable[[Site], Call], person: str = "") -> Exchange:
    """Send a request to the copy, return what came of it, and undo it."""
    with the_copy() as site:
        call = make(site)
        headers = {**OURS, **call.headers}
        with closing(site.ask(call.method, call.path, call.body, person=person, headers=headers)) as answer:
            exchange = Exchange.of(call, answer)
        site.put_back()
        return exchange


def good_form(name: str) -> Exchange:
    """Send an action's form to the copy, as Ada would."""

    def make(site: Site) -> Call:
        fields = urlencode(good_fields(site, site.actions[name])).replace("Mallory", "Ada")
        return Call.form(name, fields, **AS_A_PAGE)

    return rehearse(make, "ada")


def targets() -> dict[str, Action]:
    """Return every action that is registered, by name, but for those that teach: they are not in the copy."""
    actions = sorted(current_app.extensions["server_actions"].actions.items())
    return {name: item for name, item in actions if not item.function.__module__.startswith(("labs.", "xray."))}


class Target(Form):
    """Which action, and how."""

    name: Annotated[str, Field(max_length=80)]
    attack: Literal[*ATTACKS]  # type: ignore[valid-type]


def try_target(form: Target, _user: User | None) -> Table:
    """Try one attack against one action."""
    if form.name not in targets():
        raise invalid(name="There is no such action.")
    return verdicts([form.name], [form.attack])


def try_everything(_form: Nothing, _user: User | None) -> Table:
    """Try every attack against every action."""
    return verdicts(targets())


@action(allow=OPEN, prepare=try_target, writes=False, rate_limit=LIMITS)
def try_one(form: Target, _user: User | None, table: Table) -> Result:
    """Show what became of one attack."""
    verdict = table[form.name][form.attack]
    told = f"{ATTACKS[form.attack][0]}: {verdict.status}." if verdict else "There is nothing of anybody’s to reach for."
    return success(told, data=table, reveal_once={"lab": form.name})


@action(allow=OPEN, prepare=try_everything, writes=False, rate_limit=[RateLimit(20, HOUR, by=network)])
def try_all(_form: Nothing, _user: User | None, table: Table) -> Result:
    """Show what became of all attacks."""
    tried = [verdict for row in table.values() for verdict in row.values() if verdict]
    return success(f"{len(tried)} hostile requests were sent.", data=table, reveal_once={"lab": "all"})


@bp.get("/lab/attack")
def attack() -> str:
    """Show the actions, and beside the one that is chosen the attacks."""
    listed = targets()
    chosen = request.args.get("action", "")
    chosen = chosen if chosen in listed else "posts.publish_post"
    return render_template(
        "labs/attack.html",
        actions=listed,
        chosen=chosen,
        curl=_curl(listed[chosen]),
        attacks={slug: (label, sending.__doc__) for slug, (label, sending) in ATTACKS.items()},
        table=last_result().data or {},
        source_of_action=Source.of_action,
    )


def _curl(item: Action) -> str:
    """Return the request of a form of ours as a line for a terminal: every field, and the headers of a browser."""
    fields = urlencode({name: "1" if name.endswith("_id") else "…" for name in item.schema.model_fields})
    return Call.form(item.name, fields, Origin=request.host_url.rstrip("/"), Sec_Fetch_Site="same-origin").curl

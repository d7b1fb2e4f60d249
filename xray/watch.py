"""What is watched: the signals of the libraries and of the application, Flask's own, and the database's events.

Each receiver adds to the trace of the request that runs here and now, and does nothing where there is none.
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

from flask import Flask, Response, current_app, g, has_app_context, request, request_finished
from sqlalchemy import event, inspect

from api import auth
from flask_revalidation import signals as revalidation
from flask_server_actions import signals as actions
from flask_server_actions.declare import place
from models import db
from web import rate_limiter
from xray.monitor import lines_of
from xray.places import EVERYTHING, label_of
from xray.redact import hide, selector_of
from xray.story import told
from xray.trace import Trace, current

_BEGAN = "xray_began"
receivers: list[Any] = []  # signals know their receivers weakly


def watched(signal: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Connect a function to a signal: it gets the running trace first. What fails in it fails nothing else."""

    def declare(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def receive(sender: Any, **facts: Any) -> None:
            if trace := current.get():
                with suppress(Exception):
                    function(trace, sender, **facts)

        receivers.append((signal, receive))
        return function

    return declare


def connect(app: Flask) -> None:
    """Begin to watch an application."""
    for signal, receive in receivers:
        signal.connect(receive)
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", _statement_begins)
        event.listen(db.engine, "after_cursor_execute", _statement_ended)


@watched(actions.parsed)
def _parsed(trace: Trace, action: Any, form: Any) -> None:
    texts = g.get("submitted", {})
    trace.facts["fields"] = {name: hide(name, texts.get(name, [""])) for name in action.schema.model_fields}
    count = len(form.model_fields_set)
    trace.step("schema", f"{action.schema.__name__} fits: {count} field{'s' if count != 1 else ''}, and no other")


@watched(actions.authorised)
def _authorised(trace: Trace, action: Any, user: Any, allowed: bool) -> None:
    trace.facts["who"] = _person(user)
    verdict = "lets pass" if allowed else "refuses"
    trace.step("policy", f"{action.allow.__name__} {verdict} {trace.facts['who'] or 'nobody'}", allowed)
    asked = sum(step["what"] == "policy" for step in trace.facts["steps"])
    if allowed and asked > bool(action.prepare) and (trace.followed or current_app.extensions["xray"].is_followed):
        trace.lines = lines_of(action.function)
        trace.lines.start()


@watched(actions.ran)
def _ran(trace: Trace, action: Any, result: Any) -> None:
    trace.step("function", f"{action.name}: {result.message or 'done'}", result.ok)
    trace.facts["message"] = result.message


@watched(actions.refused)
def _refused(trace: Trace, _action: Any, result: Any) -> None:
    trace.facts["fields"] = {name: hide(name, texts) for name, texts in g.get("submitted", {}).items()}
    trace.step("refused", result.message, result.ok, errors=result.errors, status=result.status)


@watched(revalidation.write_began)
def _write_began(trace: Trace, write: Any) -> None:
    trace.step("begin", f"write transaction of {write.by}", good=None)


@watched(revalidation.write_ended)
def _write_ended(trace: Trace, write: Any, error: Any) -> None:
    if trace.lines:
        trace.lines.stop()
    if error is None:
        _committed(trace, write)
    else:
        trace.step("rollback", f"{type(error).__name__}: nothing is written, no tag is replaced", good=False)


@watched(revalidation.copy_used)
def _copy_used(trace: Trace, entry: Any, hit: bool) -> None:
    how = "hit" if hit else "filled" if entry.kept else "refused"
    own = sorted(entry.tags) or sorted(tag for tag in entry.versions if tag)
    versions = {tag: version[-6:] for tag, version in entry.versions.items()}
    trace.part({"key": entry.key, "label": label_of(entry.key), "how": how, "tags": own, "versions": versions,
                "bytes": len(entry.body), "selector": selector_of(entry.body)})  # fmt: skip


@watched(auth.checked)
def _checked(trace: Trace, kind: str, passed: bool, key: Any = None) -> None:
    if key is not None:
        trace.facts["who"] = f"key “{key.name}” of {key.user.name}, {key.scopes}"
    asked = kind == "signature" or "Authorization" in request.headers
    trace.step(kind, f"the {kind} holds" if passed else f"{'a bad' if asked else 'no'} {kind}", passed or not asked)


@watched(rate_limiter.counted)
def _counted(trace: Trace, _bucket: str, reading: Any) -> None:
    trace.step("quota", f"{max(0, reading.left)} of {reading.limit} left", reading.left >= 0)


@watched(request_finished)
def _finished(trace: Trace, app: Flask, response: Response) -> None:
    """Note which function has answered; of an action, which page was rendered again."""
    if request.path.startswith("/api/") and any(name in request.cookies for name in _private(app)):
        trace.sign("cookie at the API")
    name = request.endpoint or ""
    if name == "server_actions.run":
        trace.facts["name"] = str((request.view_args or {})["name"])
        action = app.extensions["server_actions"].actions.get(trace.facts["name"])
        trace.facts["place"] = place(action.function) if action else ""
        return
    trace.facts["who"] = trace.facts["who"] or _person(g.get("user"))
    if trace.facts["boundary"] == "action" and not request.path.startswith("/_actions/"):
        after = ", after the commit" if any(step["what"] == "commit" for step in trace.facts["steps"]) else ""
        trace.step("page", f"{name} renders {request.path} again{after}", response.status_code < 400)
    elif name:
        trace.facts["name"], trace.facts["place"] = name, place(app.view_functions[name])


def _private(app: Flask) -> list[str]:
    return list(app.extensions["revalidation"].private_cookies[:1])


def _person(user: Any) -> str:
    """Name who is signed in, by what is loaded already: nothing is asked for a trace."""
    known = inspect(user).dict if user is not None else {}
    return f"{known['name']}, {known['role']}" if known.keys() >= {"name", "role"} else ""


def _statement_begins(connection: Any, _cursor: Any, _text: str, _values: Any, _context: Any, _many: bool) -> None:
    if current.get():
        connection.info[_BEGAN] = time.perf_counter()


def _statement_ended(connection: Any, _cursor: Any, text: str, _values: Any, _context: Any, _many: bool) -> None:
    if (trace := current.get()) and (began := connection.info.pop(_BEGAN, None)):
        trace.statement(text, time.perf_counter() - began)


def _committed(trace: Trace, write: Any) -> None:
    tags = sorted(tag or EVERYTHING for tag in write.tags)
    trace.facts["tags"] += [tag for tag in tags if tag not in trace.facts["tags"]]
    trace.step("commit", f"data and {len(tags)} tag versions, in one moment", tags=tags)


def _schedule_ended(write: Any, error: Any) -> None:
    """Keep a trace of what no request has asked for: the schedule, a command."""
    store = current_app.extensions.get("xray") if has_app_context() and current.get() is None else None
    if store is not None and error is None:
        trace = Trace("schedule" if "SERVER_SOFTWARE" in os.environ else "command")  # gunicorn sets it
        trace.facts.update(name=write.by, ms=0)
        _committed(trace, write)
        trace.facts.update(told(trace.facts))
        store.put(trace.facts)


receivers.append((revalidation.write_ended, _schedule_ended))

"""The same request again, as somebody else; and as text to take along: for a terminal, for a test."""

import re
import shlex
from typing import Any, Literal
from urllib.parse import quote, urlencode

from flask import abort, current_app, request
from pydantic import Field
from werkzeug.test import create_environ, run_wsgi_app

from flask_server_actions import Form, Result, action, anyone, redirect, success
from web.gate import network
from web.rate_limiter import HOUR
from xray.redact import HIDDEN
from xray.trace import FOLLOWED, UNSEEN, Facts

PEOPLE = ("ada", "bob", "edith", "cleo")
EXTRA = {"role": "owner"}
STANDS_FOR = "hidden@letters.example"  # a value that was not kept


class Replayed(Form):
    """Which trace, and as whom: one of the demo's people, nobody, or the same one with a field too many."""

    trace: str = Field(pattern=r"^[0-9a-f]{12}$")
    persona: Literal["ada", "bob", "edith", "cleo", "nobody", "same"] = "nobody"
    extra: bool = False


class Nothing(Form):
    """A form that says all by being there."""


def _limits() -> list[Any]:
    from actions.rate_limit import RateLimit

    return [RateLimit(600, HOUR, by=network)]


def send_again(form: Replayed, _user: Any) -> Facts:
    """Send the request of a trace again, before and outside of any transaction; return the new trace."""
    store = current_app.extensions["xray"]
    facts = store.find(form.trace) or abort(404)
    if facts["boundary"] != "action":
        raise Result("Only what went through the hallway can be sent again here.", 409)
    persona = _person_of(facts) if form.persona == "same" else form.persona
    cookie = _cookie_of(persona) if persona in PEOPLE else ""
    fields = fields_of(facts) | (EXTRA if form.extra else {})
    same = {FOLLOWED: True, "HTTP_X_PRESSED": quote(facts.get("pressed", ""))}
    _, headers = _ask("POST", f"/_actions/{facts['name']}", fields, cookie, **same)
    new: Facts = store.find(headers["X-Trace-Id"]) or abort(503)
    return new


@action(allow=anyone("the demo belongs to whoever tries it"), prepare=send_again, writes=False, rate_limit=_limits())
def again(form: Replayed, _user: Any, new: Facts) -> Result:
    """The same request, sent again as somebody else: what became of it stands in a trace of its own."""
    whom = "with a field too many" if form.extra else f"as {form.persona.capitalize()}".replace("Nobody", "nobody")
    return redirect(f"/xray/{new['id']}", f"Sent again, {whom}: {new['status']}.")


@action(allow=anyone("the demo belongs to whoever tries it"), writes=False, rate_limit=_limits())
def clear(_form: Nothing, _user: Any) -> Result:
    """Forget all traces."""
    current_app.extensions["xray"].clear()
    return success("The timeline is empty.")


def fields_of(facts: Facts) -> dict[str, str]:
    """Return what was sent, one value each; what was not kept is stood for."""
    found = {}
    for name, value in facts["fields"].items():
        first = (value[:1] or [""])[0] if isinstance(value, list) else value
        if first and not name.startswith("_"):
            found[name] = STANDS_FOR if first == HIDDEN else str(first)
    return found


def as_curl(facts: Facts) -> str:
    """Return the request as a line for a terminal. It has no cookie: whoever runs it is nobody, and is asked who."""
    site = request.host_url.rstrip("/")
    words = ["curl", "--include", "--silent", f"{site}{facts['path']}"]
    if facts["boundary"] == "action":  # what is bound to it is among its fields
        words[-1] = words[-1].partition("?")[0]
        words += ["--header", f"Origin: {site}", "--header", "Sec-Fetch-Site: same-origin"]
        for name, value in fields_of(facts).items():
            words += ["--data-urlencode", f"{name}={value}"]
        words += [] if fields_of(facts) else ["--request", "POST"]
    elif facts["method"] != "GET":
        words += ["--request", facts["method"]]
    if "Authorization" in facts["request"]:
        words += ["--header", "Authorization: Bearer $KEY"]
    return " ".join(f'"{word}"' if "$" in word else shlex.quote(word) for word in words)


def as_pytest(facts: Facts) -> str:
    """Return the request as a test of this repository, in the same words as the others."""
    person, status = _person_of(facts), facts["status"]
    browser, fixture = (f'sign_in("{person}")', "sign_in") if person else ("visitor", "visitor")
    name = re.sub(r"\W+", "_", facts["name"] or facts["path"]).strip("_").lower()
    if facts["boundary"] == "action":
        told = "".join(f", {field}={value!r}" for field, value in fields_of(facts).items())
        htmx = ", htmx=True" if facts["request"].get("HX-Request") else ""
        asked = f'{browser}.act("{facts["name"]}"{htmx}{told})'
    else:
        asked = f'{browser}.open("{facts["path"]}", method="{facts["method"]}")'
    return f"def test_{name}_{status}({fixture}):\n    answer = {asked}\n\n    assert answer.status_code == {status}\n"


def _person_of(facts: Facts) -> str:
    handle = facts["who"].partition(",")[0].lower()
    return handle if handle in PEOPLE else ""


def _cookie_of(persona: str) -> str:
    """Become someone, as the demo lets anybody, and return the cookie."""
    _, headers = _ask("POST", "/_actions/demo.switch_persona", {"persona": persona}, "", **{UNSEEN: True})
    return "; ".join(value.partition(";")[0] for value in headers.getlist("Set-Cookie"))


def _ask(method: str, path: str, fields: dict[str, str], cookie: str, **environ: Any) -> tuple[str, Any]:
    site = current_app.config["SITE"]
    headers = {"Origin": site, "Sec-Fetch-Site": "same-origin", "HX-Request": "true"} | (
        {"Cookie": cookie} if cookie else {}
    )
    made = create_environ(path, site, method=method, data=urlencode(fields), headers=headers, environ_base=environ,
                          content_type="application/x-www-form-urlencoded")  # fmt: skip
    _, status, answered = run_wsgi_app(current_app.wsgi_app, made, buffered=True)
    return status, answered

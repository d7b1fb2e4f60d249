"""The X-ray's own pages: the timeline, one trace, and what the panel on the site's pages asks for."""

import time
from typing import Any

from flask import Blueprint, abort, current_app, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from flask_revalidation.tags import read_versions
from flask_server_actions.declare import place
from models import db
from xray import replay, source
from xray.places import fresh_by, name_of, places
from xray.store import Store
from xray.story import caller, repeated, staleness
from xray.trace import Facts

bp = Blueprint("xray", __name__, url_prefix="/xray", template_folder="templates", static_folder="static")


@bp.after_request
def keep_nowhere(response: Any) -> Any:
    """Let nobody keep a page of the X-ray: it is of this moment. Its files are kept."""
    if request.endpoint != "xray.static":
        response.headers["Cache-Control"] = "private, no-store"
    return response


@bp.get("")
def index() -> str:
    """Show the timeline."""
    return render_template("xray/index.html", **_timeline())


@bp.get("/rows")
def rows() -> str:
    """Show the rows of the timeline alone, for the page that follows."""
    _store().follow()
    return render_template("xray/_rows.html", **_timeline())


@bp.get("/<id>")
def show(id: str) -> str:
    """Show one trace on one screen, in causal order."""
    facts = _store().find(id) or abort(404)
    return render_template("xray/show.html", trace=facts, **_detail(facts))


@bp.get("/<id>/strip")
def strip(id: str) -> str:
    """Say in one sentence what a press has done; nothing, where nobody knows any more."""
    facts = _awaited(id)
    return render_template("xray/_strip.html", trace=facts, **_buttons(facts)) if facts else ""


@bp.get("/<id>/parts")
def parts(id: str) -> ResponseReturnValue:
    """Tell the panel which copies a page is made of, which of them are stale by now, and that in a sentence."""
    _store().follow()
    facts = _awaited(id)
    found = [_part(part) for part in _whole(facts)] if facts else []
    return jsonify({"parts": found, "stale": staleness(found)})


@bp.get("/code")
def code() -> str:
    """Show the code behind an action, an address, or a part of a page."""
    name, address = request.args.get("action", ""), request.args.get("path", "")
    if place := next((place for place in places() if place.name == request.args.get("part")), None):
        piece = source.around(place.file, place.line, f"cached under {', '.join(place.tags)}")
        return render_template("xray/code.html", name=place.label, way_in="page", pieces=[piece],
                               tests=source.tests_about(place.name))  # fmt: skip
    if action := current_app.extensions["server_actions"].actions.get(name):
        found, tests = source.of_action(action), source.tests_about(name)
        return render_template("xray/code.html", name=name, way_in="action", pieces=found, tests=tests)
    try:
        endpoint, _ = current_app.url_map.bind("local").match(address, method="GET")
        return render_template("xray/code.html", name=address, way_in="api", pieces=source.of_view(endpoint),
                               tests=source.tests_about(address))  # fmt: skip
    except (HTTPException, ValueError, TypeError, OSError):
        abort(404)


@bp.get("/actions.json")
def actions() -> ResponseReturnValue:
    """Tell the panel each action with its policy and its place."""
    known = current_app.extensions["server_actions"].actions
    return jsonify(
        {name: {"policy": item.allow.__name__, "place": place(item.function)} for name, item in known.items()}
    )


def _store() -> Store:
    found: Store = current_app.extensions["xray"]
    return found


def _awaited(id: str) -> Facts | None:
    """Return a trace that is kept any moment now: its answer is out before it is."""
    for _ in range(15):
        if facts := _store().find(id):
            return facts
        time.sleep(0.02)
    return None


def _timeline() -> dict[str, Any]:
    """Return the newest traces that are asked for; neighbours that say the same are one row with a count."""
    kind, folded = request.args.get("kind", ""), list[Facts]()
    for facts in _store().latest():
        if kind and facts["boundary"] != kind:
            continue
        same = folded and all(folded[-1][name] == facts[name] for name in ("sentence", "method", "status"))
        if same:
            folded[-1]["times"] += 1
        else:
            folded.append(facts | {"times": 1})
    return {
        "traces": folded,
        "kind": kind,
        "kinds": ["page", "action", "api", "feed", "webhook", "cron", "schedule", "command"],
    }


def _detail(facts: Facts) -> dict[str, Any]:
    name, pieces = facts["name"], list[source.Code]()
    try:
        if action := current_app.extensions["server_actions"].actions.get(name):
            pieces = source.of_action(action)
        elif name in current_app.view_functions:
            pieces = source.of_view(name)
    except (TypeError, OSError, ValueError):
        pieces = []  # code that is nobody's file
    file, number, first, title = facts.get("raised") or ("", 0, 0, "")
    refused = next((piece for piece in pieces if piece.has(file, number)), None) or (
        file and source.at(file, first, title)
    )
    return _buttons(facts) | {
        "pieces": pieces,
        "caller": caller(facts),
        "refused": refused,
        "policy": next((piece for piece in pieces if piece.title.startswith("policy ")), None),
        "rules": [step for step in facts["steps"] if step["what"] in ("policy", "key", "signature", "quota")],
        "places": {tag: fresh_by([tag]) for tag in facts["tags"]},
        "parts": _whole(facts),
        "pytest": replay.as_pytest(facts),
        "statements": repeated(facts),
        "errors": {name: texts for step in facts["steps"] for name, texts in step.get("errors", {}).items()},
        "people": replay.PEOPLE,
    }


def _buttons(facts: Facts) -> dict[str, Any]:
    """Return what can be done with a trace, and what an action has drawn anew of its page."""
    replays, drawn = facts["boundary"] == "action" and bool(facts["name"]), dict[str, list[str]]()
    for part in facts["parts"] if replays else ():
        if part["how"] != "hit" and part["selector"]:
            drawn.setdefault(part["label"], []).append(part["selector"])
    other_way = "/lab/two-ways?badge=1&forgets=1" if replays and "labs" in current_app.blueprints else ""
    return {"replays": replays, "curl": replay.as_curl(facts), "other_way": other_way, "redrawn": drawn}


def _whole(facts: Facts) -> list[Facts]:
    """Return the copies of an answer; of a page that was there already, also the parts it was made of."""
    found = {part["key"]: part for part in facts["parts"]}
    known = _store().copies(list(found))
    inside = [key for copy in known.values() for key in copy["parts"] if key not in found]
    found |= {key: copy | {"how": "hit"} for key, copy in _store().copies(inside).items()}
    made = known | _store().copies(list(found))
    return [part | {"at": made.get(key, {}).get("at")} for key, part in found.items()]


def _part(part: Facts) -> Facts:
    """Return a part as the panel needs it: its label, tags, age, and whether the server has it newer by now."""
    now = read_versions(db, [tag for tag in part["versions"] if tag])
    stale = [tag for tag, version in part["versions"].items() if tag and now[tag][-6:] != version]
    newer = f"server says {now[stale[0]][-6:]}, this says {part['versions'][stale[0]]}" if stale else ""
    told = {name: part[name] for name in ("label", "how", "tags", "at", "selector")}
    return told | {"name": name_of(part["key"]), "stale": stale, "newer": newer}

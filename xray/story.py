"""What a trace means: one sentence for the timeline, one in the article's words for the strip, and the warnings."""

import re

from xray.places import WORDS, followed, fresh_by, places
from xray.trace import Facts

_WRITES = re.compile(r"^\s*(?:INSERT INTO|UPDATE|DELETE FROM) \"?(\w+)", re.IGNORECASE)
# What no page shows: a write to these alone needs no revalidation.
_UNSEEN_TABLES = {"form_key", "user_session", "idempotency_key", "rate_limit", "delivery", "revalidation_tag"}
REPEATED = 4  # the same statement so often in one request is worth a look

_STRIP, _REFUSED = WORDS["strip"], WORDS["refused"]


def told(facts: Facts) -> Facts:
    """Return what is added to a trace when it has ended."""
    fresh = [place.label for place in fresh_by(facts["tags"])]
    return {
        "sentence": _sentence(facts),
        "strip": _strip(facts, fresh),
        "fresh": fresh,
        "warnings": _warnings(facts),
        "copies": _copies(facts),
    }


def line(facts: Facts) -> str:
    """Return a trace as a line for the terminal."""
    who = facts["who"].partition(",")[0]
    parts = [
        " ".join(filter(None, [facts["method"], facts["path"], who])) + f" → {facts['status']} {facts['ms']:.0f} ms",
        facts["place"],
        ", ".join(facts["tags"]),
        *(f"{len(facts[kind])} {kind[:-1]}{'' if len(facts[kind]) == 1 else 's'}" for kind in ("statements", "parts")),
    ]
    return " · ".join(filter(None, parts))


def staleness(parts: list[Facts]) -> str:
    """Say which parts of an open page are older than their tags, and by which of them; empty where none is."""
    stale = {part["label"]: part["stale"] for part in parts if part["stale"]}
    count, is_older = (f"{len(stale)} parts", "are older") if len(stale) != 1 else ("1 part", "is older")
    named = ", ".join(f"{label} ({', '.join(tags)})" for label, tags in stale.items())
    return str(_STRIP["stale"]).format(count=count, is_older=is_older, parts=named) if stale else ""


def caller(facts: Facts) -> str:
    """Say who called, and by what it is known."""
    if facts["boundary"] not in ("webhook", "cron"):
        return facts["who"] or "nobody that is known"
    if facts["status"] >= 400:
        return f"somebody who says to be {_sender(facts)}"
    return f"{_sender(facts)}, by its {'signature' if facts['boundary'] == 'webhook' else 'secret'}"


def repeated(facts: Facts) -> list[tuple[str, int, float]]:
    """Return each statement once, in the order of their first time: how often it was sent, and how long all took."""
    found: dict[str, tuple[int, float]] = {}
    for item in facts["statements"]:
        count, took = found.get(item["text"], (0, 0.0))
        found[item["text"]] = count + 1, took + item["ms"]
    return [(text, count, took) for text, (count, took) in found.items()]


def _sentence(facts: Facts) -> str:
    who = _who(facts)
    tags, parts = facts["tags"], facts["parts"]
    fresh = f" → {len(tags)} tag{'s' if len(tags) != 1 else ''} replaced: {', '.join(tags[:4])}" if tags else ""
    if facts["boundary"] == "action":
        redrawn = sum(part["how"] != "hit" for part in parts)
        drawn = f" → {redrawn} part{'s' if redrawn != 1 else ''} of the page drawn anew" if fresh and redrawn else ""
        return f"{_pressed(facts, who)} → {facts['name'] or facts['path']}{fresh or _why_not(facts)}{drawn}"
    if facts["boundary"] in ("schedule", "command"):
        return f"The {'clock' if facts['boundary'] == 'schedule' else 'operator'} → {facts['name']}{fresh}"
    if facts["boundary"] in ("webhook", "cron"):
        return f"{_sender(facts)} knocked{fresh or _why_not(facts)}"
    reads = facts["method"] in ("GET", "HEAD")
    asked = f"{who} {'read' if reads else 'sent ' + facts['method'] + ' to'} {facts['path']}"
    return asked + (f": {cached}" if (cached := _cached(facts)) else _why_not(facts)) + fresh


def _cached(facts: Facts) -> str:
    hits = sum(part["how"] == "hit" for part in facts["parts"])
    if facts["parts"] and not facts["name"]:
        return "from the cache, in front of Flask"
    return f"{hits} of {len(facts['parts'])} copies were there" if facts["parts"] else ""


def _sender(facts: Facts) -> str:
    name = facts["path"].rpartition("/")[2]
    return str(WORDS["senders"].get(name, name))


def _who(facts: Facts) -> str:
    who = facts["who"].partition(",")[0] or ("somebody" if facts["boundary"] in ("page", "action") else "a program")
    return who[0].upper() + who[1:]


def _pressed(facts: Facts, who: str) -> str:
    """Say who has pressed what, as far as it is known."""
    return str(_STRIP["pressed"]).format(who=who, words=facts["pressed"]) if facts["pressed"] else who


def _ran(facts: Facts) -> bool:
    """Say whether an action has run; then it is the page that says no."""
    return any(step["what"] == "function" and step["good"] for step in facts["steps"])


def _why_not(facts: Facts) -> str:
    refused = [step for step in facts["steps"] if step["good"] is False]
    if _ran(facts):
        return f": done, and the page answers {facts['status']}" if refused else ""
    if not refused:
        return (
            {404: ": not found"}.get(facts["status"], f": refused, {facts['status']}") if facts["status"] >= 400 else ""
        )
    if refused[-1]["what"] == "rollback":
        return f": refused, {facts['status']}, and nothing is written"
    errors = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in refused[-1].get("errors", {}).items())
    return f": refused. {errors or refused[-1]['text'] or facts['status']}"


def _strip(facts: Facts, fresh: list[str]) -> str:
    """Say what happened in the words of the article."""
    hits = sum(part["how"] == "hit" for part in facts["parts"])
    kinds = {"api": "door", "cron": "door", "feed": "door", "action": "wrote" if facts["tags"] else "unseen"}
    kind = kinds.get(facts["boundary"], facts["boundary"])
    if kind == "page":
        kind = "bare" if not facts["parts"] else kind if facts["name"] else "hit"
    press = _pressed(facts, _who(facts)) if facts["pressed"] else ""
    if facts["boundary"] == "action" and facts["status"] >= 400 and not _ran(facts):
        return f"{press}. {_refusal(facts)}".removeprefix(". ")
    values = {"name": facts["name"], "status": facts["status"], "hits": hits, "parts": len(facts["parts"])}
    return f"{press} → {str(_STRIP[kind]).format(fresh=_fresh(fresh), **values).strip()}".removeprefix(" → ")


def _refusal(facts: Facts) -> str:
    asked = [step["text"].partition(" ")[0] for step in facts["steps"] if step["what"] == "policy"]
    kind = "foreign" if facts["status"] == 403 and not asked else str(facts["status"])
    return str(_REFUSED.get(kind, _REFUSED["other"])).format(policy=(asked or [""])[-1])


def _fresh(fresh: list[str]) -> str:
    named = ", ".join(fresh[:7]) + (" and others" if len(fresh) > 7 else "")
    count = f"{len(fresh)} place{'s' if len(fresh) != 1 else ''}"
    return str(_STRIP["fresh"]).format(places=named, count=count) if fresh else ""


def _warnings(facts: Facts) -> list[str]:
    found = []
    written = {match[1] for item in facts["statements"] if (match := _WRITES.match(item["text"]))} - _UNSEEN_TABLES
    ended = any(step["what"] == "commit" for step in facts["steps"])
    if written and ended and not facts["tags"]:
        found.append(f"Wrote to {', '.join(sorted(written))}, and revalidated nothing.")
    for tag in facts["tags"]:
        if not tag.startswith("/") and tag not in followed() and not any(place.shows(tag) for place in places()):
            found.append(f"Revalidated “{tag}”, a tag that no cached place shows.")
    site, origin = (facts["request"].get(name, "") for name in ("Sec-Fetch-Site", "Origin"))
    if (
        facts["boundary"] == "action"
        and facts["status"] == 403
        and not any(s["what"] == "policy" for s in facts["steps"])
    ):
        found.append(f"An action was called from another origin: {origin or site or 'none named'}.")
    if "cookie at the API" in facts["signs"]:
        found.append("The API was called with a browser's session. It opens nothing there.")
    return found + [f"Asked {count} times: {text[:80]}…" for text, count, _ in repeated(facts) if count >= REPEATED]


def _copies(facts: Facts) -> list[Facts]:
    """Return the copies that were made, a page with the keys of its parts."""
    parts = facts["parts"]
    keys = [part["key"] for part in parts if part["key"].startswith('["fragment"')]
    made = [part for part in parts if part["how"] != "hit"]
    return [part | {"parts": keys if part["key"].startswith('["page"') else []} for part in made]

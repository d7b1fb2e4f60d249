"""What the person has pressed: the words on a button, for the sentences of a trace. Nothing is decided by them.

With script the panel sends them along. Without, they are read from the template that has the action's form; a program
that asks has pressed nothing.
"""

import re
from collections.abc import Iterator
from functools import cache
from urllib.parse import unquote

from xray.places import ROOT, WORDS

MAX_WORDS = 60  # characters
_FORM_OR_BUTTON = re.compile(r"""\baction\(\s*["']([\w.]+)|<button\b([^>]*)>(.*?)</button>""", re.DOTALL)
_OTHER_ACTION = re.compile(r"""\b(?:button|action)\(["']([\w.]+)""")
_DRAWN = re.compile(r"\{\{ icon\(.*?\) \}\}|<small>.*?</small>|<[^>]*>", re.DOTALL)


def pressed(name: str, header: str, accept: str) -> str:
    """Return the words on the button that has sent a form to an action, as far as they are known."""
    if header:
        text = "".join(character for character in unquote(header) if character.isprintable())
        return text if len(text) <= MAX_WORDS else f"{text[:MAX_WORDS]}…"
    return buttons().get(name, "") if accept.startswith("text/html") else ""


@cache
def buttons() -> dict[str, str]:
    """Return the words on the buttons of an action's forms, where the templates have the same on each of them."""
    found: dict[str, set[str]] = {}
    for folder in ("templates", "labs/templates"):
        for file in (ROOT / folder).glob("**/*.html"):
            for name, words in _buttons_in(file.read_text(encoding="utf-8")):
                found.setdefault(name, set()).add(words)
    alike = {name: next(iter(words)) for name, words in found.items() if len(words) == 1}
    alike.update(WORDS["buttons"])
    return alike


def _buttons_in(template: str) -> Iterator[tuple[str, str]]:
    """Say of each button which action its form names, and the words on it; empty, where they are put in."""
    name = ""
    for match in _FORM_OR_BUTTON.finditer(template):
        form, attributes, inside = match.groups(default="")
        name = form or name
        if not form and name and 'type="button"' not in attributes:
            other = _OTHER_ACTION.search(attributes)
            yield (other[1] if other else name), _DRAWN.sub("", inside).partition("{")[0].strip()

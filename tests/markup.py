"""Is this page valid HTML? Parse errors by justhtml; what a parser mends in silence by rules of our own."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise

from justhtml import JustHTML

VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}
VOID |= {"circle", "path", "rect", "use", "line", "polyline"}  # of SVG, where they close themselves
INTERACTIVE = {"a", "button", "select", "textarea", "summary", "input"}
PHRASING_ONLY = {
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "button",
    "label",
    "span",
    "small",
    "strong",
    "em",
    "summary",
    "dt",
    "code",
    "pre",
}
BLOCK = {"p", "div", "section", "article", "aside", "nav", "header", "footer", "main", "ul", "ol", "li", "dl", "table"}
BLOCK |= {"form", "details", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "figure", "fieldset"}
PARENTS = {"li": {"ul", "ol"}, "dt": {"dl", "div"}, "dd": {"dl", "div"}, "option": {"select", "optgroup", "datalist"}}
PARENTS |= {"tr": {"thead", "tbody", "tfoot", "table"}, "td": {"tr"}, "th": {"tr"}, "summary": {"details"}}
PARENTS |= {"source": {"picture"}, "legend": {"fieldset"}, "figcaption": {"figure"}}
EVERYWHERE = {"id", "class", "lang", "dir", "title", "hidden", "tabindex", "role", "autofocus", "inert"}
EVERYWHERE |= {"translate", "spellcheck"}
KNOWN = {
    "a": {"href", "rel", "download", "hreflang", "target", "type"},
    "audio": set(),
    "button": {"type", "name", "value", "disabled", "form", "formaction", "formenctype", "formmethod",
               "formnovalidate"},
    "details": {"open", "name"},
    "form": {"action", "method", "autocomplete", "novalidate"},
    "html": set(),
    "img": {"src", "alt", "width", "height", "loading", "decoding", "srcset", "sizes", "fetchpriority"},
    "input": {"type", "name", "value", "required", "maxlength", "minlength", "autocomplete", "readonly", "disabled",
              "checked", "placeholder",
              "min", "max", "step", "pattern", "inputmode", "form", "list", "accept"},
    "label": {"for"},
    "link": {"rel", "href", "type", "title", "as", "crossorigin", "media", "sizes"},
    "meta": {"name", "content", "charset", "property", "media"},
    "ol": {"start", "reversed", "type"},
    "optgroup": {"label", "disabled"},
    "option": {"value", "selected", "disabled", "label"},
    "output": {"for", "name", "form"},
    "script": {"src", "type", "async", "defer"},
    "select": {"name", "required", "disabled", "multiple", "autocomplete", "form"},
    "source": {"srcset", "media", "type", "sizes"},
    "td": {"colspan", "rowspan", "headers"},
    "textarea": {"name", "rows", "cols", "required", "maxlength", "readonly", "placeholder", "autocomplete",
                 "disabled", "form"},
    "th": {"colspan", "rowspan", "scope", "headers", "abbr"},
    "time": {"datetime"},
}  # fmt: skip
SVG = {"svg", "g", "circle", "path", "rect", "use", "line", "polyline", "text", "title", "desc", "symbol", "defs"}


class Checker(HTMLParser):
    """Walks through a page and writes down what is not valid."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.found: list[str] = []
        self.ids: Counter[str] = Counter()
        self.named: list[tuple[str, str]] = []  # attributes that name an id, and the id
        self.headings: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element where it stands."""
        given = dict(attrs)
        self._check_place(tag, given)
        self._check_attributes(tag, attrs)
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(tag)
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Look at an element that closes itself."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag: str) -> None:
        """Expect each element to be closed, innermost first."""
        if tag in VOID:
            return
        if not self.stack or self.stack[-1] != tag:
            self.found.append(f"</{tag}> at {self.getpos()} closes {self.stack[-1:]}")
        else:
            self.stack.pop()

    def _check_place(self, tag: str, given: dict[str, str | None]) -> None:
        where, at = self.stack[-1] if self.stack else "", f"<{tag}> at {self.getpos()}"
        shown = tag in INTERACTIVE and given.get("type") != "hidden"
        if shown and INTERACTIVE & set(self.stack):
            self.found.append(f"{at} is inside something one can press")
        if tag == "form" and "form" in self.stack:
            self.found.append(f"{at} is inside a form")
        if tag in BLOCK and PHRASING_ONLY & set(self.stack):
            self.found.append(f"{at} is inside {PHRASING_ONLY & set(self.stack)}")
        if tag in PARENTS and where not in PARENTS[tag] and not {"svg"} & set(self.stack):
            self.found.append(f"{at} is inside <{where}>")
        if where in ("ul", "ol") and tag not in ("li", "script", "template"):
            self.found.append(f"{at} is inside <{where}>")

    def _check_attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, times in Counter(name for name, _ in attrs).items():
            if times > 1:
                self.found.append(f"<{tag} {name}> twice at {self.getpos()}")
        for name, value in attrs:
            ours = name in EVERYWHERE or name in KNOWN.get(tag, set()) or re.match(r"(hx|aria|data)-", name)
            if not ours and tag not in SVG:
                self.found.append(f"<{tag} {name}> at {self.getpos()}")
            if name == "id":
                self.ids[value or ""] += 1
            if name in ("for", "aria-labelledby", "aria-describedby", "aria-controls", "form"):
                self.named += [(f"{name} of <{tag}>", one) for one in (value or "").split()]


def faults(page: str) -> list[str]:
    """Return what is not valid in a page, in words."""
    checker = Checker()
    checker.feed(page)
    checker.close()
    found = [
        f"parser: {error.code} at {error.line}:{error.column}" for error in JustHTML(page, collect_errors=True).errors
    ]
    found += checker.found + [f"<{tag}> is never closed" for tag in checker.stack]
    found += [f"id {name!r} {times} times" for name, times in checker.ids.items() if times > 1]
    found += [f"id {name!r} has a space or nothing" for name in checker.ids if not name or " " in name]
    found += [f"{who} names no id: {name}" for who, name in checker.named if name not in checker.ids]
    found += [] if checker.headings.count("h1") == 1 else [f"{checker.headings.count('h1')} h1"]
    levels = [int(tag[1]) for tag in checker.headings]
    found += [f"h{after} follows h{before}" for before, after in pairwise(levels) if after > before + 1]
    return found

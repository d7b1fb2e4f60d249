"""Which places of the site show what: read from the declarations in the code, so it is true before anyone has looked.

A place is a cached page or a cached part of a page; its tags are the constants that stand in its declaration, and `*`
where a value is put in.
"""

import ast
import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
WORDS = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))
EVERYTHING = "everything"  # stands for the tag on which all copies depend
_LABELS: dict[str, str] = WORDS["places"]


@dataclass(frozen=True)
class Place:
    """A cached page or part: its name in the code, where it is declared, and its tags."""

    name: str
    file: str
    line: int
    tags: tuple[str, ...]

    @property
    def label(self) -> str:
        """What a reader calls it."""
        return _LABELS.get(self.name, self.name)

    def shows(self, tag: str) -> bool:
        """Say whether a new version of this tag makes it anew."""
        return tag == EVERYTHING or any(fnmatchcase(tag, own) for own in self.tags)


@cache
def places() -> tuple[Place, ...]:
    """Return all places of the site, read from pages and API once."""
    files = [*sorted((ROOT / "pages").glob("*.py")), *sorted((ROOT / "api/v1").glob("*.py"))]
    return tuple(place for file in files for place in _places_in(file))


@cache
def followed() -> frozenset[str]:
    """Return the tags that only a page of one caller declares, so that an open one follows."""
    files = sorted((ROOT / "pages").glob("*.py"))
    calls = (node for file in files for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call))
    named = (call for call in calls if ast.unparse(call.func) == "only")
    texts = (node.value for call in named for node in call.args if isinstance(node, ast.Constant))
    return frozenset(text for text in texts if isinstance(text, str))


def fresh_by(tags: Iterable[str]) -> list[Place]:
    """Return the places that these tags make anew; one label stands once."""
    return _fresh_by(tuple(tags))


@lru_cache(maxsize=500)
def _fresh_by(tags: tuple[str, ...]) -> list[Place]:
    found = {place.label: place for place in places() if any(map(place.shows, tags))}
    order = list(_LABELS.values())
    return sorted(found.values(), key=lambda place: order.index(place.label) if place.label in order else len(order))


def name_of(key: str) -> str:
    """Return the name of the place whose copy lies under this key of the store."""
    return ".".join(str(json.loads(key)[2]).split(".")[-2:])


def label_of(key: str) -> str:
    """Return what a reader calls the copy under this key of the store."""
    kind, name = json.loads(key)[0], name_of(key)
    return _LABELS.get(name, name) if kind == "fragment" else f"page: {_LABELS.get(name, name)}"


def _places_in(file: Path) -> list[Place]:
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef):
            for call in node.decorator_list:
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "cached_page":
                    tags = (*_tags(call), *_own_path(node))
                    found.append(Place(f"{file.stem}.{node.name}", _short(file), node.lineno, tags))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "cached":
            found.append(Place(ast.literal_eval(node.args[0]), _short(file), node.lineno, _tags(node)))
    return found


def _tags(call: ast.Call) -> tuple[str, ...]:
    """Return the tags that a declaration names, with a star for what is put in."""
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "tags"), None)
    inside = {id(part) for node in ast.walk(given or call) if isinstance(node, ast.JoinedStr) for part in node.values}
    found = []
    for node in ast.walk(given) if given else ():
        if isinstance(node, ast.JoinedStr):
            found.append("".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in node.values))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            found.append(node.value)
        elif isinstance(node, ast.Attribute) and node.attr == "path":
            found.append("/blog/*")
    return tuple(found)


def _own_path(node: ast.FunctionDef) -> list[str]:
    """Return the address of a page, which it carries as a tag."""
    routes = [ast.literal_eval(call.args[0]) for call in node.decorator_list
              if isinstance(call, ast.Call) and ast.unparse(call.func) == "bp.get"]  # fmt: skip
    return ["/blog/*" if route == "/blog/<slug>" else route for route in routes]


def _short(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()

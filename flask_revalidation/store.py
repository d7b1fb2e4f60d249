"""Copies, those that are being made, and where they are kept: bytes, bounded, one store per process.

Correctness never depends on what is in the store.
"""

import json
import threading
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from cachetools import LRUCache

MAX_BYTES = 64 * 1024 * 1024  # of all copies of a process


def injective_key(*parts: Any) -> str:
    """Return a key that no other list of parts has: JSON keeps lengths and types apart, joining strings does not.

    A pydantic model stands for its values.
    """
    return json.dumps(parts, separators=(",", ":"), default=lambda model: model.model_dump(mode="json"))


@dataclass(frozen=True)
class Entry:
    """A copy: what it is called, the versions it was made under, its body, also packed, and the body's headers.

    `packed` is the body in each content coding. `answer` is what was made and is no copy: it is given out once. `tags`
    are those declared for it, without those of its parts; `reads` is what the detector has seen it read; `kept` says
    whether the store may have it.
    """

    key: str
    versions: Mapping[str, str]
    body: bytes = b""
    packed: Mapping[str, bytes] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    answer: Any = None
    tags: frozenset[str] = frozenset()
    reads: tuple[Any, ...] = ()
    kept: bool = True

    def size(self) -> int:
        """Count the bytes that the entry takes, about."""
        texts = [self.key, *self.versions, *self.versions.values(), *self.headers.values()]
        return 1024 + sum(map(len, [*texts, self.body, *self.packed.values()]))  # the first for what is no text


class Fill:
    """A copy that is being made: what it has read, and the versions it depends on, its own and those of its parts.

    A version once read is never replaced by a later one: what was made before it would then be kept under its name.
    Where two differ, the copy is not kept.
    """

    def __init__(self, key: str, versions: Mapping[str, str]) -> None:
        self.key, self.versions = key, dict(versions)
        self.reads, self.agree = list[Any](), True

    def add(self, part: Entry) -> None:
        """Depend on the versions of a part as well."""
        self.agree &= part.kept
        for tag, version in part.versions.items():
            self.agree &= self.versions.setdefault(tag, version) == version


current_fill: ContextVar[Fill | None] = ContextVar("revalidation_fill", default=None)


class Store:
    """Entries by key, the least recently used one evicted first; and one lock per key for making it."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._entries: LRUCache[str, Entry] = LRUCache(max_bytes, getsizeof=Entry.size)
        self._guard = threading.Lock()
        self._locks: WeakValueDictionary[str, Any] = WeakValueDictionary()

    def get(self, key: str) -> Entry | None:
        """Return the entry under `key`, whether its versions are still current or not."""
        with self._guard:
            return self._entries.get(key)

    def put(self, entry: Entry) -> None:
        """Keep the entry, unless it may not be kept or is too large for its share of the store."""
        if entry.kept and entry.size() <= self._entries.maxsize / 64:
            with self._guard:
                self._entries[entry.key] = entry

    def entries(self) -> Iterable[Entry]:
        """Return every entry there is now."""
        with self._guard:
            return list(self._entries.values())

    def one_fill(self, key: str) -> Any:
        """Return the lock under which `key` is made: five hundred readers after a write make one copy, and share it.

        It is forgotten when nobody holds or wants it. Parts inside parts hold one each.
        """
        with self._guard:
            return self._locks.setdefault(key, threading.RLock())

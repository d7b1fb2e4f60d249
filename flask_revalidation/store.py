"""Where copies are kept: bytes, bounded, one store per process. Correctness never depends on what is in here."""

import hashlib
import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from cachetools import LRUCache

MAX_BYTES = 64 * 1024 * 1024  # of all copies of a process
MAX_ENTRY_BYTES = 1024 * 1024
OVERHEAD = 1024  # bytes that an entry takes besides its texts


def injective_key(*parts: Any) -> str:
    """Return a key that no other list of parts has: JSON keeps lengths and types apart, joining strings does not."""
    return json.dumps(parts, ensure_ascii=True, separators=(",", ":"))


@dataclass(frozen=True)
class Entry:
    """A copy: what it is called, the versions it was made under, its body, also compressed, and the body's headers.

    `tags` are those declared for it, without those of its parts; `reads` is what the detector has seen it read.
    """

    key: str
    versions: Mapping[str, str]
    body: bytes
    gzipped: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    reads: tuple[Any, ...] = ()

    @property
    def size(self) -> int:
        """Count the bytes that the entry takes, about."""
        names = [self.key, *self.versions, *self.versions.values(), *self.headers.values()]
        return OVERHEAD + len(self.body) + len(self.gzipped) + sum(map(len, names))

    @property
    def digest(self) -> str:
        """Name the copy in 24 hex digits: the same name means the same content, so it serves as an ETag."""
        content = injective_key(self.key, sorted(self.versions.items()))
        return hashlib.sha256(content.encode()).hexdigest()[:24]


class Store:
    """Entries by key, the least recently used one evicted first; and one lock per key for making it."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._entries: LRUCache[str, Entry] = LRUCache(max_bytes, getsizeof=lambda entry: entry.size)
        self._guard = threading.Lock()
        self._locks: WeakValueDictionary[str, Any] = WeakValueDictionary()

    def get(self, key: str) -> Entry | None:
        """Return the entry under `key`, whether its versions are still current or not."""
        with self._guard:
            return self._entries.get(key)

    def put(self, entry: Entry) -> None:
        """Keep the entry, unless it is too large for its share of the store."""
        if entry.size <= min(MAX_ENTRY_BYTES, self._entries.maxsize):
            with self._guard:
                self._entries[entry.key] = entry

    def entries(self) -> Iterable[Entry]:
        """Return every entry there is now."""
        with self._guard:
            return list(self._entries.values())

    def clear(self) -> None:
        """Forget every entry."""
        with self._guard:
            self._entries.clear()

    def one_fill(self, key: str) -> Any:
        """Return the lock under which `key` is made: five hundred readers after a write make one copy, and share it.

        It is forgotten when nobody holds or wants it. Parts inside parts hold one each.
        """
        with self._guard:
            return self._locks.setdefault(key, threading.RLock())

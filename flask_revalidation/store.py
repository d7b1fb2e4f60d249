"""Where copies are kept: bytes only, bounded, one per process. Correctness never depends on what is in here."""

import gzip
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cachelib import SimpleCache
from cachelib.serializers import BaseSerializer

MAX_ENTRIES = 512
MAX_ENTRY_BYTES = 128 * 1024  # with MAX_ENTRIES: a worker keeps at most 64 MiB of copies
LIFETIME = 24 * 3600  # seconds; an entry without one would be evicted first


class Bytes(BaseSerializer):
    """Bytes in, bytes out. The default serializer pickles, and an unpickled cache runs whatever was put there."""

    def dumps(self, value: bytes, protocol: int = 0) -> bytes:
        """Return `value` as it is."""
        return value

    def loads(self, bvalue: bytes) -> bytes:
        """Return `bvalue` as it is."""
        return bvalue


def new_store() -> SimpleCache:
    """Return an empty store for one process."""
    store = SimpleCache(threshold=MAX_ENTRIES, default_timeout=LIFETIME)
    store.serializer = Bytes()  # type: ignore[assignment]
    return store


def injective_key(*parts: Any) -> str:
    """Return a key that no other list of parts has: JSON keeps lengths and types apart, joining strings does not."""
    return json.dumps(parts, ensure_ascii=True, separators=(",", ":"))


@dataclass(frozen=True)
class Entry:
    """A copy: the versions it was made under, the body, the body compressed, and the headers that describe the body."""

    versions: Mapping[str, str]
    body: bytes
    gzipped: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the entry as it is stored."""
        head = json.dumps([dict(self.versions), len(self.body), dict(self.headers)]).encode()
        return b"%d\n%b%b%b" % (len(head), head, self.body, self.gzipped)

    @classmethod
    def from_bytes(cls, stored: bytes) -> "Entry":
        """Return the entry that `to_bytes` wrote."""
        length, _, rest = stored.partition(b"\n")
        versions, size, headers = json.loads(rest[: int(length)])
        content = rest[int(length) :]
        return cls(versions, content[:size], content[size:], headers)


def digest(key: str, versions: Mapping[str, str]) -> str:
    """Name one copy in 24 hex digits: the same name means the same content, so it serves as an ETag."""
    return hashlib.sha256(injective_key(key, sorted(versions.items())).encode()).hexdigest()[:24]


def page_entry(versions: Mapping[str, str], body: bytes, headers: Mapping[str, str]) -> Entry:
    """Return an entry with its compressed form, for whole pages."""
    return Entry(versions, body, gzip.compress(body, 6, mtime=0), headers)


def put(store: SimpleCache, key: str, entry: Entry) -> None:
    """Store the entry unless it is too large for its share of the store."""
    stored = entry.to_bytes()
    if len(stored) <= MAX_ENTRY_BYTES:
        store.set(key, stored)


def get(store: SimpleCache, key: str) -> Entry | None:
    """Return the entry under `key`, whether its versions are still current or not."""
    stored = store.get(key)
    return Entry.from_bytes(stored) if stored else None


class OneFill:
    """One lock per key: five hundred readers after a write make one copy, and share it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    @contextmanager
    def __call__(self, key: str) -> Iterator[None]:
        """Hold the lock of `key`; it is forgotten when nobody holds or wants it."""
        with self._guard:
            lock, users = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, users = self._locks.pop(key)
                if users > 1:
                    self._locks[key] = (lock, users - 1)

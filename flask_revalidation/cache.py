"""Cached reads: whole pages for everyone, and fragments inside pages made for one caller. One store, one rule."""

import gzip
from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any

from flask import Response, abort, make_response, request
from markupsafe import Markup
from pydantic import BaseModel, ValidationError

from flask_revalidation.detector import watch
from flask_revalidation.mistakes import extension_for
from flask_revalidation.privacy import PERSONAL, shared
from flask_revalidation.store import Entry, injective_key
from flask_revalidation.tags import read_versions
from flask_revalidation.transaction import is_dirty

if TYPE_CHECKING:
    from flask_revalidation.extension import Revalidation

__all__ = ["cached", "cached_page", "conditional_status"]

Tags = Collection[str] | Callable[..., Collection[str]]
Make = Callable[[Mapping[str, str]], Entry | None]

KEPT_HEADERS = ("Content-Type", "ETag", "Link")  # of a view's answer: they describe its body


class Dependencies:
    """The versions that the copy being made depends on, its own and those of its parts.

    A version once read is never replaced by a later one: what was made before it would then be kept under its name.
    Where two differ, or there is none, the copy is not kept.
    """

    def __init__(self, versions: dict[str, str] | None) -> None:
        self.versions, self.agree = dict(versions or {}), versions is not None

    def add(self, versions: Mapping[str, str], agree: bool = True) -> None:
        """Add those of a part."""
        for tag, version in versions.items():
            agree = self.versions.setdefault(tag, version) == version and agree
        self.agree = self.agree and agree


_depends: ContextVar[Dependencies | None] = ContextVar("revalidation_depends", default=None)


def cached(*key: str | int | None, tags: Collection[str], render: Callable[[], str]) -> Markup:
    """Return the fragment under `key`, from the store or made by `render`, which must give HTML.

    `key` starts with a name and holds everything that `render` depends on besides the database; `tags` name what it
    shows. Raises `PrivateRead` when `render` looks at the caller.
    """
    state = extension_for("cached")
    name = injective_key("fragment", state.release, *key)
    if is_dirty(state.db):
        return Markup(shared(name, render))  # noqa: S704
    state.db.session.connection()  # all parts of a page are read in one snapshot, so that they never disagree
    entry = _entry(state, name, tags, lambda versions: Entry(name, versions, render().encode()))
    assert entry is not None  # noqa: S101  (this `make` always returns one)
    return Markup(entry.body.decode())  # noqa: S704


def cached_page(
    *, tags: Tags = (), query: type[BaseModel] | None = None, credential: str = "Cookie"
) -> Callable[..., Callable[..., Response]]:
    """Cache a GET view whole, for every caller who shows no credential. A page always carries its own path as a tag.

    Of the view's answer, the body and the headers that describe it are kept. `tags` may be a function of the view's
    arguments. `query` is the schema of the query string: the view gets it as its argument `query`, and only what it
    declares can tell two copies apart. A query that does not fit is a 404. `credential` is the request header that
    makes an answer one caller's: a private cookie, or with "Authorization" that header alone.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Response]:
        @wraps(view)
        def serve(**values: Any) -> Response:
            state = extension_for(view)
            asked = _parse(query) if query else None
            arguments = {**values, "query": asked} if asked else values
            if is_personal(state, credential) or is_dirty(state.db):
                response = make_response(view(**arguments))
                response.headers["Cache-Control"] = "private, no-store"
                response.vary.add(credential)
                return response
            key = injective_key("page", state.release, request.endpoint, {k: _plain(v) for k, v in arguments.items()})
            declared = tags(**values) if callable(tags) else tags
            response = _serve(state, key, {request.path, *declared}, lambda: make_response(view(**arguments)))
            response.vary.add(credential)
            return response

        return serve

    return decorate


def is_personal(state: "Revalidation", credential: str) -> bool:
    """Say whether this request's answer is one caller's: it carries a credential, or was marked so."""
    if credential != "Cookie":
        return credential in request.headers
    return bool(request.environ.get(PERSONAL)) or any(name in request.cookies for name in state.private_cookies)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _parse(query: type[BaseModel]) -> BaseModel:
    try:
        return query.model_validate(request.args.to_dict())
    except ValidationError:
        abort(404)


def _serve(state: "Revalidation", key: str, tags: Collection[str], view: Callable[[], Response]) -> Response:
    if state.db.session.registry.has():
        state.db.session.rollback()  # no connection is held while waiting, and each look is a new snapshot
    made: list[Response] = []
    entry = _entry(state, key, tags, lambda versions: _copy_of(key, versions, view(), made))
    return _respond(entry) if entry else made[0]


def _copy_of(key: str, versions: Mapping[str, str], response: Response, made: list[Response]) -> Entry | None:
    """Keep only complete 200s of the pure renderer: no redirect, no error, no stream, nothing that sets a cookie."""
    made.append(response)
    if response.status_code != 200 or response.is_streamed or "Set-Cookie" in response.headers:
        return None
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    return Entry(key, versions, response.get_data(), gzip.compress(response.get_data(), 6, mtime=0), headers)


def _entry(state: "Revalidation", key: str, tags: Collection[str], make: Make) -> Entry | None:
    entry = _fresh(state, key)
    if entry is None:
        with state.store.one_fill(key):
            entry = _fresh(state, key) or _fill(state, key, tags, make)
    return entry


def _fresh(state: "Revalidation", key: str) -> Entry | None:
    """Return the entry if every version it was made under is the current one: equality of the whole set, never `>=`."""
    entry = state.store.get(key)
    if entry is None or read_versions(state.db, entry.versions) != entry.versions:
        return None
    if (outer := _depends.get()) is not None:
        outer.add(entry.versions)
    return entry


def _fill(state: "Revalidation", key: str, tags: Collection[str], make: Make) -> Entry | None:
    # The versions come first, the data after, both in one snapshot: a write that commits in between makes this copy a
    # miss for the next reader, instead of an old page under a new name.
    state.db.session.connection()  # the transaction begins here, so the versions are part of its snapshot
    depends, outer = Dependencies(read_versions(state.db, tags)), _depends.get()
    token = _depends.set(depends)
    try:
        with watch() as reads:
            entry: Entry | None = shared(key, lambda: make(depends.versions))
    finally:
        _depends.reset(token)
    agree = depends.agree and not is_dirty(state.db)
    if outer is not None:
        outer.add(depends.versions, agree)
    if entry is not None and agree:
        state.store.put(replace(entry, tags=frozenset(tags), reads=tuple(reads)))
    return entry


def _respond(entry: Entry) -> Response:
    """Answer with the entry: compressed where the client can read that, 304 where it has it already."""
    gzipped = request.accept_encodings.quality("gzip") > 0 and bool(entry.gzipped)
    response = Response(entry.gzipped if gzipped else entry.body, headers=dict(entry.headers))
    if gzipped:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Cache-Control"] = "no-cache"  # keep it, but ask each time: the versions decide
    response.vary.add("Accept-Encoding")
    # A strong ETag names bytes, so the two codings must not share one (RFC 9110, section 8.8.3).
    if entry.versions:  # without an epoch there are none, and nothing would tell two versions apart
        own = response.get_etag()[0] or entry.digest
        response.set_etag(f"{own}{'-gzip' if gzipped else ''}")
    response.status_code = conditional_status(response)
    return response if response.status_code != 412 else abort(412)


def conditional_status(response: Response) -> int:
    """Return what a reader's conditions make of a 200: itself, 304, or 412 (RFC 9110, section 13.2.2).

    Werkzeug's `make_conditional` takes `If-Match: *` for a tag, and lets If-Match hide what If-None-Match says.
    """
    etag, _ = response.get_etag()
    if "If-Match" in request.headers and not (request.if_match.star_tag or request.if_match.is_strong(etag or "")):
        return 412
    return 304 if etag and request.if_none_match.contains_weak(etag) else 200

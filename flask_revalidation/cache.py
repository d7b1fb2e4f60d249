"""Cached reads: whole pages for everyone, and fragments inside pages made for one caller. One store, one rule."""

from collections.abc import Callable, Collection
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any

from flask import Response, abort, current_app, make_response, request
from markupsafe import Markup
from pydantic import BaseModel, ValidationError

from flask_revalidation.privacy import PERSONAL, shared
from flask_revalidation.store import Entry, digest, get, injective_key, page_entry, put
from flask_revalidation.tags import read_versions
from flask_revalidation.transaction import is_writing

if TYPE_CHECKING:
    from flask_revalidation.extension import State

Tags = Collection[str] | Callable[..., Collection[str]]
Make = Callable[[dict[str, str]], Entry | None]

KEPT_HEADERS = ("Content-Type", "ETag", "Link")  # of a view's answer: they describe its body

# The versions that the copy being made depends on. An inner copy adds its own to those of the copy around it.
_depends: ContextVar[dict[str, str] | None] = ContextVar("revalidation_depends", default=None)


def cached(*key: str | int | None, tags: Collection[str], render: Callable[[], str]) -> Markup:
    """Return the fragment under `key`, from the store or made by `render`, which must give HTML.

    `key` starts with a name and holds everything that `render` depends on besides the database; `tags` name what it
    shows. Raises `PrivateRead` when `render` looks at the caller.
    """
    state: State = current_app.extensions["revalidation"]
    name = injective_key("fragment", state.release, *key)
    if is_writing():
        return Markup(shared(name, render))  # noqa: S704
    state.db.session.connection()  # all parts of a page are read in one snapshot, so that they never disagree
    entry = _fresh(state, name)
    if entry is None:
        with state.one_fill(name):
            entry = _fresh(state, name) or _fill(state, name, tags, lambda versions: Entry(versions, render().encode()))
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
            state: State = current_app.extensions["revalidation"]
            asked = _parse(query) if query else None
            arguments = {**values, "query": asked} if asked else values
            if is_personal(state, credential):
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


def is_personal(state: "State", credential: str) -> bool:
    """Say whether this request's answer is one caller's: it carries a credential, or was marked so."""
    if credential != "Cookie":
        return credential in request.headers
    return bool(request.environ.get(PERSONAL)) or not state.private_cookies.isdisjoint(request.cookies)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else value


def _parse(query: type[BaseModel]) -> BaseModel:
    try:
        return query.model_validate(request.args.to_dict())
    except ValidationError:
        abort(404)


def _serve(state: "State", key: str, tags: Collection[str], view: Callable[[], Response]) -> Response:
    entry = _fresh(state, key)
    if entry is None:
        state.db.session.rollback()  # no connection is held while waiting, and the next look is a new snapshot
        with state.one_fill(key):
            entry = _fresh(state, key)
            if entry is None:
                made: list[Response] = []
                entry = _fill(state, key, tags, lambda versions: _copy_of(versions, view(), made))
                if entry is None:
                    return made[0]
    return _respond(entry, key)


def _copy_of(versions: dict[str, str], response: Response, made: list[Response]) -> Entry | None:
    """Keep only complete 200s of the pure renderer: no redirect, no error, no stream, nothing that sets a cookie."""
    made.append(response)
    if response.status_code != 200 or response.is_streamed or "Set-Cookie" in response.headers:
        return None
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    return page_entry(versions, response.get_data(), headers)


def _fresh(state: "State", key: str) -> Entry | None:
    """Return the entry if every version it was made under is the current one: equality of the whole set, never `>=`."""
    entry = get(state.store, key)
    if entry is None or read_versions(state.db, entry.versions) != entry.versions:
        return None
    if (outer := _depends.get()) is not None:
        outer.update(entry.versions)
    return entry


def _fill(state: "State", key: str, tags: Collection[str], make: Make) -> Entry | None:
    # The versions come first, the data after, both in one snapshot: a write that commits in between makes this copy a
    # miss for the next reader, instead of an old page under a new name.
    state.db.session.connection()  # the transaction begins here, so the versions are part of its snapshot
    versions = read_versions(state.db, tags)
    depends, outer = dict(versions or {}), _depends.get()
    token = _depends.set(depends)
    try:
        with state.watch() as reads:
            entry: Entry | None = shared(key, lambda: make(depends))
    finally:
        _depends.reset(token)
    if outer is not None:
        outer.update(depends)
    if entry is not None and versions is not None:
        put(state.store, key, entry)
        state.remember(key, entry, reads)
    return entry


def _respond(entry: Entry, key: str) -> Response:
    """Answer with the entry: compressed where the client can read that, 304 where it has it already."""
    gzipped = request.accept_encodings.quality("gzip") > 0 and bool(entry.gzipped)
    response = Response(entry.gzipped if gzipped else entry.body, headers=dict(entry.headers))
    if gzipped:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Cache-Control"] = "no-cache"  # keep it, but ask each time: the versions decide
    response.vary.add("Accept-Encoding")
    # A strong ETag names bytes, so the two codings must not share one (RFC 9110, section 8.8.3).
    if entry.versions:  # without an epoch there are none, and nothing would tell two versions apart
        own = response.get_etag()[0] or digest(key, entry.versions)
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

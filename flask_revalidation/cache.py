"""Cached reads: whole pages for everyone, and fragments inside pages made for one caller. One store, one rule."""

import gzip
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial, wraps
from typing import Any

import brotli
from flask import Response, abort, current_app, g, make_response, request
from markupsafe import Markup
from pydantic import BaseModel, ValidationError
from werkzeug.http import generate_etag, quote_etag

from flask_revalidation.extension import Revalidation
from flask_revalidation.mistakes import extension_for
from flask_revalidation.privacy import PERSONAL, shared
from flask_revalidation.signals import copy_used
from flask_revalidation.store import Entry, Fill, current_fill, injective_key
from flask_revalidation.tags import read_versions
from flask_revalidation.transaction import is_dirty

__all__ = ["ENTRY", "cached", "cached_page", "conditional_status", "private_page", "version_of"]

Tags = Collection[str] | Callable[..., Collection[str]]

KEPT_HEADERS = ("Content-Type", "ETag", "Link")  # of a view's answer: they describe its body
ENTRY = "revalidation.entry"  # in the environ of a request that is answered with a copy: that copy
HEADERS = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}  # keep it, but ask each time: the versions decide


def cached(*key: str | int | None, tags: Collection[str], render: Callable[[], str]) -> Markup:
    """Return the fragment under `key`, from the store or made by `render`, which must give HTML.

    `key` starts with a name and holds everything that `render` depends on besides the database; `tags` name what it
    shows. Raises `PrivateRead` when `render` looks at the caller.
    """
    state = extension_for("cached")
    name = injective_key("fragment", state.release, *key)
    state.db.session.connection()  # all parts of a page are read in one snapshot, so that they never disagree
    entry = _entry(state, name, tags, lambda versions: Entry(name, versions, render().encode()))
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
            arguments = values | _parse(query)
            names = {request.path, *(tags(**values) if callable(tags) else tags)}
            if _is_personal(state, credential) or is_dirty(state.db):
                response = private_page(partial(view, **arguments), names if credential == "Cookie" else ())
            else:
                key = injective_key("page", state.release, request.endpoint, arguments)
                state.db.session.rollback()  # no connection is held while waiting; each look is a new snapshot
                entry = _entry(state, key, names, partial(_copy_of, key, partial(view, **arguments)))
                response = entry.answer or _respond(entry)
            response.vary.add(credential)
            return response

        return serve

    return decorate


def private_page(view: Callable[[], Any], tags: Collection[str] = ()) -> Response:
    """Answer with one caller's page, which nobody keeps; or with 304, and without making it.

    `tags` name everything that it shows. Their versions, the address and the caller's cookies make its ETag, which a
    template finds as `g.version`; without tags it has none. Whoever may not see it must be refused before.
    """
    state, headers = extension_for("private_page"), {"Cache-Control": "private, no-store"}
    if tags and not is_dirty(state.db):  # the versions come before what is shown, as in a copy
        version = version_of(tags, request.full_path, request.headers.get("Cookie"))
        headers["ETag"] = g.version = quote_etag(version, weak=True)
    seen = "ETag" in headers and headers["ETag"] in request.headers.get("If-None-Match", "")
    return make_response("", 304, headers) if seen else make_response(make_response(view()), headers)


def version_of(tags: Collection[str], *key: str | int | None) -> str:
    """Return what names an answer as it is now, for one that is kept elsewhere: its ETag, or the name of its file.

    `tags` and `key` are those of `cached`. A transaction that is open gives it the versions that its own rows have.
    """
    state = extension_for("version_of")
    return generate_etag(injective_key(state.release, *key, read_versions(state.db, sorted(tags))).encode())


def _is_personal(state: Revalidation, credential: str) -> bool:
    """Say whether this request's answer is one caller's: it carries a credential, or was marked so."""
    cookies = request.environ.get(PERSONAL) or any(name in request.cookies for name in state.private_cookies)
    return bool(cookies) if credential == "Cookie" else credential in request.headers


def _parse(query: type[BaseModel] | None) -> dict[str, BaseModel]:
    try:
        return {"query": query.model_validate(request.args.to_dict())} if query else {}
    except ValidationError:
        abort(404)


def _copy_of(key: str, view: Callable[[], Any], versions: Mapping[str, str]) -> Entry:
    """Keep only complete 200s of the pure renderer: no redirect, no error, no stream, nothing that sets a cookie."""
    response = make_response(view())
    if response.status_code != 200 or response.is_streamed or "Set-Cookie" in response.headers:
        return Entry(key, versions, answer=response, kept=False)
    headers = HEADERS | {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    headers.setdefault("ETag", quote_etag(generate_etag(injective_key(key, sorted(versions.items())).encode())))
    # Of two codings that a client takes, it gets the first.
    packed = {"br": brotli.compress(response.data, quality=5), "gzip": gzip.compress(response.data, 6, mtime=0)}
    return Entry(key, versions, response.data, packed, headers)


def _entry(state: Revalidation, key: str, tags: Collection[str], make: Callable[[Mapping[str, str]], Entry]) -> Entry:
    """Return the entry as it is now. What is being made around it depends on the same versions from here on."""
    entry = there = _fresh(state, key)
    if entry is None:
        with state.store.one_fill(key):
            entry = _fresh(state, key) or _fill(state, key, tags, make)
    if outer := current_fill.get():
        outer.add(entry)
    copy_used.send(entry, hit=entry is there)
    return entry


def _fresh(state: Revalidation, key: str) -> Entry | None:
    """Return the entry if every version it was made under is the current one: equality of the whole set, never `>=`.

    Whoever has written makes what is shown anew, for it may show what is not committed.
    """
    entry = None if is_dirty(state.db) else state.store.get(key)
    return entry if entry and read_versions(state.db, entry.versions) == entry.versions else None


def _fill(state: Revalidation, key: str, tags: Collection[str], make: Callable[[Mapping[str, str]], Entry]) -> Entry:
    # The versions come first, the data after, both in one snapshot: a write that commits in between makes this copy a
    # miss for the next reader, instead of an old page under a new name.
    state.db.session.connection()  # the transaction begins here, so the versions are part of its snapshot
    with shared(Fill(key, read_versions(state.db, tags))) as fill:
        entry = make(fill.versions)
    kept = entry.kept and fill.agree and not is_dirty(state.db)
    entry = replace(entry, tags=frozenset(tags), reads=tuple(fill.reads), kept=kept)
    state.store.put(entry)
    if kept and state.store.get(key) is not entry:
        current_app.logger.warning("too large to be kept: %s, %d bytes", key, entry.size())
    return entry


def _respond(entry: Entry) -> Response:
    """Answer with the entry: compressed where the client can read that, 304 where it has it already."""
    request.environ[ENTRY] = entry
    coding = request.accept_encodings.best_match(entry.packed)
    response = Response(entry.packed[coding] if coding else entry.body, headers=dict(entry.headers))
    if coding:
        response.headers["Content-Encoding"] = coding
        # A strong one names bytes, so each coding has its own (RFC 9110, 8.8.3).
        response.set_etag(f"{response.get_etag()[0]}-{coding}")
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

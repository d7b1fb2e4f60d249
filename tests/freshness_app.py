"""The application that the freshness test serves: the real one, with workers that die, and a fault where one is wanted.

`KILL_SHARE`: so many of the saved posts kill their worker right after the commit, before the answer; `KILL_SEED` seeds
the choice. `FAULT`: one of `FAULTS`, the ways in which other caches go stale. All of it is put in from here, so that
the application itself has no switch that could be left on.
"""

import os
import random
import secrets
import signal
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from flask import Flask, Response, g
from sqlalchemy import event
from sqlalchemy.orm import Session

import flask_revalidation.cache
import flask_revalidation.transaction
from app import create_app
from flask_revalidation.privacy import shared
from flask_revalidation.store import Entry, Fill, current_fill
from flask_revalidation.transaction import _RUNNING, current_write, write
from models import db

DEADLY = ("posts.update_post", "api update_post", "webhook stripe", "webhook")
DELAY = 0.03  # seconds that a planted fault waits between its two steps; elsewhere the scheduler does that


def application() -> Flask:
    """Return the application for gunicorn, as the environment asks for it."""
    app = create_app()
    if fault := os.environ.get("FAULT"):
        FAULTS[fault](app)
    _say_who_answers(app)
    _die_after_commits(float(os.environ.get("KILL_SHARE", "0")), os.environ.get("KILL_SEED", "1"))
    return app


def _die_after_commits(share: float, seed: str) -> None:
    chance = random.Random(f"{seed} {os.getpid()}")

    @event.listens_for(db.session, "after_commit")
    def die(session: Session) -> None:
        running = session.info.get(_RUNNING)
        if running and running.by in DEADLY and chance.random() < share:
            os.kill(os.getpid(), signal.SIGKILL)


def _say_who_answers(app: Flask) -> None:
    """Name on each answer the worker, and whether it came from the store or was made for it."""
    fill = flask_revalidation.cache._fill

    def noted(*args: Any) -> Entry:
        g.made = True
        return fill(*args)

    flask_revalidation.cache._fill = noted

    @app.after_request
    def label(response: Response) -> Response:
        response.headers["X-Worker"] = str(os.getpid())
        response.headers["X-Copy"] = "made" if "made" in g else "kept"
        return response


def purge_in_one_process(_app: Flask) -> None:
    """Plant: the versions live in the process, so a write tells only the worker that ran it."""
    versions: dict[str, str] = {}

    def read(_source: Any, tags: Collection[str]) -> dict[str, str]:
        return {tag: versions.get(tag, "") for tag in tags}

    def replace_here(_source: Any, tags: Iterable[str]) -> None:
        versions.update({tag: secrets.token_hex(16) for tag in tags})

    flask_revalidation.cache.read_versions = read
    flask_revalidation.transaction.replace_versions = replace_here


def purge_in_one_machine(app: Flask) -> None:
    """Plant: the versions live in the data directory, so a write tells only the workers of its own machine."""
    folder = Path(app.config["DATA_DIR"], "versions")
    folder.mkdir(exist_ok=True)

    def file_of(tag: str) -> Path:
        return folder / tag.encode().hex()

    def read(_source: Any, tags: Collection[str]) -> dict[str, str]:
        return {tag: file_of(tag).read_text() if file_of(tag).exists() else "" for tag in tags}

    def replace_here(_source: Any, tags: Iterable[str]) -> None:
        for tag in tags:
            file_of(tag).write_text(secrets.token_hex(16))

    flask_revalidation.cache.read_versions = read
    flask_revalidation.transaction.replace_versions = replace_here


def read_committed(app: Flask) -> None:
    """Plant: each statement sees another moment, and a part hands its later versions to the page around it."""

    def take_later(fill: Fill, part: Entry) -> None:
        fill.versions.update(part.versions)

    Fill.add = take_later  # type: ignore[method-assign]
    render = flask_revalidation.cache._entry

    def slowly(*arguments: Any) -> Entry:
        if current_fill.get():
            time.sleep(DELAY)  # between what the page has read and what its part reads
        return render(*arguments)

    flask_revalidation.cache._entry = slowly
    with app.app_context():
        db.engine.update_execution_options(isolation_level="READ COMMITTED")


def revalidate_after_commit(app: Flask) -> None:
    """Plant: the versions are replaced in a second transaction, and a worker may die between the two."""

    @contextmanager
    def write_then_revalidate(by: str) -> Iterator[Session]:
        with write(by) as session:
            yield session
            first = current_write(by)
            tags, first.tags = first.tags, set()
        time.sleep(DELAY)
        with write("the second step"):
            current_write(by).tags = tags

    app.extensions["server_actions"].transaction = write_then_revalidate


def fill_without_snapshot(_app: Flask) -> None:
    """Plant: a copy is made in one transaction, and stored under the versions of a later one."""
    fill = flask_revalidation.cache._fill

    def fill_with_what_was_read(state: Any, key: str, tags: Collection[str], make: Callable[[Any], Entry]) -> Entry:
        with shared(Fill(key, {})):
            made = make({})
        state.db.session.rollback()
        time.sleep(DELAY)
        return fill(state, key, tags, lambda versions: replace(made, versions=versions))

    flask_revalidation.cache._fill = fill_with_what_was_read


FAULTS = {
    "per-process": purge_in_one_process,
    "after-commit": revalidate_after_commit,
    "no-snapshot": fill_without_snapshot,
    "per-machine": purge_in_one_machine,
    "read-committed": read_committed,
}

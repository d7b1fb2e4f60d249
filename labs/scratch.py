"""A second site to be attacked: the same application on a throwaway database, so that nothing of the demo is harmed.

It is made once for each process: a copy of the demo as it is or, where that is on PostgreSQL, a new one by
`flask prepare`. After an attack that wrote, it is put back.
"""

import logging
import os
import secrets
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from contextvars import Context
from pathlib import Path
from typing import Any

from flask import current_app
from werkzeug.test import TestResponse

from flask_revalidation import write
from labs.source import ROOT
from models import ApiKey, Comment, Delivery, DeliveryStatus, Message, Scope, User, UserSession, db
from settings import Settings
from web.gate import SESSION, cookie_name

ORIGIN = "http://localhost"
OURS = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}  # what a browser says of a form of ours
FILE, SAVED = "hallway.db", "saved.db"


def environment(folder: Path) -> dict[str, str]:
    """Return the variables of a demo on a folder of its own, without the labs: from in there nobody attacks."""
    return {"DATA_DIR": str(folder), "DEMO": "1", "LABS": "0", "XRAY": "0"}


def copy(source: Path, target: Path) -> None:
    """Copy an SQLite database, also while others use it."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def prepare(folder: Path) -> None:
    """Put a filled database into a folder."""
    if db.engine.dialect.name == "sqlite":
        copy(Path(db.engine.url.database or ""), folder / FILE)
        return
    variables = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    variables |= environment(folder)
    command = [sys.executable, "-m", "flask", "prepare"]
    subprocess.run(command, cwd=ROOT, env=variables, check=True, timeout=60, capture_output=True)  # noqa: S603


class Site:
    """The site, and in it things of each kind that are Ada's, for others to reach for."""

    def __init__(self, folder: Path) -> None:
        from app import create_app  # it is what opens the labs, so it knows them first

        prepare(folder)
        self.folder, self.app = folder, create_app(Settings.from_environment(environment(folder)))
        self.actions = dict(sorted(self.app.extensions["server_actions"].actions.items()))
        self.app.logger.addFilter(self._is_elsewhere)  # what is refused in here is meant to be
        with self.app.app_context(), write(by="labs"):
            self.ids, self.version = _things()
            name = cookie_name(SESSION)
            self.cookies = {who: f"{name}={UserSession.start(User.find_author(who))}" for who in ("ada", "bob")}
        self._watch = sqlite3.connect(folder / FILE, check_same_thread=False)
        copy(folder / FILE, folder / SAVED)

    def ask(
        self,
        method: str,
        path: str,
        fields: Mapping[str, Any] | str,
        *,
        person: str = "",
        headers: Mapping[str, str] = OURS,
    ) -> TestResponse:
        """Send a request as a person of the demo, or as nobody; each from another network, for some are limited."""
        named = {**headers, **({"Cookie": self.cookies[person]} if person else {})}
        network = {"REMOTE_ADDR": ".".join(["10", *(str(secrets.randbelow(256)) for _ in range(3))])}
        where: dict[str, Any] = {"query_string" if method == "GET" else "data": fields}
        client = self.app.test_client(use_cookies=False)
        options = {"method": method, "base_url": ORIGIN, "headers": named, "environ_overrides": network, **where}
        # In a context of its own: what watches the request around this one sees nothing of it.
        return Context().run(client.open, path, **options)

    def commits(self) -> int:
        """Return a number that is another one as soon as anything has been committed."""
        return int(self._watch.execute("PRAGMA data_version").fetchone()[0])

    def put_back(self) -> None:
        """Undo all that was written."""
        copy(self.folder / SAVED, self.folder / FILE)

    def _is_elsewhere(self, _record: logging.LogRecord) -> bool:
        return current_app != self.app


def _things() -> tuple[dict[str, dict[str, int]], int]:
    """Make a thing of each kind, and return their ids by the field that names them, and the version of the posts."""
    ada = User.find_author("ada")
    posts = {state: ada.write(f"Ada’s {state} post") for state in ("live", "draft", "deleted")}
    posts["live"].publish()
    posts["deleted"].delete()
    comment, (key, _) = Comment.add(posts["live"], ada, "Mine."), ApiKey.issue(ada, "A partner", [Scope.READ])
    message = Message.send(name="Ina", email="ina@post.example", body="May we print it?")
    failed = Delivery(source="stripe", event_id="evt_attack", type="ping", body=b"{}", status=DeliveryStatus.FAILED)
    db.session.add(failed)
    db.session.flush()
    ids = {"post_id": {state: post.id for state, post in posts.items()}, "comment_id": {"": comment.id}}
    ids |= {"key_id": {"": key.id}, "message_id": {"": message.id}, "delivery_id": {"": failed.id}}
    return ids, posts["live"].version

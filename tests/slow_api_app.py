"""The application with moments to stop at, for tests of the public door over processes.

While the file `HOLD` is there, a new post waits in its transaction; the file `KILL` makes the next one kill its worker
right after the commit, before the answer. All of it is put in from here: the application has no switch for it.
"""

import os
import signal
import time
from pathlib import Path
from typing import Any

from flask import Flask, Response
from sqlalchemy import event
from sqlalchemy.orm import Session

import api.v1.posts
from app import create_app
from flask_revalidation.transaction import _RUNNING
from models import db


def application() -> Flask:
    """Return the application for gunicorn."""
    app = create_app()
    hold, kill = (Path(app.config["DATA_DIR"], name) for name in ("HOLD", "KILL"))
    answer = api.v1.posts._answer

    def wait_and_answer(*args: Any, **rest: Any) -> Response:
        while hold.exists():
            hold.with_name("HELD").write_text(str(os.getpid()))
            time.sleep(0.01)
        return answer(*args, **rest)

    api.v1.posts._answer = wait_and_answer

    @event.listens_for(db.session, "after_commit")
    def die(session: Session) -> None:
        running = session.info.get(_RUNNING)
        if running and running.by == "api create_post" and kill.exists():
            kill.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    @app.after_request
    def label(response: Response) -> Response:
        response.headers["X-Worker"] = str(os.getpid())
        return response

    return app

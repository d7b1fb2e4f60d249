"""The application that the webhook tests serve: the real one, with an effect that can be counted, and sudden deaths.

`KILL_SHARE`: so many of the webhook requests kill their worker, each at a point of its own: the death comes at one of
the calls between receipt and answer, those into SQLite and the socket among them. `KILL_SEED` seeds the choice.
"""

import os
import random
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flask import Flask

from app import create_app
from models import Message
from models.delivery import effect

COUNTED = "test.counted"
CALLS = 15_000  # some more than one request makes, from its receipt until its answer is sent


@effect("stripe", COUNTED)
def count(payload: Any) -> set[str]:
    """Leave a letter: unlike the real effects, one that shows when it has acted twice."""
    Message.send(name=payload["id"], email="x@x.example", body="acted")
    return {"messages"}


def application() -> Flask:
    """Return the application for gunicorn, as the environment asks for it."""
    app = create_app()
    share = float(os.environ.get("KILL_SHARE", "0"))
    if share:
        app.wsgi_app = dying(app.wsgi_app, share, os.environ.get("KILL_SEED", "1"))  # type: ignore[method-assign]
    return app


def dying(serve: Callable[..., Iterable[bytes]], share: float, seed: str) -> Callable[..., Iterable[bytes]]:
    """Return a server that dies in the middle of some requests, and notes each death in `DATA_DIR`."""
    chances: dict[int, random.Random] = {}  # one for each process: workers are forks of one application

    def serve_or_die(environ: Any, start_response: Any) -> Iterable[bytes]:
        chance = chances.setdefault(os.getpid(), random.Random(f"{seed} {os.getpid()}"))
        if environ["PATH_INFO"].startswith("/api/webhooks/") and chance.random() < share:
            sys.setprofile(countdown(chance.randrange(1, CALLS)))
        return serve(environ, start_response)

    return serve_or_die


def countdown(calls: int) -> Callable[..., None]:
    """Return a profiler that kills the process at the n-th call or return of this thread."""
    left = calls

    def die(_frame: Any, _event: str, _argument: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            with Path(os.environ["DATA_DIR"], "deaths").open("ab") as deaths:
                deaths.write(b".")
            os.kill(os.getpid(), signal.SIGKILL)

    return die

"""`/lab/stale`: the same title, cached in four ways, step by step and under load."""

import json
import threading
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from flask import Response, render_template
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field

from actions.fields import Nothing
from actions.rate_limit import enforce
from flask_server_actions import Result, action, conflict, last_result, success
from flask_server_actions.csrf import require_same_origin
from labs.blueprint import bp
from labs.caches import PLACES, STRATEGIES, Store, Strategy, Worker
from labs.exchange import LIMITS, OPEN
from labs.source import Source
from models import User
from pages.paging import asked

SECONDS, READERS = 0.7, 3  # of each strategy; threads that read while one writes
CRASH_EVERY = 8  # of so many writes, one loses its worker before it has invalidated
_one_at_a_time = threading.Lock()  # of each process: two crowds would measure each other


class Steps(BaseModel):
    """`?steps=wwc`: what was pressed, in order: write, or write and crash."""

    steps: Annotated[str, Field(pattern=r"^[wc]{0,12}$")] = ""


@bp.get("/lab/stale")
def stale() -> str:
    """Show what each place shows after the steps in the address, in each strategy."""
    steps = asked(Steps).steps
    with TemporaryDirectory() as folder:
        columns = [_after(steps, strategy, Path(folder, f"{strategy.slug}.db")) for strategy in STRATEGIES]
    counted = last_result().data or {}
    return render_template(
        "labs/stale.html", columns=columns, steps=steps, counted=counted, source_of=Source.of, seconds=SECONDS
    )


def _after(steps: str, strategy: Strategy, path: Path) -> dict[str, Any]:
    """Take the steps, everyone reading after each, and return what is served then."""
    store, workers = Store(path), [Worker("Worker 1"), Worker("Worker 2")]
    store.begin_at_one()
    served = _read_all(store, strategy, workers)
    for step in steps:
        strategy.write(store, workers[0], step == "c")
        served = _read_all(store, strategy, workers)
    title = store.title()
    store.db.close()
    return {"strategy": strategy, "title": title, "served": served}


def _read_all(store: Store, strategy: Strategy, workers: list[Worker]) -> dict[str, dict[str, int]]:
    return {worker.name: {place: strategy.read(store, worker, place) for place in PLACES} for worker in workers}


class Count:
    """What a crowd has seen: reads, and of these the stale ones. A thread has its own, so nothing is counted twice."""

    def __init__(self) -> None:
        self.reads = self.stale = 0


def _crowd(strategy: Strategy, path: Path) -> Iterator[dict[str, int]]:
    """Let readers and a writer work for `SECONDS`; yield the counts as they grow.

    A read is stale where it began after a commit and shows what was there before.
    """
    store, workers, committed = Store(path), [Worker("Worker 1"), Worker("Worker 2")], [1]
    store.begin_at_one()
    ends, counts, writes = time.monotonic() + SECONDS, [Count() for _ in range(READERS)], Count()

    def read(number: int) -> None:
        own, worker, count = Store(path), workers[number % 2], counts[number]
        while time.monotonic() < ends:
            least = committed[0]
            count.stale += strategy.read(own, worker, PLACES[0]) < least
            count.reads += 1
            time.sleep(0.0002)  # visitors of the site come first
        own.db.close()

    def write() -> None:
        own = Store(path)
        while time.monotonic() < ends:
            writes.reads += 1
            strategy.write(own, workers[0], writes.reads % CRASH_EVERY == 0)
            committed[0] = own.title()
            time.sleep(0.01)
        own.db.close()

    threads = [threading.Thread(target=read, args=[number]) for number in range(READERS)]
    threads.append(threading.Thread(target=write))
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.1)
        reads, old = sum(count.reads for count in counts), sum(count.stale for count in counts)
        yield {"reads": reads, "stale": old, "writes": writes.reads}
    store.db.close()


def measure() -> Iterator[tuple[str, dict[str, int]]]:
    """Measure each strategy in turn. Raises Result (409) while somebody else does."""
    if not _one_at_a_time.acquire(blocking=False):
        raise conflict("Somebody else is measuring just now. It takes three seconds; please try again.")
    try:
        with TemporaryDirectory() as folder:
            for strategy in STRATEGIES:
                for counts in _crowd(strategy, Path(folder, f"{strategy.slug}.db")):
                    yield strategy.slug, counts
    finally:
        _one_at_a_time.release()


def count_all(_form: Nothing, _user: User | None) -> dict[str, dict[str, int]]:
    """Measure, and return the last counts of each strategy."""
    return dict(measure())


@action(allow=OPEN, prepare=count_all, writes=False, rate_limit=LIMITS)
def count(_form: Nothing, _user: User | None, counted: dict[str, dict[str, int]]) -> Result:
    """Show what readers saw while a writer wrote."""
    return success("Measured, on this machine, just now.", data=counted, reveal_once={"lab": "stale"})


@bp.post("/lab/stale/counts")
def counts() -> ResponseReturnValue:
    """Stream the counts while they grow, a line of JSON each: for the page's script, which draws them."""
    require_same_origin()
    running = measure()
    try:
        enforce(count, None)
        first = next(running)
    except Result as refusal:
        return {"error": refusal.message}, refusal.status

    def lines() -> Iterator[str]:
        for slug, numbers in chain([first], running):
            yield json.dumps({"strategy": slug, **numbers}) + "\n"

    return Response(lines(), mimetype="application/x-ndjson")

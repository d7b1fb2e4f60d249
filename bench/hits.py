"""What the check of versions costs: the same page, four ways, in turns within one run. Ratios count, not seconds."""

import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from unittest.mock import patch

from flask import Flask

from bench.fill import filled
from flask_revalidation.store import Store

ROUNDS, READS = 15, 200
PAGE = "/blog/commit-is-the-only-moment"


def seconds(read: Callable[[], object], way: AbstractContextManager[object]) -> float:
    """Return the time of `READS` reads in this way."""
    with way:
        began = time.perf_counter()
        for _ in range(READS):
            read()
        return time.perf_counter() - began


def measure(app: Flask) -> dict[str, list[float]]:
    """Return the times of each way to get the page, by its name."""
    browser, alone, times = app.test_client(), app.wsgi_app.flask, {}  # type: ignore[attr-defined]

    def hit() -> None:
        assert browser.get(PAGE).status_code == 200

    def render() -> None:
        app.extensions["revalidation"].store = Store()
        hit()

    unchecked = "flask_revalidation.cache._fresh", lambda state, key: state.store.get(key)
    for _ in range(ROUNDS):
        for name, read, way in (
            ("hit in front of Flask", hit, nullcontext()),
            ("render", render, patch.object(app, "wsgi_app", alone)),
            ("hit, versions checked", hit, patch.object(app, "wsgi_app", alone)),
        ):
            times.setdefault(name, []).append(seconds(read, way))
        with patch(*unchecked):
            way = patch.object(app, "wsgi_app", alone)
            times.setdefault("hit, nothing checked", []).append(seconds(hit, way))
    return times


def main() -> None:
    """Print requests per second for a render, and for hits with more and less in their way."""
    with filled() as (_, app):
        times = measure(app)
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, value in medians.items():
        print(f"{name:22} {READS / value:8.0f} requests/s   {value / medians['hit, nothing checked']:6.2f} x")


if __name__ == "__main__":
    main()

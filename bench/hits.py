"""What the check of versions costs: the same page, three ways, in turns within one run. Ratios count, not seconds."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from flask_migrate import upgrade

import flask_revalidation.cache
from app import create_app
from demo.seed import seed
from flask_revalidation import revalidate_everything, write
from flask_revalidation.store import Store
from settings import Settings

ROUNDS, READS = 15, 200


def seconds(read: Callable[[], object]) -> float:
    """Return the time of `READS` reads."""
    began = time.perf_counter()
    for _ in range(READS):
        read()
    return time.perf_counter() - began


def main() -> None:
    """Print requests per second for a render, a hit, and a hit that checks nothing."""
    with tempfile.TemporaryDirectory() as directory:
        app = create_app(Settings.from_environment({"DATA_DIR": directory}))
        with app.app_context():
            upgrade(str(Path(__file__).parent.parent / "migrations"))
            with write(by="bench"):
                seed()
                revalidate_everything()
        browser, fast = app.test_client(), app.wsgi_app
        alone = fast.flask  # type: ignore[attr-defined]
        path, checked = "/blog/commit-is-the-only-moment", flask_revalidation.cache._fresh

        def unchecked(state: object, key: str) -> object:
            return state.store.get(key)  # type: ignore[attr-defined]

        def hit() -> None:
            assert browser.get(path).status_code == 200

        def hit_without_check() -> None:
            flask_revalidation.cache._fresh = unchecked  # type: ignore[assignment]
            hit()
            flask_revalidation.cache._fresh = checked

        def hit_in_front() -> None:
            app.wsgi_app = fast  # type: ignore[method-assign]
            hit()
            app.wsgi_app = alone  # type: ignore[method-assign]

        def render() -> None:
            app.extensions["revalidation"].store = Store()
            hit()

        hit_in_front()
        kinds = {
            "hit in front of Flask": hit_in_front,
            "render": render,
            "hit, versions checked": hit,
            "hit, nothing checked": hit_without_check,
        }
        times: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(ROUNDS):
            for name, read in kinds.items():
                times[name].append(seconds(read))
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, value in medians.items():
        print(f"{name:22} {READS / value:8.0f} requests/s   {value / medians['hit, nothing checked']:6.2f} x")


if __name__ == "__main__":
    main()

"""What the X-ray costs a request: the same requests with it and without, in turns; processor time in milliseconds."""

import statistics
import time
from collections.abc import Callable
from typing import Any

from app import create_app
from bench.fill import filled
from settings import Settings

ROUNDS, TIMES = 9, 40
ORIGIN = "http://127.0.0.1:8000"
FORM = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


def milliseconds(ask: Callable[[], Any]) -> float:
    """Return how long one of `TIMES` requests took."""
    began = time.process_time()
    for _ in range(TIMES):
        ask()
    return (time.process_time() - began) / TIMES * 1000


def main() -> None:
    """Print the median of each kind of request, with the X-ray and without."""
    times: dict[tuple[str, str], list[float]] = {}
    with filled() as (directory, _):
        browsers = {}
        for name in ("0", "1"):
            app = create_app(Settings.from_environment({"DATA_DIR": str(directory), "XRAY": name, "LABS": "0"}))
            browsers[name] = app.test_client()
            persona = {"persona": "ada"}
            browsers[name].post("/_actions/demo.switch_persona", data=persona, headers=FORM, base_url=ORIGIN)
        for _ in range(ROUNDS):
            for on, browser in browsers.items():
                stranger = browser.application.test_client(use_cookies=False)
                asked: dict[str, Callable[[], Any]] = {
                    "hit in front of Flask": lambda s=stranger: s.get("/", buffered=True),
                    "page for one caller": lambda b=browser: b.get("/dashboard", base_url=ORIGIN, buffered=True),
                    "action": lambda b=browser: b.post(
                        "/_actions/likes.toggle_like", data={"post_id": 1}, headers=FORM, base_url=ORIGIN, buffered=True
                    ),
                }
                for kind, ask in asked.items():
                    times.setdefault((kind, on), []).append(milliseconds(ask))
                store = browser.application.extensions.get("xray")
                if store:
                    store.follow()
                times.setdefault(("action, followed", on), []).append(milliseconds(asked["action"]))
                if store:
                    store.follow(at=0)
    for kind in dict.fromkeys(kind for kind, _ in times):
        without, with_it = (statistics.median(times[kind, on]) for on in ("0", "1"))
        print(f"{kind:22} {without:7.2f} ms without, {with_it:7.2f} ms with: {with_it - without:+.2f} ms")


if __name__ == "__main__":
    main()

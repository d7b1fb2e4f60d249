"""Webhooks at a steady rate, for bin/prove: each is taken, and none acts twice. It says which rate was reached."""

import os
import time
from collections import Counter
from pathlib import Path

import pytest
from flask import Flask
from serving import serving
from test_webhook_stripe_crash import FORKED, counted, crowd, each_acted_once
from webhooks import Sender

RATES = {
    "repeats": int(os.environ.get("WEBHOOK_REPEATS", "500")),
    "new events": int(os.environ.get("WEBHOOK_NEW", "200")),
}
SECONDS = int(os.environ.get("WEBHOOK_SECONDS", "60"))
EVENTS = 100  # that are repeated


@pytest.mark.parametrize("what", RATES)
def test_stream_is_taken_and_each_event_acts_once(app: Flask, data_dir: Path, what: str) -> None:
    number, name = RATES[what] * SECONDS, what[:3]
    events = EVENTS if what == "repeats" else number
    bodies = [counted(f"{name}.{each}") for each in range(events)]
    with serving(data_dir, **FORKED) as server:  # type: ignore[arg-type]
        if what == "repeats":
            crowd(server, 8, Sender.deliver, bodies)
        start = time.monotonic() + 0.5

        def post_in_time(sender: Sender, turn: int) -> tuple[int, float]:
            time.sleep(max(0.0, start + turn / RATES[what] - time.monotonic()))
            began = time.monotonic()
            status = sender.post(bodies[turn % events])[0]
            return status, time.monotonic() - began

        answers = crowd(server, 24, post_in_time, range(number))
        reached = number / (time.monotonic() - start)

        refused = [bodies[turn % events] for turn, (status, _) in enumerate(answers) if status != 200]
        crowd(server, 8, Sender.deliver, refused)  # as their sender does

    waited = sorted(1000 * seconds for _, seconds in answers)
    print(f"\n{what}: {reached:.0f}/s of {RATES[what]}/s for {SECONDS} s", Counter(status for status, _ in answers))  # noqa: T201
    print(f"p50 {waited[number // 2]:.0f} ms, p99 {waited[number * 99 // 100]:.0f} ms")  # noqa: T201
    assert each_acted_once(app, name, events)
    assert {status for status, _ in answers} <= {200, 503}

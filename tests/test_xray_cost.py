"""What the X-ray adds to a request, in calls of functions: their number is the same on a busy machine."""

import cProfile
import pstats
import time

import pytest
from test_xray import Whole

pytest.importorskip("xray.store", reason="the folder xray/ is taken out")

ASKED = {
    "hit": lambda browser: browser.get("/"),
    "page": lambda browser: browser.get("/dashboard"),
    "action": lambda browser: browser.act("likes.toggle_like", post_id=1),
}


def calls(ask, browser):
    """Return how many functions were called for a request, the cheapest of a few: caches fill at first."""
    counts = []
    for _ in range(4):
        profile = cProfile.Profile()
        profile.runcall(ask, browser)
        counts.append(pstats.Stats(profile).total_calls)
    return min(counts)


# Two milliseconds are about ten thousand calls. What a tracer slows down is not counted: see test_xray_lines.
@pytest.mark.sqlite("it is the same code")
@pytest.mark.parametrize(
    ("kind", "followed", "most"),
    [("hit", False, 600), ("page", False, 1000), ("action", False, 1300), ("action", True, 1500)],
)
def test_watching_a_request_takes_a_bounded_number_of_calls(make_app, kind, followed, most):
    counts = []
    for on in ("0", "1"):
        app = make_app(XRAY=on)
        app.test_client_class = Whole
        browser = app.test_client()
        if kind != "hit":
            browser.act("demo.switch_persona", persona="ada")
        if followed and on == "1":
            app.extensions["xray"].follow(at=time.time() + 60)
        counts.append(calls(ASKED[kind], browser))

    assert 0 < counts[1] - counts[0] < most

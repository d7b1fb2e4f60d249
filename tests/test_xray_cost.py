"""The X-ray costs a request two milliseconds of the processor at most, also while somebody follows."""

import time

import pytest
from test_xray import Whole

pytest.importorskip("xray.store", reason="the folder xray/ is taken out")

ASKED = {
    "hit": lambda browser: browser.get("/"),
    "page": lambda browser: browser.get("/dashboard"),
    "action": lambda browser: browser.act("likes.toggle_like", post_id=1),
}
TIMES, MOST = 25, 2.0  # the cheapest of so many, in milliseconds: what else the machine does is nobody's cost


def milliseconds(ask, browser):
    began = time.process_time()
    ask(browser)
    return (time.process_time() - began) * 1000


@pytest.mark.sqlite("the processor's time is the same")
@pytest.mark.parametrize(("kind", "followed"), [("hit", False), ("page", False), ("action", False), ("action", True)])
def test_request_costs_two_milliseconds_more_at_most(make_app, kind, followed):
    browsers = []
    for on in ("0", "1"):
        app = make_app(XRAY=on)
        app.test_client_class = Whole
        browsers.append(app.test_client())
        if kind != "hit":
            browsers[-1].act("demo.switch_persona", persona="ada")
    if followed:
        app.extensions["xray"].follow(at=time.time() + 60)

    costs = [[milliseconds(ASKED[kind], browser) for browser in browsers] for _ in range(TIMES)]
    without, with_it = map(min, zip(*costs, strict=True))

    assert with_it - without < MOST

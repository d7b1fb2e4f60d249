"""`/lab/stale`: only what is committed together stays together."""

import json
import re

import pytest
from conftest import ORIGIN

pytest.importorskip("labs", reason="the folder labs/ is taken out")

from labs import stale
from labs.caches import PLACES


@pytest.fixture
def app(make_app):
    return make_app(LABS="1")


def glowing(page):
    """Return for each strategy how many of its places show what is no longer so."""
    parts = re.split(r'<section class="panel strategy (\w+)"', page)[1:]
    return {name: part.count('class="glows"') for name, part in zip(parts[::2], parts[1::2], strict=True)}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [("", (0, 0, 0, 0)), ("w", (0, 0, 3, 6)), ("c", (0, 6, 6, 6)), ("cw", (0, 0, 3, 6)), ("wwc", (0, 6, 6, 6))],
)
def test_only_the_transaction_is_never_stale(visitor, steps, expected):
    assert len(PLACES) == 3

    assert tuple(glowing(visitor.get(f"/lab/stale?steps={steps}").text).values()) == expected


def test_crash_takes_back_the_whole_write_or_leaves_it_half_done(visitor):
    page = visitor.get("/lab/stale?steps=wc").text

    assert re.findall(r'class="truth">Title (\d)', page) == ["2", "3", "3", "3"]


def test_steps_are_bounded(visitor):
    assert visitor.get(f"/lab/stale?steps={'w' * 12}").status_code == 200
    assert visitor.get(f"/lab/stale?steps={'w' * 13}").status_code == 404
    assert visitor.get("/lab/stale?steps=x").status_code == 404


def test_readers_and_a_writer_find_stale_reads_in_three_of_four(visitor, monkeypatch):
    monkeypatch.setattr(stale, "SECONDS", 0.3)
    lines = visitor.post("/lab/stale/counts", headers={"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}).text
    last = {line["strategy"]: line for line in map(json.loads, lines.splitlines())}

    assert {name: bool(line["stale"]) for name, line in last.items()} == {
        "transaction": False,
        "commit": True,
        "process": True,
        "forgotten": True,
    }
    assert all(line["reads"] > 20 and line["writes"] > 3 for line in last.values())
    assert visitor.post("/lab/stale/counts").status_code == 403
    monkeypatch.setattr(stale, "SECONDS", 0.05)
    page = visitor.act("stale.count", page="/lab/stale").text  # without script: the last counts
    assert re.search(r'transaction">.*?data-count="stale">0</dd>.*?data-count="reads">[1-9]', page, re.S)


def test_two_crowds_do_not_measure_each_other(visitor):
    with stale._one_at_a_time:
        answer = visitor.act("stale.count", page="/lab/stale")

    assert answer.status_code == 409
    assert "Somebody else is measuring" in answer.text

"""`/lab/attack`: its table is made by sending the requests, and says what `tests/attack_table.py` says."""

import re

import pytest
from attack_table import ACTIONS, table
from markup import faults
from scenarios import fingerprint

pytest.importorskip("labs", reason="the folder labs/ is taken out")

from labs import attack, hostile, scratch


@pytest.fixture
def app(make_app):
    return make_app(LABS="1")


@pytest.fixture
def site(app, tmp_path, monkeypatch):
    """The site that is attacked, of this test alone."""
    with app.app_context():
        found = scratch.Site(tmp_path)
    monkeypatch.setattr(attack, "_site", lambda: found)
    return found


def test_every_attack_on_every_action_ends_as_the_table_says(app, site, caplog):
    expected, before = table(ACTIONS), fingerprint(app)
    with app.test_request_context():
        done = attack.verdicts(attack.targets())

    assert done.keys() == expected.keys()
    for name, row in done.items():
        assert row["nobody"].status == expected[name]["nobody"], name
        assert row["another"] is None or row["another"].status == expected[name]["other"], name
        assert (row["extra"].status, row["foreign"].status, row["get"].status) == (422, 403, 405), name
        assert not any(row[kind].wrote for kind in ("extra", "foreign", "get")), name
        refused = [verdict for verdict in row.values() if verdict and verdict.attack != "replay"]
        assert all(bool(verdict.refused_by) is (verdict.status >= 400) for verdict in refused), name
        again = row["replay"]
        assert again.note.startswith(f"first {expected[name]['owner']}, then "), name
        assert not again.wrote or name in SET_A_COOKIE, name
    assert fingerprint(app) == before
    assert caplog.records == []  # the operator of the demo has not been attacked


# Their answer cannot be given twice: the second browser would be told "done" without it.
SET_A_COOKIE = {"accounts.sign_in", "accounts.sign_out", "demo.reset", "demo.switch_persona"}


def test_button_shows_the_verdict_and_the_code_that_said_no(site, visitor):
    target = {"name": "posts.publish_post", "attack": "another"}
    one = visitor.act("attack.try_one", page="/lab/attack?action=posts.publish_post", **target)
    everything = visitor.act("attack.try_all", page="/lab/attack", htmx=True)

    assert '<strong class="repelled">404</strong>' in one.text
    assert "models/user.py" in one.text
    assert 'raise</span> <span class="n">NotFound' in one.text
    assert everything.text.count('<th scope="row">') == len(site.actions)
    assert faults(one.text) == faults(everything.text) == []
    unknown = visitor.act("attack.try_one", page="/lab/attack", name="posts.steal", attack="another")
    assert unknown.status_code == 422


def test_attack_is_built_from_the_registry(app):
    listed = app.test_client().get("/lab/attack").text
    ours = set(app.extensions["server_actions"].actions)
    labs = {
        name for name in ours if app.extensions["server_actions"].actions[name].function.__module__.startswith("labs.")
    }

    assert set(re.findall(r"/lab/attack\?action=([\w.]+)#", listed)) == ours - labs
    files = {"attack", "guide", "outside", "patterns", "people", "stale", "terminal", "tour", "webhook"}
    assert {name.partition(".")[0] for name in labs} == files
    assert hostile.ATTACKS.keys() == {"another", "extra", "nobody", "get", "foreign", "replay"}

"""Signals say what becomes of an action, in its order, and nothing of what was typed is made for nobody."""

import pytest
from items_app import add, make, send

from flask_server_actions import Form, action, anyone, invalid, signals, success


class Item(Form):
    """A name."""

    name: str


@action(allow=anyone("a test"))
def open_one(form: Item, user):
    return add(APP[0], form.name) or (invalid(name="Taken.") if form.name == "taken" else success("Done."))


@action(allow=lambda user: False)
def closed_one(form: Item, user):
    return success("Done.")


APP = []


@pytest.fixture
def told():
    """What the signals say, in their order."""
    found, receivers = [], []
    for name in ("parsed", "authorised", "ran", "refused"):

        def receive(action, name=name, **facts):
            found.append((name, action.name.partition(".")[2], {k: getattr(v, "status", v) for k, v in facts.items()}))

        getattr(signals, name).connect(receive)
        receivers.append(receive)
    yield found
    receivers.clear()  # which were connected for as long as they are there


@pytest.mark.parametrize(
    ("action_name", "fields", "steps"),
    [
        ("open_one", {"name": "tea"}, [("parsed",), ("authorised", True), ("ran", 200)]),
        ("open_one", {"name": "taken"}, [("parsed",), ("authorised", True), ("ran", 422)]),
        ("open_one", {"name": "tea", "role": "owner"}, [("refused", 422)]),
        ("closed_one", {"name": "tea"}, [("parsed",), ("authorised", False), ("refused", 401)]),
    ],
)
def test_each_step_of_an_action_is_told(told, action_name, fields, steps):
    APP[:] = [make(open_one, closed_one, sign_in="/")]

    send(APP[0], f"test_what_actions_tell.{action_name}", fields)

    assert {name for _, name, _ in told} == {action_name}
    facts = {"authorised": "allowed", "ran": "result", "refused": "result"}
    assert [(step, said[facts[step]]) if step in facts else (step,) for step, _, said in told] == steps

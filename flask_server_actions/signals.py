"""Signals (blinker) that say what becomes of an action, for whoever wants to watch; each is sent with the `Action`.

`parsed` has the `form`, `authorised` the `user` and whether the policy has `allowed` it, `ran` the `result` that the
function returned. `refused` has the `result` that is the answer instead: of the schema, a rate limit, the policy, or an
earlier form with the same one-time key. What is refused by an HTTP error, such as 404, needs no signal: it is the
response's status. A receiver must not raise.
"""

from blinker import Signal

parsed, authorised, ran, refused = Signal(), Signal(), Signal(), Signal()

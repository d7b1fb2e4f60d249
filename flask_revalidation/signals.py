"""Signals (blinker) that say what happens, for whoever wants to watch. Without a receiver nothing is made for them.

`write_began` and `write_ended` are sent with the running `Write`, which knows who writes and the tags; `error` is None
where it was committed. `copy_used` is sent with the `Entry` that a page or a part was answered with: `hit` says that it
was there already; one that was made and may not be kept has `kept` False. A receiver must not raise.
"""

from blinker import Signal

write_began, write_ended, copy_used = Signal(), Signal(), Signal()

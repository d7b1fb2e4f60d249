"""Writing, from our own forms. One file per noun; each function is reachable by anyone and defends itself."""

from actions import accounts, api_keys, comments, deliveries, likes, memberships, messages, pictures, posts, settings

ACTIONS = [accounts, api_keys, comments, deliveries, likes, memberships, messages, pictures, posts, settings]

"""Reading. GET routes only: what a page shows, and what its cached copy depends on. Nothing here writes."""

from pages import accounts, blog, contact, dashboard, developers, home, inbox, members, posts, settings, support

PAGES = [home, blog, contact, support, accounts, dashboard, posts, inbox, members, developers, settings]

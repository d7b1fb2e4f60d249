"""Reading. GET routes only: what a page shows, and what its cached copy depends on. Nothing here writes."""

from pages import accounts, blog, contact, dashboard, home, inbox, posts, settings

PAGES = [home, blog, contact, accounts, dashboard, posts, inbox, settings]

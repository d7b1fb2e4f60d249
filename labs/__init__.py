"""The labs: pages of the demo that show what the site teaches. The application runs without this folder.

Nothing outside imports it: `app.py` finds it by its name, and only in a demo. What it adds to the site's own pages are
templates such as `labs/_front.html` and `labs/_masthead.html`, which they include where they are there.
"""

from typing import Any

from flask import Flask

from demo.marker import PARTNER_KEY
from flask_server_actions import Action
from labs import (
    attack,
    guide,
    learn,
    outside,
    patterns,
    people,
    publish_handler,
    reading,
    stale,
    terminal,
    tour,
    two_ways,
    webhook,
)
from labs.blueprint import bp

MODULES = (attack, guide, learn, outside, patterns, people, publish_handler, stale, terminal, tour, two_ways, webhook)


def init_app(app: Flask) -> None:
    """Open the labs on an application that has everything else already."""
    app.register_blueprint(bp)
    asset: Any = app.jinja_env.globals["asset"]
    app.jinja_env.globals["lab_asset"] = lambda name: asset(name).replace("/static/", "/lab/static/", 1)
    app.jinja_env.globals.update(labs=True, tour_progress=tour.progress, tour_length=len(tour.STEPS))
    app.jinja_env.globals.update(source_address=reading.address, terminal_lines=terminal.lines, partner_key=PARTNER_KEY)
    actions, found = app.extensions["server_actions"], (item for module in MODULES for item in vars(module).values())
    actions.actions |= {item.name: item for item in found if isinstance(item, Action)}
    actions.pages = [*actions.pages, bp.name]

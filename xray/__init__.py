"""The X-ray: shows on the pages of a demo what they are made of, and what each press has done.

Nothing imports it: `app.py` finds it by its name, and only in a demo; the application runs without this folder. It
watches by the signals of the libraries and of the application (`watch.py`), and keeps what it saw in a file of its own
(`store.py`), after the answer and outside of every transaction. What is secret never gets there (`redact.py`).
"""

import logging
from typing import Any

from click import echo
from flask import Flask

from xray import pages, replay, watch
from xray.recorder import Recorder
from xray.redact import Redactor
from xray.store import Store


def init_app(app: Flask) -> None:
    """Watch an application that has everything else already, and show it at `/xray`."""
    store = Store(app.config["DATA_DIR"] / "xray.db", Redactor(app.config))
    app.extensions["xray"] = store
    watch.connect(app)
    app.register_blueprint(pages.bp)
    asset: Any = app.jinja_env.globals["asset"]

    def xray_asset(name: str) -> str:
        return str(asset(name)).replace("/static/", "/xray/static/", 1)

    app.jinja_env.globals.update(xray=True, xray_asset=xray_asset)
    actions = app.extensions["server_actions"]
    actions.actions |= {action.name: action for action in (replay.again, replay.clear)}
    actions.pages = [*actions.pages, pages.bp.name]
    app.wsgi_app = Recorder(app.wsgi_app, store, echo if app.debug else None)  # type: ignore[method-assign]
    if app.debug:  # each request is one line
        logging.getLogger("werkzeug").addFilter(_is_no_request)


def _is_no_request(record: logging.LogRecord) -> bool:
    return not str(record.msg).rstrip().endswith('"%s" %s %s')

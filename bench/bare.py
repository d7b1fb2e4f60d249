"""What is measured against: the least that could send the same bytes, and plain Flask sending them.

Both answer every request from a file of recorded answers (`RECORDED`), by row of the table: nothing is looked up,
checked or rendered.
"""

import json
import os
from base64 import b64decode
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

_RECORDED = {
    path: (status, [tuple(header) for header in headers], b64decode(body))
    for path, (status, headers, body) in json.loads(Path(os.environ["RECORDED"]).read_text()).items()
}
_READY: Any = ("200 OK", [], b"")  # for any other path, such as one that asks whether it answers


def bare(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer as WSGI (PEP 3333), after reading what was sent."""
    environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    status, headers, body = _RECORDED.get(environ["PATH_INFO"], _READY)
    start_response(status, headers)
    return [body]


flask = Flask(__name__, static_folder=None)


@flask.route("/<path:row>", methods=["GET", "POST"])
def answer(row: str) -> Response:
    """Answer as a view of Flask."""
    request.get_data()
    status, headers, body = _RECORDED.get(f"/{row}", _READY)
    return Response(body, status, headers)

"""The looks and the scripts, each as one answer: chapters are kept as files to read and joined when the server starts.

A page then asks for one style sheet and one script, both compressed once. There is no build step and nothing to forget:
the release is part of their addresses, so a browser keeps them for good.
"""

import gzip
from pathlib import Path

from flask import Flask, Response, request

CHAPTERS = {
    "site.css": [f"css/{name}.css" for name in ("tokens", "base", "parts", "layout", "reading", "desk", "print")],
    "site.js": ["theme.js", "vendor/htmx-4.0.1.min.js", "app.js"],
}
KINDS = {".css": "text/css", ".js": "text/javascript"}


def register(app: Flask) -> None:
    """Serve the joined files beside the single ones, which stay where they are."""
    folder = Path(app.static_folder or "static")
    whole = {name: b"\n".join((folder / chapter).read_bytes() for chapter in CHAPTERS[name]) for name in CHAPTERS}
    packed = {name: gzip.compress(body, 9, mtime=0) for name, body in whole.items()}

    @app.get("/static/<any('site.css', 'site.js'):name>")
    def joined(name: str) -> Response:
        gzipped = request.accept_encodings.quality("gzip") > 0
        response = Response(packed[name] if gzipped else whole[name], mimetype=KINDS[Path(name).suffix])
        if gzipped:
            response.content_encoding = "gzip"
        response.vary.add("Accept-Encoding")
        response.cache_control.public = True
        response.cache_control.max_age = app.config["SEND_FILE_MAX_AGE_DEFAULT"]
        response.add_etag()
        response.make_conditional(request)
        return response

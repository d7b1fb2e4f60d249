"""Static files: styles and scripts, each as one answer. Chapters stay files to read; they are joined at the start.

A page then asks for one style sheet and one script, both compressed once. There is no build step and nothing to forget:
the release is part of their addresses, so a browser keeps them for good.
"""

import gzip
import hashlib
from io import BytesIO
from pathlib import Path

from flask import Flask, Response, request, send_file

ROOT = Path(__file__).parent.parent
LIBRARY = "../flask_server_actions/static"
STYLES = [f"css/{name}.css" for name in ("tokens", "base", "parts", "layout", "reading", "desk", "print")]
SCRIPTS = ["js/page.js", "vendor/htmx-4.0.1.min.js", f"{LIBRARY}/forms.js", f"{LIBRARY}/answers.js", "js/drafts.js"]
CHAPTERS = {"site.css": STYLES, "site.js": SCRIPTS}
PACKAGES = "actions", "api", "flask_revalidation", "flask_server_actions", "labs", "models", "pages", "web", "xray"


def register(app: Flask) -> None:
    """Serve the joined files beside the single ones, which stay where they are."""
    folder = Path(app.static_folder or "static")
    whole = {name: b"\n".join((folder / chapter).read_bytes() for chapter in CHAPTERS[name]) for name in CHAPTERS}
    packed = {name: gzip.compress(body, 9, mtime=0) for name, body in whole.items()}

    @app.get("/static/<any('site.css', 'site.js'):name>")
    def joined(name: str) -> Response:
        encoding = "gzip" if request.accept_encodings.quality("gzip") > 0 else None
        body = packed[name] if encoding else whole[name]
        response = send_file(BytesIO(body), download_name=name, etag=hashlib.sha256(body).hexdigest()[:20])
        response.content_encoding = encoding  # type: ignore[assignment]
        response.vary.add("Accept-Encoding")
        return response


def release_name() -> str:
    """Return a digest of code, templates and static files: a deploy changes it, and so every cached copy and ETag."""
    digest = hashlib.sha256()
    folders = (ROOT / name for name in (*PACKAGES, "templates", "static"))
    files = {*ROOT.glob("*.py"), *(file for folder in folders for file in folder.rglob("*.*"))}
    for path in sorted(file for file in files if file.is_file() and file.suffix != ".pyc"):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]

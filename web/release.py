"""The name of the code that is running."""

import hashlib
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("actions", "api", "flask_revalidation", "flask_server_actions", "models", "pages", "web")
PATTERNS = ["*.py", "templates/**/*.*", "static/**/*.*", *(f"{room}/**/*.py" for room in ROOMS)]


def release_name() -> str:
    """Return a digest of code, templates and static files: a deploy changes it, and so every cached copy and ETag."""
    digest = hashlib.sha256()
    for pattern in PATTERNS:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]

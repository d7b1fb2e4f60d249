"""`/lab/source`: the site's own code, as it runs here. The footer of each page leads to what has made that page."""

from functools import cache
from itertools import groupby

from flask import abort, render_template, request

from labs.blueprint import bp
from labs.source import ROOT, Source

# What is shown, and nothing else that may lie beside it: data, an environment, a virtual environment.
FOLDERS = "actions api cli demo docs flask_revalidation flask_server_actions labs migrations models pages static"
FOLDERS += " templates tests web xray"
KINDS = {".py", ".html", ".js", ".css", ".md", ".toml"}


@cache
def files() -> tuple[str, ...]:
    """Return the files that are shown, as paths below the root."""
    inside = (path for folder in FOLDERS.split() for path in (ROOT / folder).rglob("*"))
    found = [path.relative_to(ROOT) for path in [*ROOT.glob("*.py"), *inside] if path.suffix in KINDS]
    return tuple(sorted(path.as_posix() for path in found if "vendor" not in path.parts))


def address() -> str:
    """Return where the code of the page that is being made is shown."""
    try:
        found = Source.of_view(request.endpoint or "")
    except (KeyError, ValueError, TypeError, OSError):
        return "/lab/source"
    return f"/lab/source/{found.path}#L{found.line}" if found.path in files() else "/lab/source"


@bp.get("/lab/source")
def source_index() -> str:
    """List the files, folder by folder."""
    return _page()


@bp.get("/lab/source/<path:path>")
def source_file(path: str) -> str:
    """Show a file, with the numbers of its lines."""
    return _page(path if path in files() else abort(404))


def _page(path: str = "") -> str:
    # What the highlighter makes of a text has as many lines as the text.
    lines = Source.of_file(path).__html__().removesuffix("\n").split("\n") if path else []
    listed = [(folder, list(names)) for folder, names in groupby(sorted(files(), key=_folder), _folder)]
    return render_template("labs/source.html", path=path, lines=lines, folders=listed)


def _folder(path: str) -> str:
    return path.partition("/")[0] if "/" in path else ""

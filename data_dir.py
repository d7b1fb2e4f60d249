"""The folder of the site's own files: database, counters, locks. Other users of the machine see none of them."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def make_private(folder: Path) -> None:
    """Make the folder, or close it and its files to other users."""
    os.umask(0o077)
    folder.mkdir(parents=True, exist_ok=True)
    for path in (folder, *filter(Path.is_file, folder.iterdir())):
        with suppress(FileNotFoundError):  # SQLite takes files away when the last one closes them
            if (mode := path.stat().st_mode) & 0o077:  # a disk that is read-only may be closed already
                path.chmod(mode & 0o700)


def problems_of(folder: Path) -> Iterator[str]:
    """Yield why a folder must not be closed to other users: /tmp is not ours, nor what others put things into.

    What is ours and only readable for others is closed: so were older folders made, and so are volumes of containers.
    """
    if folder.exists() and ((found := folder.stat()).st_uid != os.geteuid() or found.st_mode & 0o002):
        yield f"DATA_DIR={folder} is another user's, or open to all. Name one of the site's own, such as {folder}/site."

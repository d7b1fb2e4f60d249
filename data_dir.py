"""The folder of the site's own files: database, counters, locks. Other users of the machine see none of them."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def make_private(folder: Path) -> None:
    """Make the folder, or close it and its files to other users."""
    os.umask(0o077)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    for file in filter(Path.is_file, folder.iterdir()):
        with suppress(FileNotFoundError):  # SQLite takes files away when the last one closes them
            file.chmod(0o600)


def problems_of(folder: Path) -> Iterator[str]:
    """Yield why a folder must not be closed to other users: /tmp is not ours, nor what others put things into.

    What is ours and only readable for others is closed: so were older folders made, and so are volumes of containers.
    """
    found = folder.stat() if folder.exists() else None
    if found and (found.st_uid != os.geteuid() or found.st_mode & 0o002):
        yield f"DATA_DIR={folder} is another user's, or open to all. Name one of the site's own, such as {folder}/site."

"""Each how-to is done as it says: its blocks are put into a copy of the repository, its commands are run there.

How a how-to is written, from top to bottom:

- A line that ends in "`path/file`:" right above a block says where the block goes. A `diff` replaces the text of its
  " " and "-" lines, which stands there exactly once, by that of its " " and "+" lines. Any other block is a new file,
  or is appended to the file.
- In a block `sh` each line is run and must end well. `bin/test …` runs these tests, which must be some; `bin/serve`
  serves the copy for the lines that follow; `bin/dev` is for the reader.
- Any other block is only read.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from serving import ROOT, free_port

HOWTOS = sorted((ROOT / "docs/how-to").glob("*.md"))
LONGER = pytest.mark.skipif("PROVE" not in os.environ, reason="for time: PROVE=1 follows it, as bin/prove does")
BLOCK = re.compile(r"(?:`(?P<file>[\w./-]+)`:\n+)?(?P<indent> *)```(?P<kind>\w+)\n(?P<text>.*?)\n *```$", re.M | re.S)
LEFT_OUT = (".*", "data", "dist", "shots", "__pycache__")
FOR_THE_READER = ("bin/dev", ". .venv/")


class Copy:
    """A folder that belongs to the reader, and the commands that are run in it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder, self.tests_run = folder, 0
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "PORT": str(free_port()), "PYTHONDONTWRITEBYTECODE": "1"}
        self.environment |= environment

    @classmethod
    def of_the_repository(cls, folder: Path, data: Path) -> "Copy":
        """Return a copy of the repository, with a filled database."""
        shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*LEFT_OUT))
        shutil.copytree(data, folder / "data")
        return cls(folder)

    def put(self, name: str, kind: str, text: str) -> None:
        """Put a block where it belongs."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        before = file.read_text() if file.exists() else ""
        file.write_text(patched(before, text, name) if kind == "diff" else appended(before, text))

    def run(self, line: str) -> None:
        """Run a command, and fail with what it says."""
        command = re.sub(r"^bin/test", "python -m pytest -p no:cacheprovider", line)
        done = subprocess.run(
            command, shell=True, cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        if command != line:
            self.tests_run += int(re.findall(r"(\d+) passed", done.stdout)[-1])

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve the copy."""
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "app:create_app()"], cwd=self.folder, env=self.environment
        )
        try:
            self._wait_until_it_answers()
            yield
        finally:
            server.terminate()
            server.wait(30)

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 60
        while subprocess.run([ROOT / "bin/healthcheck"], env=self.environment, capture_output=True).returncode:
            assert time.monotonic() < deadline, "the copy does not answer"
            time.sleep(0.1)


def appended(before: str, text: str) -> str:
    gap = "" if not before else "\n" if text.startswith(" ") else "\n\n"
    return f"{before}{gap}{text}\n"


def patched(before: str, diff: str, name: str) -> str:
    lines = [line or " " for line in diff.splitlines()]
    assert {line[0] for line in lines} <= set(" -+"), f"not a diff, for {name}:\n{diff}"
    old, new = ("".join(f"{line[1:]}\n" for line in lines if line[0] in kinds) for kinds in (" -", " +"))
    assert before.count(old) == 1, f"stands {before.count(old)} times in {name}:\n{old}"
    return before.replace(old, new)


def follow(howto: str, copy: Copy) -> int:
    """Do what a how-to says, and return how many commands were run."""
    commands = 0
    with ExitStack() as until_the_end:
        for block in BLOCK.finditer(howto):
            text = re.sub(rf"^{block['indent']}", "", block["text"], flags=re.M)
            if block["file"]:
                copy.put(block["file"], block["kind"], text)
            for line in text.splitlines() if block["kind"] == "sh" else []:
                if line.startswith("bin/serve"):
                    until_the_end.enter_context(copy.serving())
                elif not line.startswith(FOR_THE_READER):
                    copy.run(line)
                    commands += 1
    return commands


@pytest.mark.parametrize(
    "howto",
    [pytest.param(path, id=path.stem, marks=[LONGER] if "webhook" in path.stem else []) for path in HOWTOS],
)
def test_who_follows_it_gets_what_it_promises(howto, filled_directory, tmp_path):
    copy = Copy.of_the_repository(tmp_path / "copy", filled_directory)

    assert follow(howto.read_text(), copy) > 0
    assert copy.tests_run > 0 or "bin/serve" in howto.read_text()


def test_block_that_fits_nowhere_is_named():
    with pytest.raises(AssertionError, match=r"stands 0 times in app\.py"):
        patched("one\ntwo\n", " three\n+four", "app.py")
    with pytest.raises(AssertionError, match=r"stands 2 times in app\.py"):
        patched("one\none\n", " one\n+four", "app.py")
    assert patched("one\ntwo\n", " one\n-two\n+three", "app.py") == "one\nthree\n"

"""A disk that is full and a database that is read-only, again and again under load, for bin/prove.

Writes are refused meanwhile, readers read on, and nothing acknowledged is lost, torn or stale afterwards.
"""

import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path

import freshness
import postgres
import psycopg
import pytest
from conftest import ON_POSTGRES
from postgres import FILE
from prove_kills import require_whole, workers_of
from sqlalchemy import make_url

READS = int(os.environ.get("STORAGE_READS", "50000"))
LASTS = 2  # seconds that nothing can be written


def check(data_dir: Path, disturb: object, monkeypatch: pytest.MonkeyPatch) -> freshness.Board:
    """Read and write while the trouble comes and goes, and return what was seen."""
    monkeypatch.setattr(freshness, "EACH", LASTS)
    board = freshness.check(data_dir, reads=READS, kill_share=0, seconds=1800, disturb=disturb)  # type: ignore[arg-type]
    print("\n", dict(board.counts))  # noqa: T201
    assert board.violations == []
    assert board.counts["disturbances"] > 1
    assert board.counts["writes"] > 5
    assert board.counts["writes refused"] + board.counts["webhooks answered 503"] > 0
    require_whole(data_dir)
    return board


@pytest.fixture
def small_disk(data_dir: Path) -> Iterator[Path]:
    """A disk of 64 MB of its own, with SQLite's files or PostgreSQL's database on it."""
    disk = Path(tempfile.mkdtemp(prefix="small_", dir="/tmp"))  # where PostgreSQL's own user comes too
    options = f"size=64m,mode=700,uid={postgres.owner() if ON_POSTGRES else os.geteuid()}"
    tried = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", disk], capture_output=True, text=True)
    if tried.returncode:
        disk.rmdir()
        pytest.skip(f"nothing may be mounted here: {tried.stderr.strip()}")
    try:
        with postgres.kept_on(disk, data_dir) if ON_POSTGRES else nullcontext():
            if not ON_POSTGRES:
                shutil.copytree(data_dir, disk / "data")
            yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
        disk.rmdir()


def test_disk_that_is_full_again_and_again(data_dir: Path, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill(_servers: list[freshness.Server]) -> None:
        with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
        time.sleep(LASTS)
        (small_disk / "filler").unlink()

    board = check(data_dir if ON_POSTGRES else small_disk / "data", fill, monkeypatch)

    assert board.counts["reads refused"] == 0


@pytest.mark.sqlite("its files are written by the workers")
def test_files_that_cannot_be_written_again_and_again(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(servers: list[freshness.Server]) -> None:
        workers = [pid for server in servers for pid in workers_of(server)]
        for most in (1, resource.RLIM_INFINITY):
            for pid in workers:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
            time.sleep(LASTS if most == 1 else 0)

    board = check(data_dir, forbid, monkeypatch)

    assert board.counts["reads refused"] == 0


@pytest.mark.skipif(not ON_POSTGRES, reason="of PostgreSQL: run with TEST_DATABASE=postgresql")
def test_database_that_is_read_only_again_and_again(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = make_url((data_dir / FILE).read_text()).set(drivername="postgresql")

    def forbid(_servers: list[freshness.Server]) -> None:
        here = "datname = current_database() AND pid <> pg_backend_pid()"
        with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as operator:
            for change in ("SET default_transaction_read_only = on", "RESET default_transaction_read_only"):
                operator.execute(f"ALTER DATABASE {url.database} {change}".encode())
                operator.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {here}".encode())
                time.sleep(LASTS if "on" in change.split() else 0)

    check(data_dir, forbid, monkeypatch)

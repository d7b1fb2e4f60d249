"""Reload and restart under load, for bin/prove: nothing acknowledged is lost, and no read is stale."""

import os
import signal
from pathlib import Path

import freshness
import postgres
import pytest
from conftest import ON_POSTGRES

READS = int(os.environ.get("TROUBLE_READS", "50000"))


def reload_workers(servers: list[freshness.Server]) -> None:
    """Have each server start its workers anew, as a deploy does."""
    for server in servers:
        os.kill(server.process.pid, signal.SIGHUP)


def restart_database(_servers: list[freshness.Server]) -> None:
    """Restart PostgreSQL under everyone's hands."""
    postgres.restart()


def test_workers_that_are_reloaded_under_load_lose_nothing(data_dir: Path) -> None:
    board = freshness.check(data_dir, reads=READS, kill_share=0, seconds=1800, disturb=reload_workers)

    assert board.violations == []
    assert board.counts["disturbances"] > 0
    assert board.counts["reads refused"] == 0


@pytest.mark.skipif(not ON_POSTGRES, reason="of PostgreSQL: run with TEST_DATABASE=postgresql")
def test_database_that_is_restarted_under_load_loses_nothing(data_dir: Path) -> None:
    board = freshness.check(data_dir, reads=READS, kill_share=0, seconds=1800, disturb=restart_database)

    assert board.violations == []
    assert board.counts["disturbances"] > 0
    assert board.counts["writes"] > 10

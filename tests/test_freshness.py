"""The promise the project is built on, held against the real server: four workers, real actions, sudden deaths.

On PostgreSQL they are on two machines.
"""

from pathlib import Path

import freshness
import pytest
from conftest import ON_POSTGRES

READS = 10_000  # bin/prove makes a million


def test_acknowledged_write_is_seen_by_every_later_read(data_dir: Path) -> None:
    board = freshness.check(data_dir, reads=READS, kill_share=0.15, seconds=600)

    assert board.violations == []
    counts = board.counts
    assert counts["reads"] >= READS
    # Without these the zero above would mean nothing.
    assert counts["writes"] >= 30
    assert min(counts["writes by form"], counts["writes by htmx"], counts["writes by api"], counts["webhooks"]) > 4
    assert counts["workers killed"] > 0
    assert counts["writes cut off after the commit"] > 0
    assert counts["copies kept"] > READS / 2
    assert counts["reads answered 304"] > READS / 10
    assert counts["reads of the table"] > READS / 100
    assert counts[f"pages compared on {freshness.WORKERS} workers"] > 0


FAULTS = ["per-process", "after-commit", "no-snapshot"]
ON_MACHINES = ["per-machine", "after-commit", "read-committed"]


@pytest.mark.parametrize("fault", ON_MACHINES if ON_POSTGRES else FAULTS)
def test_checker_catches_planted_fault(data_dir: Path, fault: str) -> None:
    board = freshness.check(data_dir, reads=READS, fault=fault, kill_share=0.25, seconds=120)

    assert board.violations

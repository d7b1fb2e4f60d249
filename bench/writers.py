"""Many writers at once: plain forms that publish a post and take it back, from 64 connections for a minute.

Exits with 1 where one was refused, or where the slowest of a hundred waited more than 20 times as long as the one in
the middle. Usage: python -m bench.writers [--seconds 60]
"""

import argparse
import sys
import tempfile
from pathlib import Path

from serving import serving

from bench.fill import filled
from bench.rows import ROWS
from bench.speed import load, sign_in

WRITERS, WORST = 64, 20


def main() -> int:
    """Print what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=60)
    seconds = parser.parse_args().seconds
    (forms,) = (row for row in ROWS if row.slug == "plain")
    with filled() as (data, _), tempfile.NamedTemporaryFile("w") as file, serving(Path(data), threads=16) as server:
        lines = [request.line() for request in forms.requests(server.url, sign_in(server))]
        Path(file.name).write_text("\n".join(lines) + "\n")
        found = load(server.url, Path(file.name), WRITERS, seconds)
    ratio = found["p99"] / found["p50"]
    print(f"{WRITERS} writers: {found['rate']:.0f}/s, half of them within {found['p50']:.0f} ms,", end=" ")
    print(f"99 of 100 within {found['p99']:.0f} ms, {ratio:.1f} times as long; {found['failed']:.0f} failed")
    return int(ratio > WORST or found["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Speed over HTTP: each row of the table beside a bare WSGI callable and plain Flask that send the same bytes.

All three run under the same gunicorn and take turns within one run, so that ratios mean something on a noisy machine.
`wrk` makes the load; it is in Debian. Usage: python -m bench.speed [--seconds 2] [--rounds 3] [--posts 2000] [ROW …]
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from base64 import b64encode
from contextlib import ExitStack
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from serving import Server, serving

from bench.fill import filled
from bench.rows import ROWS, Request, Row

CONNECTIONS = (1, 8, 32)
SCRIPT = Path(__file__).parent / "requests.lua"
NO_LIMIT = {"API_REQUESTS_PER_MINUTE": "1000000"}


def ask(server: Server, request: Request) -> tuple[int, list[tuple[str, str]], bytes]:
    """Send one request, and return status, headers and body."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(request.method, request.path.replace("%K", "once"), request.body or None, request.headers)
    answer = connection.getresponse()
    own = {"server", "date", "connection", "transfer-encoding"}
    return answer.status, [(n, v) for n, v in answer.getheaders() if n.lower() not in own], answer.read()


def sign_in(server: Server) -> str:
    """Return the cookie of the owner in the demo."""
    form = {"Origin": server.url, "Content-Type": "application/x-www-form-urlencoded"}
    _, headers, _ = ask(server, Request("POST", "/_actions/demo.switch_persona", "persona=ada", form))
    return "; ".join(value.partition(";")[0] for name, value in headers if name == "Set-Cookie" and "session" in value)


def load(url: str, requests: Path, connections: int, seconds: int) -> dict[str, float]:
    """Return requests per second, and the milliseconds within which half and 99 of 100 were answered."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(SCRIPT), url, "--", str(requests)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rate, p50, p99, refused, broken = map(float, re.search(r"RESULT (.*)", output)[1].split())  # type: ignore[index]
    if refused or broken:
        print(f"    {refused:.0f} refused and {broken:.0f} broken of {url}", file=sys.stderr)
    return {"rate": rate, "p50": p50, "p99": p99, "failed": refused + broken}


def memory(server: Server) -> float:
    """Return the megabytes of the server's processes, pages that they share counted once (PSS)."""
    found = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True, check=True)
    sizes = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in (*found.stdout.split(), server.process.pid)]
    return sum(int(re.search(r"Pss:\s+(\d+)", text)[1]) for text in sizes) / 1024  # type: ignore[index]


class Bench:
    """The three servers, and the files with what is asked of them."""

    def __init__(self, stack: ExitStack, directory: Path, rows: list[Row], ours: Server) -> None:
        self.ours, cookie, recorded = ours, sign_in(ours), {}
        self.files: dict[tuple[str, str], Path] = {}
        self.conditional: dict[str, Request] = {}
        for row in rows:
            requests = row.requests(ours.url, cookie)
            if requests[0].headers.pop("If-None-Match", ""):
                self.conditional[row.slug] = requests[0]
                requests = [self.known(row)]
            for request in requests[-2:]:
                status, headers, body = ask(ours, request)
            assert status < 400, f"{row.name}: {status}"
            recorded[f"/{row.slug}"] = (f"{status} X", headers, b64encode(body).decode())
            same = Request(requests[0].method, f"/{row.slug}", requests[0].body, requests[0].headers)
            for kind, asked in {"ours": requests, "same": [same]}.items():
                self.files[row.slug, kind] = directory / f"{row.slug}-{kind}"
                self.files[row.slug, kind].write_text("\n".join(request.line() for request in asked) + "\n")
        (directory / "recorded.json").write_text(json.dumps(recorded))
        asked = {"ready": "/blog", "RECORDED": str(directory / "recorded.json")}
        self.others = {
            name: stack.enter_context(serving(directory, application=f"bench.bare:{name}", **asked))
            for name in ("bare", "flask")
        }

    def known(self, row: Row) -> Request:
        """Return the request of a row with the ETag that its page has now."""
        request = self.conditional[row.slug]
        etag = dict(ask(self.ours, request)[1])["ETag"]
        return replace(request, headers=request.headers | {"If-None-Match": etag})

    def measure(self, row: Row, connections: int, seconds: int, rounds: int) -> dict[str, Any]:
        """Return rates and times of one row, medians of rounds in which the three take turns."""
        found: dict[str, list[dict[str, float]]] = {"bare": [], "flask": [], "ours": []}
        if row.slug in self.conditional:  # other rows have written meanwhile
            self.files[row.slug, "ours"].write_text(f"{self.known(row).line()}\n")
        for _ in range(rounds):
            for name, server in {**self.others, "ours": self.ours}.items():
                file = self.files[row.slug, "ours" if name == "ours" else "same"]
                found[name].append(load(server.url, file, connections, seconds))
        medians = {
            name: {key: statistics.median(one[key] for one in many) for key in many[0]} for name, many in found.items()
        }
        return {"row": row.name, "connections": connections, "share": row.share, **medians}


def line(found: dict[str, Any]) -> str:
    """Return a row for people."""
    ours, bare, flask = found["ours"], found["bare"], found["flask"]
    share = ours["rate"] / bare["rate"]
    verdict = "" if found["connections"] != 8 else "  reached" if share >= found["share"] else "  NOT REACHED"
    return (
        f"{found['row']:36}{found['connections']:4}{ours['rate']:9.0f}/s{ours['p50']:8.2f}{ours['p99']:9.2f} ms"
        f"{bare['rate']:9.0f}{flask['rate']:9.0f}{share:8.3f} of bare (wanted {found['share']}){verdict}"
    )


def main() -> None:
    """Print the table, and write it to bench/speed.json."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--posts", type=int, default=2_000)
    parser.add_argument("rows", nargs="*", help=", ".join(row.slug for row in ROWS))
    options = parser.parse_args()
    rows = [row for row in ROWS if row.slug in options.rows or not options.rows]
    print(f"{'':36}{'conn':>4}{'ours':>11}{'p50':>8}{'p99':>9}   {'bare':>9}{'flask':>9}")
    results = []
    with ExitStack() as stack:
        data, _ = stack.enter_context(filled(options.posts))
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = stack.enter_context(serving(Path(data), **NO_LIMIT))
        bench = Bench(stack, directory, rows, ours)
        for row in rows:
            for connections in CONNECTIONS:
                results.append(bench.measure(row, connections, options.seconds, options.rounds))
                print(line(results[-1]), flush=True)
        used = memory(ours)
    print(f"memory of two workers after the load: {used:.0f} MB")
    kept = {"cores": os.cpu_count(), "python": sys.version.split()[0], "memory_mb": used, "rows": results}
    Path("bench/speed.json").write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()

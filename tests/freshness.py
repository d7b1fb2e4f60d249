"""Does any read show what an acknowledged write has replaced? Asked of a running server, over HTTP alone.

Writers save posts through the real action and through the API; each title and text carries a number that only grows.
A payer sends signed webhooks, each of which makes one more member. Readers fetch the pages, feeds and API answers that
show these posts, and the number of members. All are threads of one process, on one clock: whatever was acknowledged
when a read began, the read must show that or something newer. A 304 shows what the reader has kept. When a worker dies
under a write, the writer looks up what became of it on the edit page, which nobody caches; what stands there counts as
acknowledged. The payer does as Stripe does, and sends the event again.

On PostgreSQL there are two machines: two servers, each with a data directory of its own, on one database.

    PYTHONPATH=. python tests/freshness.py --reads 1000000 --pieces reads.jsonl

Each piece is a demo of its own, and a line in that file when it is done; begun again, it goes on with the next one.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from freshness_clients import MEMBERS, TABLE, WRITERS, Board, Client, Page, Payer, Reader, Writer
from postgres import FILE, create_database, environment_of
from serving import ROOT, Server, serving

WORKERS, READERS, POSTS = 4, 5, 6
PIECE = 50_000  # reads
EACH = 10  # seconds between two disturbances
KILL_SHARE = 0.04  # the share of writes whose worker dies between commit and answer


def check(
    data_dir: Path,
    *,
    reads: int,
    seconds: float,
    fault: str = "",
    kill_share: float = KILL_SHARE,
    disturb: Callable[[list[Server]], None] | None = None,
) -> Board:
    """Serve `data_dir`; write and read until that many reads are done, then compare every page once more.

    With a `fault` planted (freshness_app.py), the first violation ends it. `seconds` is the longest it may take.
    `disturb` is done to the servers again and again meanwhile; reads may be refused then.
    """
    board, environment = Board(), {"KILL_SHARE": str(kill_share), "FAULT": fault, "API_REQUESTS_PER_MINUTE": "1000000"}
    key = _cut_key(data_dir)
    with ExitStack() as house:
        directories = _machines(data_dir)
        servers = [house.enter_context(_machine(each, len(directories), environment)) for each in directories]
        ports = [server.port for server in servers]
        cookie, posts = _sign_in_and_choose(ports)
        pages, weights = _mix(posts, cookie)
        writers = [Writer(board, ports, cookie, key, posts[n::WRITERS]) for n in range(WRITERS)]
        jobs = [writer.run for writer in writers]
        jobs += [partial(Reader(board, ports).run, pages, weights) for _ in range(READERS)]
        jobs.append(Payer(board, ports).run)
        if disturb:
            board.disturbed = True
            jobs.append(partial(_disturb, board, partial(disturb, servers)))
        _run(board, jobs, lambda: board.counts["reads"] >= reads or bool(fault and board.violations), seconds)
        if not fault:
            _compare_when_quiet(board, ports, writers, pages)
        board.counts["workers killed"] = sum(server.log.read_text().count("SIGKILL") for server in servers)
    return board


def _disturb(board: Board, once: Callable[[], None]) -> None:
    while not board.stop.wait(EACH):
        once()
        board.count("disturbances")


def _machines(data_dir: Path) -> list[Path]:
    """Return the data directory, and with PostgreSQL that of a second machine on its database."""
    if not environment_of(data_dir):
        return [data_dir]
    other = data_dir / "other"
    other.mkdir()
    shutil.copy(data_dir / FILE, other)
    shutil.copy(data_dir / "demo-secret", other)  # what SECRET_KEY is to machines in production
    return [data_dir, other]


def _machine(directory: Path, machines: int, environment: Mapping[str, str]) -> AbstractContextManager[Server]:
    return serving(directory, application="freshness_app:application()", workers=WORKERS // machines, **environment)


def _cut_key(data_dir: Path) -> str:
    """Have the operator cut a key for Ada, as `flask keys create` does, and return its text."""
    command = [sys.executable, "-m", "flask", "keys", "create", "--name", "freshness", "--scope", "posts:read"]
    environment = {**os.environ, "DATA_DIR": str(data_dir), **environment_of(data_dir)}
    done = subprocess.run(
        [*command, "--scope", "posts:write"], cwd=ROOT, env=environment, capture_output=True, check=True
    )
    found = re.search(rb"hd_\w+", done.stdout)
    assert found, "no key was cut"
    return found[0].decode()


def _sign_in_and_choose(ports: Sequence[int]) -> tuple[str, list[Page]]:
    """Become Ada; return her cookie, and the posts that every list shows: none is scheduled to come before them."""
    with closing(Client(ports)) as client:
        answer, _ = client.act("demo.switch_persona", cookie="", page="/", htmx=False, persona="ada")
        cookie, desk = answer.getheader("Set-Cookie", "").partition(";")[0], "/dashboard/posts?status=scheduled"
        for post in re.findall(rb'id="row_(\d+)"', client.get(desk, cookie=cookie)[1]):
            client.act("posts.unpublish_post", cookie=cookie, page=desk, htmx=False, post_id=int(post))
        _, body = client.get(f"/api/v1/posts?limit={POSTS}")
    posts = [Page(f"/blog/{post['slug']}", (post["id"],)) for post in json.loads(body)["data"]]
    assert len(posts) == POSTS, "too few posts"
    return cookie, posts


def _mix(posts: list[Page], cookie: str) -> tuple[list[Page], list[int]]:
    """Return the pages to read, and each one's share: mostly by visitors, and now and then by Ada."""
    every = tuple(page.posts[0] for page in posts)
    visited = [
        *posts,
        Page("/", (*every, MEMBERS)),
        Page("/blog", every),
        Page("/feed.xml", every),
        Page("/feed.json", every),
    ]
    visited += [replace(page, path=page.path.replace("/blog/", "/api/v1/posts/")) for page in posts]
    visited += [Page("/api/v1/posts", every), Page(f"/api/v1/posts?limit={POSTS}", every), Page(TABLE, every)]
    signed_in = [Page("/dashboard", every, cookie), Page("/", every, cookie), replace(posts[0], cookie=cookie)]
    return visited + signed_in, [12] * len(visited) + [1] * len(signed_in)


def _run(board: Board, jobs: list[Callable[[], None]], enough: Callable[[], bool], seconds: float) -> None:
    """Run the jobs side by side until it is enough; an error in one of them ends them all."""
    deadline = time.monotonic() + seconds
    with ThreadPoolExecutor(len(jobs)) as pool:
        running = [pool.submit(job) for job in jobs]
        try:
            while not enough() and time.monotonic() < deadline and not any(job.done() for job in running):
                time.sleep(0.02)
        finally:
            board.stop.set()
    for job in running:
        job.result()


def _compare_when_quiet(board: Board, ports: Sequence[int], writers: list[Writer], pages: list[Page]) -> None:
    """Read every page on every worker when nothing moves any more, and compare it with the database."""
    for writer in writers:
        for page in writer.pages:
            writer.look_up(page)
    for page in pages:
        reader, seen, deadline = Reader(board, ports), set[str](), time.monotonic() + 10
        while len(seen) < WORKERS and time.monotonic() < deadline:
            seen.add(reader.read(page))
            seen.discard("")
            reader.client.close()
        board.count(f"pages compared on {len(seen)} workers")


def main() -> int:
    """Check one demo after another, say what came of it, and return 1 where a violation did."""
    parser = argparse.ArgumentParser(description="Look for stale reads.")
    parser.add_argument("--reads", type=int, default=1_000_000)
    parser.add_argument("--pieces", type=Path, default=Path(os.devnull))
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    asked = parser.parse_args()
    done = [Counter(json.loads(line)) for line in asked.pieces.read_text().splitlines()]
    while (left := asked.reads - sum(piece["reads"] for piece in done)) > 0 and not any(p["violations"] for p in done):
        done.append(_piece(asked.database, min(left, PIECE)))
        with asked.pieces.open("a") as file:
            file.write(json.dumps(done[-1]) + "\n")
        sys.stdout.write(f"{sum(piece['reads'] for piece in done):>10,}  reads so far\n")
    total = sum(done, Counter[str]())
    sys.stdout.writelines(f"{number:>10,}  {what}\n" for what, number in total.items())
    return 1 if total["violations"] else 0


def _piece(database: str, reads: int) -> Counter[str]:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        if database == "postgresql":
            create_database(directory)
        environment = {**os.environ, "DATA_DIR": name, **environment_of(directory)}
        prepare = [sys.executable, "-m", "flask", "prepare"]
        subprocess.run(prepare, cwd=ROOT, env=environment, check=True, capture_output=True)
        began = time.monotonic()
        board = check(directory, reads=reads, seconds=float("inf"))
    sys.stdout.writelines(f"{violation}\n" for violation in board.violations[:10])
    found = {"violations": len(board.violations), "seconds": round(time.monotonic() - began)}
    return board.counts + Counter(found)


if __name__ == "__main__":
    sys.exit(main())

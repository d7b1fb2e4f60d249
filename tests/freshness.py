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
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

from postgres import FILE, create_database, environment_of
from serving import ROOT, Server, serving

from demo.stripe_events import event, sign
from settings import DEMO_STRIPE_SECRET

WORKERS, READERS, WRITERS, POSTS = 4, 5, 4, 6
PIECE = 50_000  # reads
EACH = 10  # seconds between two disturbances
READS_PER_WRITE = 200  # paced by reads, not by the clock, so that a slow machine does the same work
READS_PER_CONNECTION = 100  # a connection stays with its worker, so a reader moves on to meet the others
MEMBERS = 0  # stands for the number of members, among the numbers of posts
CONDITIONAL = 0.4  # the share of reads that send the ETag they know
KILL_SHARE = 0.04  # the share of writes whose worker dies between commit and answer

_VALUE = re.compile(rb"Freshness (\d+) (\d{6})")
_MEMBERS = re.compile(rb"(\d+) readers pay for this")
_VERSION = re.compile(rb'name="version" value="(\d+)"')


class Client(HTTPConnection):
    """A connection that is kept alive, and made again, perhaps to the other machine, where it broke or was closed."""

    def __init__(self, ports: Sequence[int]) -> None:
        self.ports = ports
        super().__init__("127.0.0.1", ports[0], timeout=30)

    def close(self) -> None:
        """Let go; what comes next goes to any of the machines."""
        super().close()
        self.port = random.choice(self.ports)

    def ask(self, method: str, path: str, headers: dict[str, str], body: str = "") -> tuple[HTTPResponse, bytes]:
        """Return the answer and its body. OSError when it does not come: what the server did is unknown then."""
        try:
            self.request(method, path, body or None, {name: value for name, value in headers.items() if value})
            answer = self.getresponse()
            return answer, answer.read()
        except (OSError, HTTPException) as error:
            self.close()
            raise ConnectionError(path) from error

    def get(self, path: str, *, cookie: str = "", etag: str = "") -> tuple[HTTPResponse, bytes]:
        """Fetch a page."""
        return self.ask("GET", path, {"Cookie": cookie, "If-None-Match": etag})

    def change(self, path: str, *, key: str, **fields: str) -> tuple[HTTPResponse, bytes]:
        """Change a post through the API: read it with the key, which no cache answers, and send what is different."""
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        answer, _ = self.ask("GET", path, headers)
        return self.ask("PATCH", path, {**headers, "If-Match": answer.getheader("ETag", "")}, json.dumps(fields))

    def act(self, action: str, *, cookie: str, page: str, htmx: bool, **fields: object) -> tuple[HTTPResponse, bytes]:
        """Send a form of `page` to an action, as a browser does."""
        origin = f"http://{self.host}:{self.port}"
        headers = {"Origin": origin, "Sec-Fetch-Site": "same-origin", "Referer": origin + page, "Cookie": cookie}
        headers |= {"Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true" if htmx else ""}
        return self.ask("POST", f"/_actions/{action}", headers, urlencode(fields))


@dataclass(frozen=True)
class Page:
    """A page as one caller gets it, and the posts it has to show."""

    path: str
    posts: tuple[int, ...]
    cookie: str = ""


@dataclass(frozen=True)
class Acknowledged:
    """The newest value of a post that anyone was told is saved, and when."""

    value: int
    at: float


class Board:
    """What has been acknowledged, what came to light, and whether to go on."""

    def __init__(self) -> None:
        self.newest: Mapping[int, Acknowledged] = {}
        self.violations: list[str] = []
        self.counts: Counter[str] = Counter()
        self.stop, self.disturbed = threading.Event(), False
        self._lock = threading.Lock()

    def acknowledge(self, post: int, value: int) -> None:
        """Put up a value. The mapping is replaced, never changed: a reader keeps the one its read began with."""
        with self._lock:
            if post in self.newest and self.newest[post].value >= value:
                return
            self.newest = {**self.newest, post: Acknowledged(value, time.monotonic())}

    def count(self, *events: str) -> None:
        """Count what happened."""
        with self._lock:
            self.counts.update(events)

    def compare(self, page: Page, values: dict[int, int], newest: Mapping[int, Acknowledged], began: float) -> None:
        """Hold what a page shows against what was acknowledged when its read began; a missing post shows 0."""
        for post in page.posts:
            shown, due = values.get(post, 0), newest.get(post)
            if due and shown < due.value:
                age = f"acknowledged {1000 * (began - due.at):.1f} ms before"
                self.violations.append(f"{page.path} showed value {shown} of post {post}; {due.value} was {age}")


def values_on(body: bytes) -> dict[int, int]:
    """Return the value that a page shows of each post: the oldest, where it shows several."""
    shown: dict[int, int] = {}
    for post, value in _VALUE.findall(body):
        shown[int(post)] = min(int(value), shown.get(int(post), int(value)))
    if members := _MEMBERS.search(body):
        shown[MEMBERS] = int(members[1])
    return shown


class Reader:
    """Fetches pages, and compares what they show with the board."""

    def __init__(self, board: Board, ports: Sequence[int]) -> None:
        self.board, self.client = board, Client(ports)
        self._kept: dict[Page, tuple[str, dict[int, int]]] = {}

    def run(self, pages: Sequence[Page], weights: Sequence[int]) -> None:
        """Read until the board says stop."""
        while not self.board.stop.is_set():
            self.read(random.choices(pages, weights)[0])
            if random.random() < 1 / READS_PER_CONNECTION:
                self.client.close()
        self.client.close()

    def read(self, page: Page) -> str:
        """Read one page, and return the worker that answered."""
        etag, kept = self._kept.get(page, ("", {})) if random.random() < CONDITIONAL else ("", {})
        newest, began = self.board.newest, time.monotonic()
        try:
            answer, body = self.client.get(page.path, cookie=page.cookie, etag=etag)
        except OSError:
            self.board.count("reads cut off")
            return ""
        if answer.status == 503 and self.board.disturbed:
            self.board.count("reads refused")
            return ""
        if answer.status not in (200, 304):
            raise RuntimeError(f"{page.path} answered {answer.status}")
        values = values_on(body) if answer.status == 200 else kept
        self._kept[page] = answer.getheader("ETag", ""), values
        self.board.compare(page, values, newest, began)
        self.board.count("reads", f"reads answered {answer.status}", f"copies {answer.getheader('X-Copy')}")
        return answer.getheader("X-Worker", "")


class Writer:
    """Saves its own posts, each value one above the last; nobody else writes them."""

    def __init__(self, board: Board, ports: Sequence[int], cookie: str, key: str, pages: Sequence[Page]) -> None:
        self.board, self.client, self.pages = board, Client(ports), pages
        self.cookie, self.key = cookie, key
        self._versions: dict[int, int] = {}

    def run(self) -> None:
        """Write until the board says stop."""
        for page in self.pages:
            self.look_up(page)
        due = 0.0
        while not self.board.stop.wait(0.01):
            if self.board.counts["reads"] >= due:
                self.save(random.choice(self.pages))
                self.client.close()  # the next write meets another worker
                due += random.uniform(0, 2 * READS_PER_WRITE * WRITERS)

    def save(self, page: Page) -> None:
        """Save the next value: as a plain form, as htmx does, whose answer is the page itself, or through the API."""
        post, way = page.posts[0], random.choice(("form", "htmx", "api"))
        value = self.board.newest[post].value + 1
        text = f"Freshness {post} {value:06}"
        fields = {"post_id": post, "title": text, "body": text, "version": self._versions[post]}
        try:
            answer, body = self._send(page, way, fields)
        except OSError:
            self.board.count("writes cut off " + ("after" if self.look_up(page) == value else "before") + " the commit")
            return
        if answer.status != (303 if way == "form" else 200):
            self.board.count("writes refused")
            self.look_up(page)
            return
        self._versions[post] += 1
        self.board.acknowledge(post, value)
        self.board.count("writes", f"writes by {way}")
        if way != "form":
            self.board.compare(page, values_on(body), self.board.newest, time.monotonic())

    def _send(self, page: Page, way: str, fields: Mapping[str, object]) -> tuple[HTTPResponse, bytes]:
        if way == "api":
            path = page.path.replace("/blog/", "/api/v1/posts/")
            return self.client.change(path, key=self.key, title=str(fields["title"]), body=str(fields["body"]))
        return self.client.act("posts.update_post", cookie=self.cookie, page=page.path, htmx=way == "htmx", **fields)

    def look_up(self, page: Page) -> int:
        """Put up the value on the edit page: nobody caches it, so that is what the database holds."""
        edit, deadline = Page(f"/dashboard/posts/{page.posts[0]}/edit", page.posts), time.monotonic() + 30
        while time.monotonic() < deadline:
            newest, began = self.board.newest, time.monotonic()
            try:
                _, body = self.client.get(edit.path, cookie=self.cookie)
            except OSError:
                continue  # that was a connection to a dead worker; the next one is new
            if version := _VERSION.search(body):
                self.client.close()
                value, self._versions[page.posts[0]] = values_on(body).get(page.posts[0], 0), int(version[1])
                self.board.compare(edit, values_on(body), newest, began)  # was an acknowledged write lost?
                self.board.acknowledge(page.posts[0], value)
                return value
        raise TimeoutError(f"{edit.path} does not answer")


class Payer:
    """Becomes one member after another, by way of signed webhooks; nobody else does."""

    def __init__(self, board: Board, ports: Sequence[int]) -> None:
        self.board, self.client = board, Client(ports)
        self.members = values_on(self.client.get("/")[1])[MEMBERS]  # now, when no worker dies yet

    def run(self) -> None:
        """Pay until the board says stop."""
        value, due = self.members, 0.0
        while not self.board.stop.wait(0.01):
            if self.board.counts["reads"] >= due:
                value += 1
                self.pay(value)
                self.client.close()
                due += random.uniform(0, 2 * READS_PER_WRITE * WRITERS)

    def pay(self, value: int) -> None:
        """Send the event until it is taken, as Stripe does."""
        ids = {name: f"{name[:3]}_fresh{value}" for name in ("customer", "subscription", "invoice")}
        paid = event("checkout.session.completed", email=f"fresh{value}@post.example", **ids)
        body = json.dumps(paid)
        while not self.board.stop.is_set():
            headers = {"Content-Type": "application/json", "Stripe-Signature": sign(body.encode(), DEMO_STRIPE_SECRET)}
            try:
                answer, _ = self.client.ask("POST", "/api/webhooks/stripe", headers, body)
            except OSError:
                self.board.count("webhooks cut off")
                continue
            if answer.status == 200:
                self.board.acknowledge(MEMBERS, value)
                self.board.count("webhooks")
                return
            self.board.count(f"webhooks answered {answer.status}")


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
    """Become Ada; return her cookie, and the posts that every list shows."""
    with closing(Client(ports)) as client:
        answer, _ = client.act("demo.switch_persona", cookie="", page="/", htmx=False, persona="ada")
        _, body = client.get(f"/api/v1/posts?limit={POSTS}")
    posts = [Page(f"/blog/{post['slug']}", (post["id"],)) for post in json.loads(body)["data"]]
    assert len(posts) == POSTS, "too few posts"
    return answer.getheader("Set-Cookie", "").partition(";")[0], posts


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
    visited += [Page("/api/v1/posts", every), Page(f"/api/v1/posts?limit={POSTS}", every)]
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

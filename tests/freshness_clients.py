"""Who reads and who writes in the freshness test, and the board on which they note what was acknowledged.

What they do and why is told in freshness.py.
"""

import json
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import urlencode

from demo.keys import DEMO_STRIPE_SECRET
from demo.stripe_events import event, sign

WRITERS = 4
READS_PER_WRITE = 200  # paced by reads, not by the clock, so that a slow machine does the same work
READS_PER_CONNECTION = 100  # a connection stays with its worker, so a reader moves on to meet the others
TABLE = "/api/v1/posts.csv"  # a file, refused where the disk has no room, or while two of a worker make it
MEMBERS = 0  # stands for the number of members, among the numbers of posts
CONDITIONAL = 0.4  # the share of reads that send the ETag they know

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
        if answer.status == 503 and (self.board.disturbed or page.path == TABLE):
            self.board.count("tables refused" if page.path == TABLE else "reads refused")
            return ""
        if answer.status not in (200, 304):
            raise RuntimeError(f"{page.path} answered {answer.status}")
        values = values_on(body) if answer.status == 200 else kept
        self._kept[page] = answer.getheader("ETag", ""), values
        self.board.compare(page, values, newest, began)
        self.board.count("reads", f"reads answered {answer.status}", f"copies {answer.getheader('X-Copy')}")
        self.board.count(*["reads of the table"] * (page.path == TABLE))
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

"""The same steps end in the same answers and the same rows, on SQLite and on PostgreSQL.

Hypothesis makes up runs of forms, API requests, webhooks and commands, sends each step to both, and moves their clock
alike. BOTH_EXAMPLES is how many runs; with it, they are longer, other ones each time, and a failure is made small.
"""

import json
import os
import time
from datetime import timedelta

from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from two_databases import KEYS, OnBoth, both_databases
from webhooks import GITHUB, STRIPE, encoded, event, github_signature, release, signed

from demo.keys import DEMO_CRON_SECRET
from demo.seed import PARTNER_KEY
from models import ApiKey, Comment, Delivery, Message, Post, now

EXAMPLES = os.environ.get("BOTH_EXAMPLES")
POSTS, WEEK = "/dashboard/posts", 7 * 24 * 3600
PAGES = ["/", "/blog", "/blog?tag=security", "/feed.json", "/feed.xml", "/support", "/sitemap.xml", "/dashboard"]
PAGES += [POSTS, f"{POSTS}?status=draft", *(f"/dashboard/{page}" for page in ("inbox", "members", "developers"))]
PAGES += [f"/blog?q={words}" for words in ("door", "zwei", "the let", "%F0%9F%9A%AA")]
LISTS = ["/posts?limit=100", "/posts.csv", "/tags", "/authors", "/export", "/me"]
ON_A_POST = [f"posts.{verb}_post" for verb in ("publish", "unpublish", "delete", "restore")] + ["likes.toggle_like"]
WAYS = [("POST", ""), ("POST", ""), ("PATCH", "/{}"), ("PATCH", "/{}"), ("DELETE", "/{}")]
WAYS += [("PUT", "/{}/publication"), ("DELETE", "/{}/publication")]


def some(*values):
    """Draw one of these; what stands twice comes twice as often."""
    return st.sampled_from(values)


GOOD = ["Two doors", "Zwei Türen, ein Flur", "e\u0301tage ĳ ﬁ STRASSE", "🚪 \U0001f5dd", "Names on doorbells"]
BAD = ["a\0b", "", " ", "%_\\ '\"; <b>&", "x" * 120, "🚪" * 121, "y" * 5001, "two\r\nlines\n\n* of `text`"]
SLUGS = ["two-doors", "two-doors-2", "names-on-doorbells", "a-clock-that-knocks", "the-letter-slot-and-the-front-desk"]
good, words = st.sampled_from(GOOD), some(*GOOD * 3, *BAD)
slugs = some(*SLUGS, *SLUGS, "who-holds-the-master-key", "nobody", "Not One")
tags = some(None, "", "security", "Doors, new", "ß, SS, ss", "a\0b", ",,", "x" * 60)
numbers = some(*range(6), *range(6), *range(30), -1, 2**31 - 1, 2**31, 2**63, 10**30)  # newest first
people, htmx = some(*["ada"] * 6, *["bob"] * 3, *["edith"] * 2, "cleo", ""), st.booleans()
versions = some(*[None] * 6, 1, 2, 2**31, 2**63)  # mostly the right one
waits = some(1, 61, 90, 3600, 3600, 26 * 3600, WEEK + 3600, 6 * WEEK)
keys = some(*[PARTNER_KEY] * 6, *[KEYS["bob"]] * 3, *KEYS.values(), "", "hd_no")
etags = some(None, "*", "*", "now", "now", "now", '"1"', "W/x", '"é"')
bodies = st.fixed_dictionaries({"title": good}, optional={"body": words, "tags": st.just(["security", "new"])})
bodies |= st.fixed_dictionaries({"title": good, "slug": slugs, "excerpt": good})
bodies |= st.fixed_dictionaries({"title": words}, optional={"unknown": words, "body": st.just("\ud800"),
    "tags": st.lists(some("ß", "NEW", "\ud800", "a\0"))})  # fmt: skip
kinds = ["checkout.session.completed", "invoice.paid", "invoice.payment_failed", "customer.created"]
kinds += ["customer.subscription.updated", "customer.subscription.deleted"]
events = st.fixed_dictionaries(
    {"type": some(*kinds), "event_id": some(*(f"evt_{number}" for number in range(9)), "evt_🚪", "e" * 256)},
    optional={
        "customer": some("cus_ina", "cus_ina", "cus_bo", "cus_demo0003", "cus_\0"),
        "email": some("ina@post.example", "INA@post.example", "reader3@post.example", "cleo@hallway.example"),
        "plan": some("monthly", "yearly"),
        "status": some("past_due", "canceled", "active", "x" * 60),
        "subscription": some("sub_a", "sub_b", "s" * 300),
        "invoice": some("in_a", "in_b"),
    },
)
releases = st.fixed_dictionaries(
    {"id": some(71, 71, 72, 2**31), "name": words, "body": words, "tag_name": some("v2", "v3")}
)
STEPS = {}


def step(often=1, **strategies):
    """Declare a step. One rule draws among all: of many rules, Hypothesis leaves some out of each run."""
    return lambda function: STEPS.update((f"{function.__name__} {n}", (function, strategies)) for n in range(often))


def any_step(name):
    """Draw what a step is called with."""
    return st.tuples(st.just(name), st.fixed_dictionaries(STEPS[name][1]))


class BothDatabases(OnBoth):
    """A run: each step is sent to both, at the same time of their clock."""

    @step(2, person=people, title=words, body=words, slug=st.none() | slugs, htmx=htmx, key=some("", "once"))
    def create(self, person, key, htmx, **fields):
        self.act(person, f"posts.create_post?_key={key}", POSTS, htmx, **fields)

    @step(3, person=people, number=numbers, version=versions, htmx=htmx,
          title=words, body=words, slug=some(*[None] * 6, *SLUGS), tags=tags)  # fmt: skip
    def update(self, person, number, version, htmx, **fields):
        post = self.id_of(Post, number)
        version = version or self.databases[0].rows(Post).get(post, {"version": 1})["version"]
        self.act(person, "posts.update_post", POSTS, htmx, post_id=post, version=version, **fields)

    @step(4, person=people, number=numbers, htmx=htmx, action=some(*ON_A_POST))
    def do_with_a_post(self, person, number, action, htmx):
        self.act(person, action, POSTS, htmx, post_id=self.id_of(Post, number))

    @step(2, person=people, number=numbers, wait=waits, htmx=htmx)
    def schedule(self, person, number, wait, htmx):
        at = (now() + timedelta(seconds=wait)).strftime("%Y-%m-%dT%H:%M")
        self.act(person, "posts.schedule_post", POSTS, htmx, post_id=self.id_of(Post, number), publish_at=at)

    @step(person=people, number=numbers, body=words, htmx=htmx, unknown=some(None, None, "x"))
    def comment(self, person, number, htmx, **fields):
        self.act(person, "comments.add_comment", htmx=htmx, post_id=self.id_of(Post, number), **fields)

    @step(person=people, number=numbers, htmx=htmx)
    def remove_comment(self, person, number, htmx):
        self.act(person, "comments.delete_comment", htmx=htmx, comment_id=self.id_of(Comment, number))

    @step(person=people, name=words, message=words, email=some("ina@Post.example", "no"))
    def message(self, person, **fields):
        self.act(person, "messages.send_message", **fields)

    @step(person=people, number=numbers, action=some("messages.mark_read", "messages.mark_unread"))
    def mark(self, person, number, action):
        self.act(person, action, "/dashboard/inbox", True, message_id=self.id_of(Message, number))

    @step(person=people, key=some("comments_open", "contact_open", "authors_publish", "fail_next_save", "x"))
    def toggle(self, person, key):
        self.act(person, "settings.toggle_setting", "/dashboard/settings", True, key=key)

    @step(person=people, name=words, scope=some("posts:read", "posts:read posts:write", "all"))
    def cut_a_key(self, person, **fields):
        self.act(person, "api_keys.create_key", "/dashboard/developers", True, **fields)

    @step(person=people, number=numbers)
    def revoke_a_key(self, person, number):
        self.act(person, "api_keys.revoke_key", "/dashboard/developers", True, key_id=self.id_of(ApiKey, number))

    @step(6, way=some(*WAYS), key=keys, slug=slugs, etag=etags, once=some(*[None] * 5, "k1", '"k2"', "é"), body=bodies)
    def call(self, way, key, slug, etag, once, body):
        method, below = way
        path = "/api/v1/posts" + below.format(slug)
        if etag == "now":
            etag = self.ask("GET", f"/api/v1/posts/{slug}", key)[2]
        headers = {name: value for name, value in (("If-Match", etag), ("Idempotency-Key", once)) if value}
        sent = {"data": json.dumps(body), "content_type": "application/json"} if method in ("POST", "PATCH") else {}
        self.ask(method, path, key, headers, **sent)

    @step(3, about=events, ago=some(0, 0, 60, 86400, -60), age=some(0, 0, 0, 299, 301))
    def stripe(self, about, ago, age):
        body = encoded(event(**about, at=now() - timedelta(seconds=ago)))
        self.ask("POST", STRIPE, headers={"Stripe-Signature": signed(body, at=int(time.time()) - age)}, data=body)

    @step(2, about=releases, action=some("published", "published", "edited"), delivery=some("d-1", "d-2", "d-3", ""))
    def github(self, about, action, delivery):
        body = encoded(release(action, **about))
        headers = {"X-GitHub-Event": "release", "X-GitHub-Delivery": delivery}
        self.ask("POST", GITHUB, headers=headers | {"X-Hub-Signature-256": github_signature(body)}, data=body)

    @step(person=people, number=numbers)
    def replay(self, person, number):
        fields = {"delivery_id": self.id_of(Delivery, number)}
        self.act(person, "deliveries.replay_delivery", "/dashboard/developers", True, **fields)

    @step(2, seconds=waits, sweep=st.booleans())
    def wait(self, seconds, sweep):
        self.time.shift(seconds)
        self.ask("POST", "/api/cron/publish-due", DEMO_CRON_SECRET)
        if sweep:
            ran = [database.app.test_cli_runner().invoke(args=["sweep"]) for database in self.databases]
            assert [(run.exit_code, run.output) for run in ran] == [(0, "")] * 2
        if seconds > WEEK:
            self.sign_in()

    @rule(step=some(*sorted(STEPS)).flatmap(any_step))
    def take(self, step):
        STEPS[step[0]][0](self, **step[1])

    def teardown(self):
        try:
            for path in PAGES:
                self.both(lambda it, path=path: it.browsers["ada"].get(path))
            for path in LISTS:
                self.ask("GET", f"/api/v1{path}", KEYS["bob"])
            one, other = (database.everything() for database in self.databases)
            assert one == other
        finally:
            self.clock.stop()


def test_same_steps_end_in_the_same_answers_and_rows(tmp_path, monkeypatch):
    runs = settings(
        max_examples=int(EXAMPLES or 9), stateful_step_count=50 if EXAMPLES else 25, derandomize=not EXAMPLES,
        phases=[Phase.generate, *([Phase.shrink] if EXAMPLES else [])],  # which takes five minutes
        deadline=None, database=None, suppress_health_check=list(HealthCheck),
    )  # fmt: skip

    with both_databases(tmp_path) as databases:
        monkeypatch.setattr(BothDatabases, "databases", databases)
        run_state_machine_as_test(BothDatabases, settings=runs)

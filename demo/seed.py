"""Puts the demo's content into the database: the same rows each time, dated relative to now."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import delete, insert, select

from demo import stripe_events
from demo.marker import PARTNER_KEY, PASSWORD, WrongDatabase, mark, why_not_filled
from demo.picture import HEIGHT, WIDTH, envelope
from models import (
    ApiKey,
    Comment,
    Delivery,
    DeliveryStatus,
    Like,
    Member,
    Message,
    Payment,
    Picture,
    Post,
    Role,
    Scope,
    Tag,
    User,
    db,
    now,
)

ENVELOPE = "An envelope with a seal of wax over its flap"
POSTS = Path(__file__).parent / "posts"
PEOPLE = [
    ("Ada", Role.OWNER, "Keeps the house, and the keys. Writes about what happens between commit and page."),
    ("Bob", Role.AUTHOR, "Looks after doors: locks, tickets, and people with clipboards."),
    ("Edith", Role.EDITOR, "Edits. Believes that a form is a conversation, and that most of them interrupt."),
    ("Cleo", Role.READER, "Reads everything, pays for it, and says so."),
]
DRAFTS = ("names-on-doorbells", "empty-your-pockets-at-the-border")
SCHEDULED = {"a-clock-that-knocks": timedelta(seconds=90), "who-holds-the-master-key": timedelta(hours=1)}


@dataclass(frozen=True)
class Source:
    """One file of demo prose."""

    head: dict[str, str]
    body: str

    @classmethod
    def read_all(cls) -> Iterator["Source"]:
        """Read the posts, in the order of their file names."""
        for path in sorted(POSTS.glob("*.md")):
            _, head, body = path.read_text(encoding="utf-8").split("---\n", 2)
            yield cls(dict(line.split(": ", 1) for line in head.strip().splitlines()), body.strip())


def seed(*, replace: bool = False) -> bool:
    """Fill the database, inside a running write. Returns False where people are already there, unless `replace`.

    Raises WrongDatabase where the database is neither new nor the demo's.
    """
    if told := why_not_filled():
        raise WrongDatabase(told)
    if replace:
        for table in reversed(db.metadata.sorted_tables):
            if table.name not in ("revalidation_tag", "form_key"):
                db.session.execute(delete(table))
        db.session.expunge_all()
    elif db.session.scalar(select(User.id).limit(1)):
        return False
    mark(demo=True)
    chance, start = random.Random(7), now().replace(microsecond=0)  # noqa: S311
    people = {name.lower(): _person(name, role, bio) for name, role, bio in PEOPLE}
    db.session.flush()
    picture = Picture.add(people["ada"].id, alt=ENVELOPE, kind="png", content=envelope(), width=WIDTH, height=HEIGHT)
    db.session.flush()
    posts = _posts(people, start, {"envelope.png": picture.path})
    db.session.flush()
    _responses(people, posts, chance, start)
    _members(chance, start)
    _messages(start)
    _deliveries(start)
    ApiKey.issue(people["ada"], "The demo’s partner", [Scope.READ, Scope.WRITE], text=PARTNER_KEY)
    return True


def _person(name: str, role: Role, bio: str) -> User:
    handle = name.lower()
    return User.create(name=name, email=f"{handle}@hallway.example", role=role, password=PASSWORD, bio=bio)


def _posts(people: dict[str, User], start: datetime, pictures: dict[str, str]) -> list[Post]:
    posts: list[Post] = []
    tags: dict[str, Tag] = {}
    live = 0
    sources = list(Source.read_all())
    for source in sources:
        head = source.head
        body = re.sub(r"(?<=\]\()[\w-]+\.png", lambda found: pictures[found[0]], source.body)
        post = people[head["author"]].write(head["title"], body, slug=head["slug"], excerpt=head["excerpt"])
        names = head["tags"].split(", ")
        tags |= {name: Tag(name=name) for name in names if name not in tags}
        post.tags = [tags[name] for name in names]
        if post.slug in SCHEDULED:
            post.schedule(start + SCHEDULED[post.slug])
        elif post.slug not in DRAFTS:
            post.publish()
            post.published_at = start - timedelta(days=4 + 9 * live, hours=live % 7)
            live += 1
        post.created_at = post.updated_at = post.published_at or start - timedelta(hours=30)
        posts.append(post)
    return posts


def _responses(people: dict[str, User], posts: list[Post], chance: random.Random, start: datetime) -> None:
    live = [post for post in posts if post.is_published]
    for post in live:
        likes = [{"post_id": post.id, "visitor": f"demo:{n}"} for n in range(chance.randrange(3, 48))]
        db.session.execute(insert(Like), likes)
        post.like_count = len(likes)
    for number, (who, what) in enumerate(COMMENTS):
        post = live[number % 5]
        comment = Comment.add(post, people[who], what)
        comment.created_at = start - timedelta(days=3, hours=20 - number)


def _members(chance: random.Random, start: datetime) -> None:
    members, payments = [], list[tuple[int, dict[str, object]]]()
    for number in range(1, 187):
        joined = start - timedelta(days=chance.randrange(6, 335))
        status = "canceled" if chance.random() < 0.08 else "active"
        yearly = chance.random() < 0.25
        members.append(
            {
                "email": f"reader{number}@post.example",
                "plan": "yearly" if yearly else "monthly",
                "status": status,
                "stripe_customer": f"cus_demo{number:04}",
                "joined_at": joined,
            }
        )
        for month in range(1 if yearly else 1 + (start - joined).days // 30):
            paid: dict[str, object] = {"amount": 6000 if yearly else 600, "currency": "eur"}
            paid |= {
                "provider_id": f"in_demo{number:04}_{month}",
                "charge": f"ch_demo{number:04}_{month}",
                "at": joined + timedelta(days=30 * month),
            }
            payments.append((number, paid))
    db.session.execute(insert(Member), members)
    ids = db.session.scalars(select(Member.id).order_by(Member.stripe_customer)).all()
    db.session.execute(insert(Payment), [paid | {"member_id": ids[number - 1]} for number, paid in payments])


def _messages(start: datetime) -> None:
    for number, (name, text) in enumerate(MESSAGES):
        message = Message.send(name=name, email=f"{name.split()[0].lower()}@letters.example", body=text)
        message.created_at = start - timedelta(days=len(MESSAGES) - number, hours=3 * number)
        if number < 5:
            message.read_at = message.created_at + timedelta(hours=2)


def _deliveries(start: datetime) -> None:
    told = [
        ("customer.subscription.updated", "cus_demo0012", DeliveryStatus.APPLIED, 0, ""),
        (
            "checkout.session.completed",
            "cus_demo0187",
            DeliveryStatus.DEAD,
            10,
            "KeyError in checkout_completed (billing.py, line 61)",
        ),
        ("invoice.paid", "cus_demo0003", DeliveryStatus.APPLIED, 0, ""),
    ]
    for number, (type, customer, status, attempts, last_error) in enumerate(told, 1):
        at = start - timedelta(days=8 - 2 * number, minutes=41 * number)
        email = f"reader{int(customer[-4:])}@post.example"
        event = stripe_events.event(type, customer=customer, email=email, at=at, event_id=f"evt_demo{number:04}")
        delivery = Delivery.receive(
            source="stripe",
            event_id=event["id"],
            type=type,
            body=stripe_events.encode(event),
            api_version=event["api_version"],
        )
        delivery.received_at, delivery.status = at, status
        delivery.attempts, delivery.last_error = attempts, last_error
        delivery.processed_at = None if status == DeliveryStatus.DEAD else at


COMMENTS = [
    (
        "cleo",
        "I printed the first table and pinned it beside the kettle. Two arguments have been settled by it already.",
    ),
    ("bob", "The desk and the slot is the picture I shall use with the new people. It survives follow-up questions."),
    (
        "cleo",
        "We had a velvet coat at work. It was called `is_authenticated`, and it opened every ledger in the building.",
    ),
    ("edith", "For the record, the editor asked for a shorter title and lost."),
    ("cleo", "Re-serialised, re-signed, re-delivered: that was my Thursday. I wish I had read this on Wednesday."),
    ("ada", "If you keep only one line of it: verify first, and over the bytes you were sent."),
    ("cleo", "The board in our stairwell still announces a meeting from March."),
    ("bob", "A ledger with one column for “done” is the cheapest insurance I know."),
    ("cleo", "Could you write about what to do when the other side changes the contract without telling you?"),
    ("edith", "It is on the list. The list is long, and pinned to a board that somebody does clear."),
]
MESSAGES = [
    ("Ines Okafor", "We teach a course for apprentices in Leeds and would like to print three of your posts. May we?"),
    (
        "Tomasz Wilk",
        "In the piece on signatures you verify before you parse. We parse first, because of an old proxy. Is there a"
        " way out that does not involve the proxy’s author?",
    ),
    (
        "Mr. Halloran",
        "Your feed stopped for a day in October. It is back. I mention it only because nobody else seems to have.",
    ),
    (
        "Wen Li",
        "I have moved from monthly to yearly and was charged once, which is how it should be. Thank you for that.",
    ),
    ("Sofia Brandt", "Could the code samples be a little larger on a phone? My eyes are fifty-one."),
    ("R. Abernathy", "You spell “authorise” with an s. So do I. We may be the last."),
    (
        "Dana Kowalczyk",
        "Our team would take twelve memberships on one invoice. Whom do I write to, other than this form?",
    ),
    ("Jules Marchetti", "A correction to the post about doorbells: in Turin the names are on the inside."),
    ("Priya Nair", "I should like to write for you about queues. I have kept one for eleven years."),
]

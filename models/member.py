"""Paying members and what they paid.

What is known of them comes from events that arrive late, repeated and in any order. So each fact keeps the *stamp* of
the event that told it, and gives way to later ones only: whatever the order was, the rows end alike.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

from sqlalchemy import ColumnElement, ForeignKey, String, case, exists, func, null, select, tuple_, union_all
from sqlalchemy.orm import Mapped, aliased, mapped_column, relationship

from models.bounds import Page, by_month, count_of, page_of
from models.database import Model, Numbered, db, indexes, known_or_new, now

_BEST_FIRST = "active", "past_due", "pending", "canceled", "not_joined"
ACTIVE, PAST_DUE, PENDING, CANCELED, NOT_JOINED = _BEST_FIRST


class Member(Numbered, Model):
    """Someone who supports the publication, or tried to: a customer at Stripe. Other customers have no `joined_at`."""

    __table_args__ = (*indexes("member"),)

    email: Mapped[str] = mapped_column(String(254), default="", index=True)
    email_as_of: Mapped[str] = mapped_column(String(300), default="")
    plan: Mapped[str] = mapped_column(String(20), default="")
    status: Mapped[str] = mapped_column(String(20), default="active")
    stripe_customer: Mapped[str | None] = mapped_column(String(80), unique=True)
    joined_at: Mapped[datetime | None] = mapped_column(default=now)

    subscriptions: Mapped[list["Subscription"]] = relationship(back_populates="member", order_by="Subscription.id")

    @property
    def subscription(self) -> "Subscription | None":
        """The one that standing and plan come from: the best, and of several such the one heard of last."""
        return max((each for each in self.subscriptions if each.status), key=_place, default=None)

    @classmethod
    def of_customer(cls, customer: str) -> Self:
        """Return who is this customer at Stripe, locked, so that events about one customer follow one another."""
        return known_or_new(cls, {"stripe_customer": customer}, status=NOT_JOINED, joined_at=null())

    @classmethod
    def known_as(cls, buyers: Iterable[str], email: str) -> Self | None:
        """Return who is a member and opened the checkout under one of these names, or has the address."""
        bought = select(Subscription.member_id).where(Subscription.buyer.in_([*filter(None, buyers)]))
        ids = union_all(bought, select(cls.id).where(cls.email == email.lower(), cls.email != ""))
        found = {row.status: row for row in db.session.scalars(select(cls).where(cls.id.in_(ids)).limit(20))}
        return found.get(ACTIVE) or found.get(PAST_DUE) or found.get(PENDING)

    def follow_subscriptions(self) -> None:
        """Take standing and plan from the best subscription that tells them; where none does, keep what is there."""
        self.status = self.subscription.standing if self.subscription else self.status
        if planned := [each for each in self.subscriptions if each.plan]:
            self.plan = max(planned, key=_place).plan

    @classmethod
    def people(cls) -> tuple[ColumnElement[bool], ...]:
        """Return what makes a row a person: of several customers with one address it is the one that stands best."""
        other = aliased(cls)
        place, others = (tuple_(case(_PLACES, value=row.status), row.id) for row in (cls, other))
        return cls.joined_at.is_not(None), ~exists().where(other.email == cls.email, other.email != "", others < place)

    @classmethod
    def count_by_status(cls) -> dict[str, int]:
        """Count members under each status, up to `MANY`."""
        counts = [count_of(select(cls.id).where(cls.status == status, *cls.people())) for status in _BEST_FIRST]
        return dict(zip(_BEST_FIRST, db.session.execute(select(*counts)).one(), strict=True))

    @classmethod
    def joined_by_month(cls) -> list[tuple[str, int]]:
        """Return (`2026-11`, how many customers joined) for the last twelve months up to the newest, oldest first."""
        return by_month(cls.joined_at, func.count(cls.id), cls.status != NOT_JOINED)

    @classmethod
    def page(cls, status: str | None = None, before: int | None = None, *, per_page: int) -> Page[Self]:
        """Return the page behind a member, newest first."""
        of_status = [cls.status == status] if status else []
        return page_of(select(cls).where(*cls.people(), *of_status), (cls.joined_at, cls.id), before, per_page)


class Subscription(Numbered, Model):
    """What a member has subscribed to at Stripe, as of the greatest stamp; and who opened the checkout for it."""

    stripe_id: Mapped[str] = mapped_column(String(80), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    buyer: Mapped[str] = mapped_column(String(60), default="", index=True)
    as_of: Mapped[str] = mapped_column(String(300), default="")
    status: Mapped[str] = mapped_column(String(20), default="")
    plan: Mapped[str] = mapped_column(String(20), default="")
    renews_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    failed_as_of: Mapped[str] = mapped_column(String(300), default="")

    member: Mapped[Member] = relationship(back_populates="subscriptions")

    @property
    def standing(self) -> str:
        """The status. Where the subscription is silent, a payment that failed after one that was made is past due."""
        return PAST_DUE if self.status == ACTIVE and self.failed_as_of > self.as_of else self.status

    def learn(self, stamp: str, **facts: Any) -> None:
        """Note what an event told, unless a greater one has spoken."""
        news = facts | {"as_of": stamp} if stamp > self.as_of else {}
        for name, value in news.items():
            setattr(self, name, value)


def _place(subscription: Subscription) -> tuple[int, str]:
    return -_PLACES[subscription.standing], subscription.as_of


_PLACES = {status: place for place, status in enumerate(_BEST_FIRST)}

"""Paying members and what they paid.

What is known of them comes from events that arrive late, repeated and in any order. So each fact keeps the *stamp* of
the event that told it, and gives way to later ones only: whatever the order was, the rows end alike.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, String, func, select
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from models.bounds import Page, by_month, count_of, page_of
from models.database import Model, Numbered, added, db, now

ACTIVE, PAST_DUE, PENDING, CANCELED = _BEST_FIRST = ("active", "past_due", "pending", "canceled")


class Member(Numbered, Model):
    """Someone who supports the publication: one customer at Stripe. Events tell the e-mail address sooner or later."""

    __table_args__ = (
        Index("ix_member_joined_at", "joined_at", "id"),
        Index("ix_member_status", "status", "joined_at", "id"),
    )

    email: Mapped[str] = mapped_column(String(254), default="", index=True)
    email_as_of: Mapped[str] = mapped_column(String(300), default="")
    plan: Mapped[str] = mapped_column(String(20), default="monthly")
    status: Mapped[str] = mapped_column(String(20), default="active")
    stripe_customer: Mapped[str | None] = mapped_column(String(80), unique=True)
    joined_at: Mapped[datetime] = mapped_column(default=now)

    subscriptions: Mapped[list["Subscription"]] = relationship(back_populates="member", order_by="Subscription.id")

    @classmethod
    def of_customer(cls, customer: str, *, seen_at: datetime) -> Self:
        """Return the member who is this customer at Stripe, new if nobody has heard of them; they joined by `seen_at`.

        The row is locked, so that two events about one customer follow one another.
        """
        member = db.session.scalar(select(cls).where(cls.stripe_customer == customer).with_for_update())
        if member is None:
            member = cls(stripe_customer=customer, email="", email_as_of="", status=PENDING, joined_at=seen_at)
            db.session.add(member)
        member.joined_at = min(member.joined_at, seen_at)
        return member

    def learn_email(self, email: str, stamp: str) -> None:
        """Note the address that an event told."""
        if email and stamp > self.email_as_of:
            self.email, self.email_as_of = email, stamp

    def follow_subscriptions(self) -> None:
        """Take status and plan from the best subscription. A member without any keeps what is there."""
        known = [subscription for subscription in self.subscriptions if subscription.status]
        if known:
            self.status = min((subscription.status for subscription in known), key=_BEST_FIRST.index)
        if plans := [s for s in known if s.plan and s.status == self.status] or [s for s in known if s.plan]:
            self.plan = max(plans, key=lambda subscription: subscription.plan_as_of).plan

    @classmethod
    def count_by_status(cls) -> dict[str, int]:
        """Count members under each status, up to `MANY`."""
        counts = [count_of(select(cls.id).where(cls.status == status)) for status in _BEST_FIRST]
        return dict(zip(_BEST_FIRST, db.session.execute(select(*counts)).one(), strict=True))

    @classmethod
    def joined_by_month(cls) -> list[tuple[str, int]]:
        """Return (`2026-11`, how many joined) for the last twelve months up to the newest, oldest first."""
        return by_month(cls.joined_at, func.count(cls.id))

    @classmethod
    def page(cls, status: str | None = None, before: int | None = None, *, per_page: int) -> Page[Self]:
        """Return the page behind a member, newest first."""
        query = select(cls).where(cls.status == status) if status else select(cls)
        return page_of(query, (cls.joined_at, cls.id), before, per_page)


class Subscription(Numbered, Model):
    """What a member has subscribed to at Stripe."""

    stripe_id: Mapped[str] = mapped_column(String(80), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    plan: Mapped[str] = mapped_column(String(20), default="")
    plan_as_of: Mapped[str] = mapped_column(String(300), default="")
    status: Mapped[str] = mapped_column(String(20), default="")
    status_as_of: Mapped[str] = mapped_column(String(300), default="")
    ended_at: Mapped[datetime | None]

    member: Mapped[Member] = relationship(back_populates="subscriptions")

    @classmethod
    def of_member(cls, member: Member, stripe_id: str) -> Self:
        """Return the subscription with Stripe's id, new if nobody has heard of it."""
        known = db.session.scalar(select(cls).where(cls.stripe_id == stripe_id))
        untold = dict.fromkeys(("plan", "plan_as_of", "status", "status_as_of"), "")
        return known or added(cls(stripe_id=stripe_id, member=member, **untold))

    def learn_plan(self, plan: str, stamp: str) -> None:
        """Note the plan that an event told."""
        if plan and stamp > self.plan_as_of:
            self.plan, self.plan_as_of = plan, stamp

    def learn_status(self, status: str, stamp: str) -> None:
        """Note the status that an event told. What has ended stays so: a payment that arrives late revives nothing."""
        if status and self.ended_at is None and stamp > self.status_as_of:
            self.status, self.status_as_of = status, stamp

    def end(self, at: datetime, stamp: str) -> None:
        """Note its end, for good, whatever was said later. Of two ends the first counts."""
        if self.ended_at is None or stamp < self.status_as_of:
            self.status, self.status_as_of, self.ended_at = CANCELED, stamp, at


class Payment(Numbered, Model):
    """Money received, in minor units of its currency (cents)."""

    __table_args__ = (Index("ix_payment_at", "at", "id", "amount"),)

    provider_id: Mapped[str] = mapped_column(String(80), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    amount: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"))
    currency: Mapped[str] = mapped_column(String(3), default="eur")
    at: Mapped[datetime]

    member: Mapped[Member] = relationship()

    @classmethod
    def record(cls, member: Member, *, invoice: str, amount: int, currency: str, at: datetime) -> None:
        """Note what an invoice brought, in minor units; once, and of two accounts of it the earlier."""
        payment = db.session.scalar(select(cls).where(cls.provider_id == invoice))
        if payment is None:
            db.session.add(cls(provider_id=invoice, member=member, amount=amount, currency=currency, at=at))
        elif at < payment.at:
            payment.amount, payment.currency, payment.at = amount, currency, at

    @classmethod
    def latest(cls, limit: int) -> Sequence[Self]:
        """Return the last payments with who made them, newest first."""
        query = select(cls).options(joinedload(cls.member)).order_by(cls.at.desc(), cls.id.desc())
        return db.session.scalars(query.limit(limit)).all()

    @classmethod
    def by_month(cls) -> list[tuple[str, int]]:
        """Return (`2026-11`, sum in minor units) for the last twelve months up to the newest, oldest first."""
        return by_month(cls.at, func.sum(cls.amount))

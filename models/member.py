"""Paying members and what they paid."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, func, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.database import Model, db, now


class Member(Model):
    """Someone who supports the publication: one customer at Stripe. Events tell the e-mail address sooner or later."""

    __tablename__ = "member"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), default="", index=True)
    email_as_of: Mapped[str] = mapped_column(String(300), default="")
    plan: Mapped[str] = mapped_column(String(20), default="monthly")
    status: Mapped[str] = mapped_column(String(20), default="active", index=True)
    stripe_customer: Mapped[str | None] = mapped_column(String(80), unique=True)
    joined_at: Mapped[datetime] = mapped_column(default=now)

    payments: Mapped[list["Payment"]] = relationship(back_populates="member")
    subscriptions: Mapped[list["Subscription"]] = relationship(back_populates="member", order_by="Subscription.id")

    @classmethod
    def count_active(cls) -> int:
        """Count members whose support runs."""
        return db.session.scalar(select(func.count(cls.id)).where(cls.status == "active")) or 0


class Subscription(Model):
    """What a member has subscribed to at Stripe."""

    __tablename__ = "subscription"

    id: Mapped[int] = mapped_column(primary_key=True)
    stripe_id: Mapped[str] = mapped_column(String(80), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    plan: Mapped[str] = mapped_column(String(20), default="")
    plan_as_of: Mapped[str] = mapped_column(String(300), default="")
    status: Mapped[str] = mapped_column(String(20), default="")
    status_as_of: Mapped[str] = mapped_column(String(300), default="")
    ended_at: Mapped[datetime | None]

    member: Mapped[Member] = relationship(back_populates="subscriptions")


class Payment(Model):
    """Money received, in minor units of its currency (cents)."""

    __tablename__ = "payment"

    id: Mapped[int] = mapped_column(primary_key=True)
    provider_id: Mapped[str] = mapped_column(String(80), unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    amount: Mapped[int]
    currency: Mapped[str] = mapped_column(String(3), default="eur")
    at: Mapped[datetime] = mapped_column(index=True)

    member: Mapped[Member] = relationship(back_populates="payments")

    @classmethod
    def by_month(cls, months: int = 12) -> list[tuple[str, int]]:
        """Return (`2026-11`, sum in minor units) for the last `months` months that had payments, oldest first."""
        month = func.substr(cls.at, 1, 7)
        rows = db.session.execute(select(month, func.sum(cls.amount)).group_by(month).order_by(month.desc()))
        return [(name, total) for name, total in rows.fetchmany(months)][::-1]

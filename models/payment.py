"""Money that came from members, and money that went back to them. Currencies are never added up."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Integer, String, UniqueConstraint, func, select, update
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from models.bounds import by_month
from models.database import Model, Numbered, db, indexes, known_or_new
from models.member import Member


class Payment(Numbered, Model):
    """Money received, or below zero what went back, in minor units. Zero only says whose a charge is."""

    __table_args__ = (UniqueConstraint("provider_id", "kind"), *indexes("payment"))

    provider_id: Mapped[str] = mapped_column(String(80))
    kind: Mapped[str] = mapped_column(String(20), default="payment")  # or refund, refund failed, dispute, dispute won
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"), index=True)
    charge: Mapped[str] = mapped_column(String(80), default="", index=True)
    amount: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"))
    currency: Mapped[str] = mapped_column(String(3), default="eur")
    at: Mapped[datetime]

    member: Mapped[Member | None] = relationship()

    @classmethod
    def record(cls, kind: str, id: str, by: Member | None, of: str, amount: int, currency: str, at: datetime) -> None:
        """Note money once, and of two accounts of it the lesser amount, then the earlier.

        All that is `of` one charge is one member's, for Stripe does not say it each time. Money of other customers, who
        have not joined, is kept and never counts.
        """
        row = known_or_new(cls, {"provider_id": id, "kind": kind}, amount=amount, currency=currency, at=at, charge=of)
        if (amount, at) < (row.amount, row.at):
            row.amount, row.currency, row.at = amount, currency, at
        row.member = row.member or by
        same = cls.charge == of
        if whose := of and db.session.scalar(select(func.max(cls.member_id)).where(same)):
            db.session.execute(update(cls).where(same, cls.member_id.is_(None)).values(member_id=whose))

    @classmethod
    def latest(cls, limit: int, member: Member | None = None) -> list["Payment"]:
        """Return the last payments of members, or of one, with who made them, newest first."""
        query = select(cls).options(joinedload(cls.member)).where(cls.amount != 0, ~cls.member.has(joined_at=None))
        query = query.where(cls.member == member) if member else query
        return list(db.session.scalars(query.order_by(cls.at.desc(), cls.id.desc()).limit(limit)))

    @classmethod
    def by_month(cls) -> Iterator[tuple[str, list[tuple[str, int]]]]:
        """Yield each currency with (`2026-11`, sum in minor units) of its last twelve months, oldest first."""
        code, codes = "", select(cls.currency).order_by(cls.currency).limit(1)
        while code := db.session.scalar(codes.where(cls.currency > code)) or "":
            yield code, by_month(cls.at, func.sum(cls.amount), cls.currency == code, ~cls.member.has(joined_at=None))

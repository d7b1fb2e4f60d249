"""Soft delete: what is deleted stays in its row, out of every query's sight, for as long as it can be brought back.

A hook on the session adds the condition to each ORM SELECT, in joins and subqueries too (with_loader_criteria). Whoever
wants the deleted rows says so: `execution_options(include_deleted=True)`. Core statements on tables see all rows, and
so do `any()` and `has()` of a relationship to deleted things: join instead.
"""

from datetime import datetime, timedelta

from sqlalchemy import event, select
from sqlalchemy.orm import Mapped, ORMExecuteState, mapped_column, with_loader_criteria

from models.database import db, delete_some, now


class SoftDelete:
    """For models whose rows are only marked as deleted."""

    deleted_at: Mapped[datetime | None] = mapped_column(default=None)

    def delete(self) -> None:
        """Take it out of sight, with all that hangs on it; harmless when repeated."""
        self.deleted_at = self.deleted_at or now()

    @classmethod
    def sweep(cls) -> int:
        """Remove for good some of what nobody has brought back within seven days, and return how much.

        What hangs on it goes first: one with a hundred thousand likes would hold the write lock for a second.
        """
        mine = vars(cls)["__table__"]
        old = select(mine.c.id).where(mine.c.deleted_at < now() - timedelta(days=7))
        keys = [key.parent for table in db.metadata.sorted_tables for key in table.foreign_keys if key.references(mine)]
        return sum(delete_some(key.table, key.in_(old)) for key in keys) or delete_some(mine, mine.c.id.in_(old))


_VISIBLE = with_loader_criteria(SoftDelete, lambda cls: cls.deleted_at.is_(None), include_aliases=True)


@event.listens_for(db.session, "do_orm_execute")
def _hide_deleted(state: ORMExecuteState) -> None:
    # Refreshing an object that is known already, and loading what hangs on one, carries the condition on by itself.
    if not state.is_select or state.is_column_load or state.is_relationship_load:
        return
    if not state.execution_options.get("include_deleted"):
        state.statement = state.statement.options(_VISIBLE)

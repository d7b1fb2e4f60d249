"""the field's names: a tag has a version, a delivery a status; an answer is one column."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.execute("ALTER TABLE revalidation_tag RENAME COLUMN nonce TO version")
    op.drop_index("ix_delivery_outcome", "delivery")
    op.execute("ALTER TABLE delivery RENAME COLUMN outcome TO status")
    op.create_index("ix_delivery_status", "delivery", ["status"])
    op.execute("DELETE FROM form_key")  # keys of pages that are open now: a form sent twice meanwhile counts twice
    with op.batch_alter_table("form_key") as table:
        for name in ("message", "location", "undo"):
            table.drop_column(name)
        table.add_column(sa.Column("answer", sa.JSON(), nullable=False))


def downgrade() -> None:
    """Take it back."""
    op.execute("DELETE FROM form_key")
    with op.batch_alter_table("form_key") as table:
        table.drop_column("answer")
        table.add_column(sa.Column("message", sa.Text(), nullable=False))
        table.add_column(sa.Column("location", sa.Text(), nullable=False))
        table.add_column(sa.Column("undo", sa.Text(), nullable=True))
    op.drop_index("ix_delivery_status", "delivery")
    op.execute("ALTER TABLE delivery RENAME COLUMN status TO outcome")
    op.create_index("ix_delivery_outcome", "delivery", ["outcome"])
    op.execute("ALTER TABLE revalidation_tag RENAME COLUMN version TO nonce")

"""the field's names: a tag has a version, a delivery a status."""

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


def downgrade() -> None:
    """Take it back."""
    op.drop_index("ix_delivery_status", "delivery")
    op.execute("ALTER TABLE delivery RENAME COLUMN status TO outcome")
    op.create_index("ix_delivery_outcome", "delivery", ["outcome"])
    op.execute("ALTER TABLE revalidation_tag RENAME COLUMN version TO nonce")

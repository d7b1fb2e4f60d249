"""cleared by an editor: whose right to publish is asked when a post's time has come."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change: what was scheduled before is as good as cleared."""
    op.add_column("post", sa.Column("cleared", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("post", "cleared")

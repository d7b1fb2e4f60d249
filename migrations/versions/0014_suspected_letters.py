"""suspected letters: what a program may have written lies in a folder of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

UNREAD = sa.text("read_at IS NULL")


def upgrade() -> None:
    """Apply the change."""
    op.add_column("message", sa.Column("suspected", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.drop_index("ix_message_unread", "message")
    op.create_index(
        "ix_message_unread", "message", ["suspected", "id"], sqlite_where=UNREAD, postgresql_where=UNREAD
    )
    op.create_index("ix_message_folder", "message", ["suspected", "id"])


def downgrade() -> None:
    """Take it back; suspected letters lie in the inbox then."""
    op.drop_index("ix_message_folder", "message")
    op.drop_index("ix_message_unread", "message")
    op.drop_column("message", "suspected")
    op.create_index("ix_message_unread", "message", ["id"], sqlite_where=UNREAD, postgresql_where=UNREAD)

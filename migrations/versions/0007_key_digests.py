"""key digests: a key is looked up by its digest, which is unique."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.create_unique_constraint("uq_api_key_digest", ["digest"])
    op.drop_table("throttle")  # rate limits are counted in a file of their own


def downgrade() -> None:
    """Take it back."""
    op.create_table(
        "throttle",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("counted_since", sa.DateTime(), nullable=False),
        sa.Column("blocked_until", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_throttle")),
    )
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.drop_constraint("uq_api_key_digest", type_="unique")

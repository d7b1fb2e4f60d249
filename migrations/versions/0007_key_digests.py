"""key digests: a key is looked up by its digest, which is unique."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.create_unique_constraint("uq_api_key_digest", ["digest"])


def downgrade() -> None:
    """Take it back."""
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.drop_constraint("uq_api_key_digest", type_="unique")

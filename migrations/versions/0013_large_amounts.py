"""large amounts: of currencies whose smallest unit is worth little; SQLite's integers are large already."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("payment", "amount", type_=sa.BigInteger())


def downgrade() -> None:
    """Take it back; raises where an amount has become too large for it."""
    if op.get_bind().dialect.name == "postgresql":
        op.alter_column("payment", "amount", type_=sa.Integer())

"""whose a database is: a row says whether it is the demo's. What is older is known by the passwords that open it."""

import sqlalchemy as sa
from alembic import op

from demo.marker import MARKER, is_demo

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    found = is_demo(op.get_bind())
    if found is not None:
        setting = sa.table("setting", sa.column("key", sa.String), sa.column("value", sa.Boolean))
        op.bulk_insert(setting, [{"key": MARKER, "value": found}])


def downgrade() -> None:
    """Take it back."""
    op.get_bind().execute(sa.text("DELETE FROM setting WHERE key = :key"), {"key": MARKER})

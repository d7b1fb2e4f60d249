"""versions by writer: each writer of a tag has a row of its own; and, on PostgreSQL, rate limits for all machines."""

import secrets

import sqlalchemy as sa
from alembic import op

from flask_revalidation import insert_epoch

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Reading counts too, and may write nothing that has to last: after a crash of the server everyone begins at zero.
RATE_LIMIT = "CREATE UNLOGGED TABLE rate_limit" \
             " (bucket text PRIMARY KEY, ends bigint NOT NULL, hits bigint NOT NULL, last bigint NOT NULL)"


def upgrade() -> None:
    """Apply the change. No version is carried over: a new epoch makes every copy a miss."""
    op.drop_table("revalidation_tag")
    op.create_table(
        "revalidation_tag",
        sa.Column("tag", sa.String(length=400), nullable=False),
        sa.Column("writer", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("tag", "writer", name=op.f("pk_revalidation_tag")),
    )
    insert_epoch(op.get_bind())
    if op.get_bind().dialect.name == "postgresql":
        op.execute(RATE_LIMIT)


def downgrade() -> None:
    """Take it back."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_table("rate_limit")
    op.drop_table("revalidation_tag")
    op.create_table(
        "revalidation_tag",
        sa.Column("tag", sa.String(length=400), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("tag", name=op.f("pk_revalidation_tag")),
    )
    epoch = sa.text("INSERT INTO revalidation_tag (tag, version) VALUES ('', :version)")
    op.get_bind().execute(epoch, {"version": secrets.token_hex(16)})

"""the trash: what was deleted can be brought back."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "trash",
        sa.Column("post_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("deleted_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["user.id"], name=op.f("fk_trash_author_id_user")),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_trash")),
    )
    op.create_index(op.f("ix_trash_author_id"), "trash", ["author_id"])
    op.create_index(op.f("ix_trash_deleted_at"), "trash", ["deleted_at"])
    op.add_column("form_key", sa.Column("undo", sa.Text(), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        # In older databases 0002 has lost AUTOINCREMENT. An undo that finds its id in use fails.
        with op.batch_alter_table("post", recreate="always", table_kwargs={"sqlite_autoincrement": True}):
            pass


def downgrade() -> None:
    """Take it back."""
    op.drop_column("form_key", "undo")
    op.drop_table("trash")

"""pictures: their bytes, which posts name them, and the one that stands for a post in lists."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "picture",
        sa.Column("path", sa.String(90), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("alt", sa.String(300), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["user.id"], name="fk_picture_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_picture"),
        sa.UniqueConstraint("path", "user_id", name="uq_picture_path"),
    )
    op.create_index("ix_picture_user_id", "picture", ["user_id", "id"])
    op.create_table(
        "post_picture",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("picture_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["post.id"], name="fk_post_picture_post_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["picture_id"], ["picture.id"], name="fk_post_picture_picture_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("post_id", "picture_id", name="pk_post_picture"),
    )
    op.create_index("ix_post_picture_picture_id", "post_picture", ["picture_id"])
    op.add_column("post", sa.Column("lead", sa.String(90), nullable=False, server_default=""))


def downgrade() -> None:
    """Take it back."""
    op.drop_column("post", "lead")
    op.drop_table("post_picture")
    op.drop_table("picture")

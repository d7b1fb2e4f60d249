"""indexes of lists: one for each order in which something is listed, counted or looked for."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ALIVE, UNREAD, WAITING = "deleted_at IS NULL", "read_at IS NULL", "processed_at IS NULL"
OLD = {
    "ix_post_status": ("post", ["status"]),
    "ix_post_published_at": ("post", ["published_at"]),
    "ix_post_author_id": ("post", ["author_id"]),
    "ix_comment_post_id": ("comment", ["post_id"]),
    "ix_member_status": ("member", ["status"]),
    "ix_payment_at": ("payment", ["at"]),
    "ix_delivery_status": ("delivery", ["status"]),
}
NEW = {
    "ix_post_published": ("post", ["status", "published_at", "id"], ALIVE),
    "ix_post_by_author": ("post", ["author_id", "status", "published_at", "id"], ALIVE),
    "ix_post_author_id": ("post", ["author_id", "id"], None),
    "ix_post_begun": ("post", ["created_at", "id"], ALIVE),
    "ix_post_begun_by_status": ("post", ["status", "created_at", "id"], ALIVE),
    "ix_post_updated": ("post", ["updated_at", "id"], ALIVE),
    "ix_post_publish_at": ("post", ["publish_at"], "publish_at IS NOT NULL"),
    "ix_comment_post_id": ("comment", ["post_id", "id"], None),
    "ix_message_unread": ("message", ["id"], UNREAD),
    "ix_member_joined_at": ("member", ["joined_at", "id"], None),
    "ix_member_status": ("member", ["status", "joined_at", "id"], None),
    "ix_payment_at": ("payment", ["at", "id", "amount"], None),
    "ix_delivery_waiting": ("delivery", ["id"], WAITING),
}


def upgrade() -> None:
    """Apply the change."""
    for name, (table, _) in OLD.items():
        op.drop_index(name, table)
    for name, (table, columns, condition) in NEW.items():
        where = None if condition is None else sa.text(condition)
        op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Take it back."""
    for name, (table, *_) in NEW.items():
        op.drop_index(name, table)
    for name, (table, columns) in OLD.items():
        op.create_index(name, table, columns)

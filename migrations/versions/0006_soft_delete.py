"""soft delete: a deleted post stays in its row; what lies in the trash moves back there."""

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ALIVE, DELETED = sa.text("deleted_at IS NULL"), sa.text("deleted_at IS NOT NULL")
TRASH_FORMAT = "%Y-%m-%dT%H:%M:%S.%f+00:00"  # times in the trash's JSON are text, in UTC


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("post", schema=None) as batch_op:
        batch_op.add_column(sa.Column("deleted_at", sa.DateTime(), nullable=True))
        batch_op.drop_constraint("uq_post_slug", type_="unique")
        batch_op.drop_constraint("uq_post_origin", type_="unique")
    for name in ("slug", "origin"):
        op.create_index(f"uq_post_{name}", "post", [name], unique=True, sqlite_where=ALIVE, postgresql_where=ALIVE)
    op.create_index("ix_post_deleted_at", "post", ["deleted_at"], sqlite_where=DELETED, postgresql_where=DELETED)
    _move_back_from_trash(op.get_bind())
    op.drop_table("trash")


def downgrade() -> None:
    """Take it back."""
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
    _move_to_trash(op.get_bind())
    op.drop_index("ix_post_deleted_at", "post")
    for name in ("origin", "slug"):
        op.drop_index(f"uq_post_{name}", "post")
    with op.batch_alter_table("post", schema=None) as batch_op:
        batch_op.create_unique_constraint("uq_post_slug", ["slug"])
        batch_op.create_unique_constraint("uq_post_origin", ["origin"])
        batch_op.drop_column("deleted_at")


def _tables(bind: sa.Connection) -> dict[str, sa.Table]:
    """Return the tables as they are now, whatever the models have become since."""
    metadata = sa.MetaData()
    names = ("post", "tag", "post_tag", "comment", "like", "trash")
    metadata.reflect(bind, only=names)
    return {name: metadata.tables[name] for name in names}


def _move_back_from_trash(bind: sa.Connection) -> None:
    tables = _tables(bind)
    for row in bind.execute(sa.select(tables["trash"])).mappings().all():
        data = row["data"] if isinstance(row["data"], dict) else json.loads(row["data"])
        post = data["post"] | {"deleted_at": row["deleted_at"]}
        for name, rows in (("post", [post]), ("comment", data["comments"]), ("like", data["likes"])):
            if rows:
                bind.execute(sa.insert(tables[name]), [_known(tables[name], each) for each in rows])
        for name in data["tags"]:
            bind.execute(sa.insert(tables["post_tag"]).values(post_id=post["id"], tag_id=_tag_id(bind, tables, name)))


def _known(table: sa.Table, row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with its times read, without what the table has lost since."""
    known = {name: value for name, value in row.items() if name in table.c}
    for name, value in known.items():
        if isinstance(value, str) and isinstance(table.c[name].type, sa.DateTime):
            known[name] = datetime.fromisoformat(value).replace(tzinfo=None)
    return known


def _tag_id(bind: sa.Connection, tables: dict[str, sa.Table], name: str) -> int:
    tag = tables["tag"]
    found = bind.scalar(sa.select(tag.c.id).where(tag.c.name == name))
    return found or bind.execute(sa.insert(tag).values(name=name)).inserted_primary_key[0]


def _move_to_trash(bind: sa.Connection) -> None:
    tables = _tables(bind)
    post, tag, post_tag = (tables[name] for name in ("post", "tag", "post_tag"))
    for row in bind.execute(sa.select(post).where(post.c.deleted_at.is_not(None))).mappings().all():
        tags = sa.select(tag.c.name).join(post_tag).where(post_tag.c.post_id == row["id"]).order_by(tag.c.name)
        data = {"post": _as_json(row), "tags": list(bind.scalars(tags))}
        del data["post"]["deleted_at"]
        for name, key in (("comment", "comments"), ("like", "likes")):
            hanging = sa.select(tables[name]).where(tables[name].c.post_id == row["id"])
            data[key] = [_as_json(each) for each in bind.execute(hanging).mappings()]
        kept = {"post_id": row["id"], "author_id": row["author_id"], "deleted_at": row["deleted_at"], "data": data}
        bind.execute(sa.insert(tables["trash"]).values(kept))
        # SQLite's foreign keys are off while migrations run, so that nothing cascades.
        for name in ("comment", "like", "post_tag"):
            bind.execute(sa.delete(tables[name]).where(tables[name].c.post_id == row["id"]))
        bind.execute(sa.delete(post).where(post.c.id == row["id"]))


def _as_json(row: Any) -> dict[str, Any]:
    return {
        name: value.strftime(TRASH_FORMAT) if isinstance(value, datetime) else value for name, value in row.items()
    }

"""other words: what a post is also found by, of other spellings and in scripts without spaces."""

import sqlalchemy as sa
from alembic import op

from models.search import other_words

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

NAMES = ("title", "excerpt", "body", "other_words")
TRIGGERS = ("insert", "delete", "update")


def index(names: tuple[str, ...]) -> None:
    """Make the index of these columns anew: the table and triggers of SQLite, the column of PostgreSQL."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE post DROP COLUMN post_search")
        words = " || ' ' || ".join(names)
        op.execute(
            f"ALTER TABLE post ADD COLUMN post_search tsvector GENERATED ALWAYS AS (post_search_words({words})) STORED"
        )
        op.execute("CREATE INDEX post_search_words ON post USING gin (post_search)")
        return
    for event in TRIGGERS:
        op.execute(f"DROP TRIGGER post_search_{event}")
    op.execute("DROP TABLE post_search")
    listed = ", ".join(names)
    old, new = (", ".join(f"{row}.{name}" for name in ("id", *names)) for row in ("old", "new"))
    forget = f"INSERT INTO post_search (post_search, rowid, {listed}) VALUES ('delete', {old});"
    learn = f"INSERT INTO post_search (rowid, {listed}) VALUES ({new});"
    op.execute(
        f"CREATE VIRTUAL TABLE post_search USING fts5({listed}, content='post', content_rowid='id',"
        " prefix='2 3', tokenize='unicode61 remove_diacritics 2')"
    )
    for event, done in zip(TRIGGERS, (learn, forget, f"{forget} {learn}"), strict=True):
        when = f"UPDATE OF id, {listed}" if event == "update" else event.upper()
        op.execute(f"CREATE TRIGGER post_search_{event} AFTER {when} ON post BEGIN {done} END")
    op.execute("INSERT INTO post_search (post_search) VALUES ('rebuild')")


def upgrade() -> None:
    """Apply the change, with the words of the posts that are there."""
    op.add_column("post", sa.Column("other_words", sa.Text(), nullable=False, server_default=""))
    post = sa.table("post", *(sa.column(name) for name in ("id", *NAMES)))
    posts = op.get_bind().execute(sa.select(post.c.id, post.c.title, post.c.excerpt, post.c.body))
    found = {row.id: words for row in posts if (words := other_words(f"{row.title} {row.excerpt} {row.body}"))}
    for post_id, words in found.items():
        op.get_bind().execute(sa.update(post).where(post.c.id == post_id).values(other_words=words))
    index(NAMES)


def downgrade() -> None:
    """Take it back."""
    index(NAMES[:3])
    op.drop_column("post", "other_words")

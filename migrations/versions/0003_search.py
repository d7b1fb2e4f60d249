"""search: the words of all posts, kept by triggers."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# The index keeps no text of its own: it reads `post`, and to forget a row it must be told the words it has indexed.
FORGET = "INSERT INTO post_search (post_search, rowid, title, excerpt, body)" \
         " VALUES ('delete', old.id, old.title, old.excerpt, old.body);"
LEARN = "INSERT INTO post_search (rowid, title, excerpt, body) VALUES (new.id, new.title, new.excerpt, new.body);"
SQLITE = (
    "CREATE VIRTUAL TABLE post_search USING fts5(title, excerpt, body, content='post', content_rowid='id',"
    " prefix='2 3', tokenize='unicode61 remove_diacritics 2')",
    f"CREATE TRIGGER post_search_insert AFTER INSERT ON post BEGIN {LEARN} END",
    f"CREATE TRIGGER post_search_delete AFTER DELETE ON post BEGIN {FORGET} END",
    f"CREATE TRIGGER post_search_update AFTER UPDATE OF id, title, excerpt, body ON post BEGIN {FORGET} {LEARN} END",
    "INSERT INTO post_search (post_search) VALUES ('rebuild')",
)


def upgrade() -> None:
    """Apply the change. Later migrations that make `post` anew keep the triggers (env.py)."""
    if op.get_bind().dialect.name == "sqlite":
        for statement in SQLITE:
            op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    if op.get_bind().dialect.name == "sqlite":
        for event in ("insert", "delete", "update"):
            op.execute(f"DROP TRIGGER post_search_{event}")
        op.execute("DROP TABLE post_search")

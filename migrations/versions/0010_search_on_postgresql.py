"""search on PostgreSQL: the words of a post are a column that the database computes, with an index."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# The words as FTS5 tells them apart on SQLite, and as models/search.py folds them: without case and accents. Small
# figures and fractions are part of a word there, and to PostgreSQL they are not. Of a word, 200 letters: a longer one is
# nothing that anybody types, and PostgreSQL refuses what has more than 2,046 bytes.
POSTGRESQL = (
    r"""
CREATE FUNCTION post_search_words(text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT array_to_tsvector(array_remove(regexp_split_to_array(regexp_replace(
    normalize(regexp_replace(normalize(lower($1), NFD), '[\u0300-\u036f]', '', 'g'), NFC),
    '([[:alnum:]]{200})[[:alnum:]]+', '\1', 'g'),
    '[^[:alnum:]\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u2089\u2150-\u2189\u2460-\u249b]+'), ''))
$$""",
    "ALTER TABLE post ADD COLUMN post_search tsvector"
    " GENERATED ALWAYS AS (post_search_words(title || ' ' || excerpt || ' ' || body)) STORED",
    "CREATE INDEX post_search_words ON post USING gin (post_search)",
)


def upgrade() -> None:
    """Apply the change."""
    if op.get_bind().dialect.name == "postgresql":
        for statement in POSTGRESQL:
            op.get_bind().exec_driver_sql(statement)  # as it stands: `[:alnum:]` names no parameter


def downgrade() -> None:
    """Take it back."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE post DROP COLUMN post_search")
        op.execute("DROP FUNCTION post_search_words")

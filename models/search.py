"""Finding posts by their words, behind one function for every database.

SQLite has a full-text index, `post_search`, which triggers on `post` keep in the writer's own transaction
(docs/decisions/0012-search-by-triggers.md). Elsewhere, for now, LIKE reads all texts.
"""

import re
import unicodedata
from typing import Any

from sqlalchemy import Select, and_, case, column, literal_column, or_, select, table

LONGEST, MOST = 80, 1_000  # characters of a query; the newest posts that are ranked, whatever there is of them
INDEX = "post_search"
WEIGHTS = "10.0, 4.0, 1.0"  # of title, excerpt and body
_POST = table("post", column("id"), column("title"), column("excerpt"), column("body"))


def words_of(query: str) -> list[str]:
    """Return what can be searched for. No quote, operator, star or control character is ever part of a word."""
    return re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", query[:LONGEST]))


def posts_with(query: str, dialect: str) -> Select[Any]:
    """Select `post_id` and `rank` of the posts in which every word begins one; the lowest rank fits best.

    Of the posts that fit, the newest `MOST`: to rank, or to count, all that hold a common word would be work for anyone
    to ask for.
    """
    words = words_of(query)
    if not words:
        return select(_POST.c.id.label("post_id"), literal_column("0").label("rank")).where(literal_column("1 = 0"))
    return _by_index(words) if dialect == "sqlite" else _by_like(words)


def _by_index(words: list[str]) -> Select[Any]:
    index = table(INDEX, column("rowid"), column(INDEX))
    asked = " ".join(f'"{word}"*' for word in words)  # quoted, a word is never an operator: AND, NEAR
    found = select(index.c.rowid.label("post_id"), literal_column(f"bm25({INDEX}, {WEIGHTS})").label("rank"))
    return found.where(index.c[INDEX].op("MATCH")(asked)).order_by(index.c.rowid.desc()).limit(MOST)


def _by_like(words: list[str]) -> Select[Any]:
    texts = (_POST.c.title, _POST.c.excerpt, _POST.c.body)
    everywhere = and_(*(or_(*(text.icontains(word, autoescape=True) for text in texts)) for word in words))
    titled = and_(*(_POST.c.title.icontains(word, autoescape=True) for word in words))
    return select(_POST.c.id.label("post_id"), case((titled, 0), else_=1).label("rank")).where(everywhere)

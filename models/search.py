"""Finding posts by their words, with the same answers for the same words on every database.

An index tells which posts have every word. The database keeps it in the writer's own transaction: SQLite by triggers
(docs/decisions/0012-search-by-triggers.md), PostgreSQL as a column (0025-search-in-tiers.md). How well a post fits is
decided here.
"""

import re
from collections.abc import Callable, Iterable
from itertools import chain, pairwise
from typing import Any
from unicodedata import normalize

import regex
from sqlalchemy import ColumnElement, Select, SelectBase, cast, column, false, func, select, table
from sqlalchemy.dialects.postgresql import TSQUERY

# Characters of a query; the newest posts that are ranked, whatever there is; those that are tried before the index.
LONGEST, MOST, RECENT = 80, 1_000, 5_000
INDEX = "post_search"
_POST, _INDEX = table("post", column("id"), column(INDEX)), table(INDEX, column("rowid"), column(INDEX))
# Scripts that are written without spaces: of their words, each two letters that stand side by side are searched for.
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}ー\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]+")


def words_of(query: str) -> list[str]:
    """Return what can be searched for. No quote, operator, star or control character is ever part of a word."""
    text = _plain(query[:LONGEST])
    return [*re.findall(r"[^\W_]+", _UNSPACED.sub(" ", text)), *_pairs_of(text)]


def other_words(text: str) -> str:
    """Return by which words else a text is found: those of another spelling (m² as m2), and pairs of letters."""
    respelt = (plain for word in text.split() if (plain := normalize("NFKC", word)) != word)
    return " ".join(dict.fromkeys(chain(respelt, _pairs_of(_plain(text)))))


def _plain(text: str) -> str:
    """Return text in its plainest spelling, as two of the same word agree: NFKC, and no vowel signs where no spaces."""
    return str(_UNSPACED.sub(lambda run: regex.sub(r"\p{M}", "", run[0]), normalize("NFKC", text)))


def _pairs_of(text: str) -> Iterable[str]:
    runs = _UNSPACED.findall(text)
    return (pair for run in runs for pair in (map("".join, pairwise(run)) if len(run) > 1 else run))


def folded(text: str) -> str:
    """Return text as words are compared: neither case nor accents count."""
    return normalize("NFC", re.sub("[\u0300-\u036f]", "", normalize("NFD", text.lower())))


def newest_with(query: str, dialect: str) -> SelectBase:
    """Select `post_id` of the newest `MOST` posts in which every word begins one.

    To rank, or to count, all that hold a common word would be work for anyone to ask for.
    """
    if not (words := words_of(query)):
        return _newest(_POST.c.id, false())
    if dialect == "sqlite":  # quoted, a word is never an operator: AND, NEAR
        return _newest(_INDEX.c.rowid, _INDEX.c[INDEX].op("MATCH")(" ".join(f'"{word}"*' for word in words)))
    asked = cast(" & ".join(f"'{folded(word)}':*" for word in words), TSQUERY)
    # In how many posts a word begins with these letters, the planner guesses. If in many, the newest have enough of
    # them; if not, the index has few to sort.
    recent = select(_POST).order_by(_POST.c.id.desc()).limit(RECENT).subquery()
    near = _newest(recent.c.id, recent.c[INDEX].op("@@")(asked)).cte()
    too_few = select(func.count()).select_from(near).scalar_subquery() < MOST
    return select(near).union(select(_newest(_POST.c.id, _POST.c[INDEX].op("@@")(asked)).where(too_few).subquery()))


def _newest(post_id: ColumnElement[int], fits: ColumnElement[bool]) -> Select[Any]:
    return select(post_id.label("post_id")).where(fits).order_by(post_id.desc()).limit(MOST)


def tiers(query: str) -> Callable[[str, str], int]:
    """Return what says of a title and an excerpt how well they fit: 0 is words of the title, 1 also of the excerpt."""
    # At the beginning of a word, where there are spaces.
    starts = (("" if _UNSPACED.match(word) else r"(?<![^\W_])") + folded(word) for word in words_of(query))
    begins = [re.compile(start) for start in starts]

    def tier(title: str, excerpt: str) -> int:
        texts = (folded(_plain(title)), folded(_plain(f"{title} {excerpt}")))
        return sum(not all(begin.search(text) for begin in begins) for text in texts)

    return tier

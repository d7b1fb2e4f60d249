"""Markdown to HTML that is safe to show, and names for addresses."""

import re
import unicodedata
from html import unescape

import nh3
from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES

LANGUAGES = {"bash", "console", "css", "diff", "html", "http", "ini", "javascript", "jinja", "js", "json", "py"}
LANGUAGES |= {"python", "sh", "sql", "toml", "xml", "yaml"}
LONGEST_CODE = 5_000  # characters; longer code is shown plain
_MARKS = HtmlFormatter(nowrap=True)  # classes only: the policy allows no inline style


def _highlight(code: str, language: str, _attributes: str) -> str:
    """Markdown's hook for a block of code: return it marked up, or nothing where it is to stay plain."""
    name = language.lower()
    if name not in LANGUAGES or len(code) > LONGEST_CODE:
        return ""
    return str(highlight(code, get_lexer_by_name("html+jinja" if name == "jinja" else name), _MARKS))


_MARKDOWN = MarkdownIt("commonmark", {"html": False, "highlight": _highlight}).enable(["table", "strikethrough"])
_TAGS = {"p", "br", "hr", "h2", "h3", "h4", "h5", "h6", "em", "strong", "s", "del", "code", "pre", "blockquote"}
_TAGS |= {"ul", "ol", "li", "a", "img", "table", "thead", "tbody", "tr", "th", "td", "span"}
_ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "code": {"class"}, "ol": {"start"}}
_CLASSES = {"span": set(STANDARD_TYPES.values()) - {""}}


def to_html(markdown: str) -> str:
    """Render Markdown; what could run or reach elsewhere is gone: scripts, handlers, `hx-*`, `data-*`, odd schemes.

    A hundred kilobytes of brackets take seconds, and every other writer would wait. So callers render before the write
    lock is taken, and pass the HTML to `User.write` or `Post.update`.
    """
    return nh3.clean(
        _MARKDOWN.render(markdown),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        allowed_classes=_CLASSES,
        # What is wider than the page scrolls by itself, and has to be reached without a mouse.
        set_tag_attribute_values={"pre": {"tabindex": "0"}, "table": {"tabindex": "0"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="nofollow noopener ugc",
    )


def first_words(html: str, limit: int = 180) -> str:
    """Return the beginning of rendered prose as plain text, cut between words, at most `limit` characters."""
    paragraphs = (part for part in html.split("</p>") if "<p>" in part)
    plain = nh3.clean(next(paragraphs, "").rpartition("<p>")[2], tags=set())
    words = " ".join(unescape(plain).split())
    return words if len(words) <= limit else f"{words[: limit - 1].rpartition(' ')[0]}…"


def storable(text: str) -> str:
    """Return text without what a database cannot keep or show: NUL, and lone surrogates, which JSON can spell."""
    return text.encode("utf-8", "ignore").decode().replace("\0", "")


def slugify(title: str, otherwise: str = "post") -> str:
    """Return a title as it stands in an address: lower-case ASCII words joined by hyphens, at most 80 characters."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:80].strip("-") or otherwise

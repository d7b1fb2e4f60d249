"""What a text is: its spelling, its beginning, its name in an address, and Markdown to HTML that is safe to show."""

import tomllib
import unicodedata
from html import escape, unescape
from itertools import accumulate
from pathlib import Path

import comrak
import nh3
import regex
from anyascii import anyascii
from pygments import formatters, highlight, lexers, token

from models.picture import Picture

_UNSEEN = regex.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[^\P{Cc}\t\n\r]|\ufffd")
LONGEST_CODE = 5_000  # characters; longer code is shown plain
DEEPEST = 100  # elements in one another: the sanitizer's work grows with the square of it
_MARKS = formatters.HtmlFormatter(nowrap=True)  # classes only: the policy allows no inline style
_RULES = tomllib.loads(Path(__file__).with_name("markdown.toml").read_text(encoding="utf-8"))
LANGUAGES: set[str] = set(_RULES["languages"])
_EXTENSIONS, _PARSING, _RENDERING = comrak.ExtensionOptions(), comrak.ParseOptions(), comrak.RenderOptions()
for _name in _RULES["extensions"]:
    setattr(_EXTENSIONS, _name, True)
_RENDERING.escape = _RENDERING.escaped_char_spans = _RENDERING.tasklist_classes = True
_RENDERING.unsafe_ = True  # of addresses, which the sanitizer judges; raw HTML is escaped
_CLASSES = {tag: set(rule["classes"]) for tag, rule in _RULES["tags"].items() if "classes" in rule}
_CLASSES["span"] = set(token.STANDARD_TYPES.values()) - {""}

_CODE = regex.compile(r'(<pre><code class="language-(\w+)">)(.*?)(?=</code></pre>)', regex.DOTALL)
_COMMENT = regex.compile(r"(<code.*?(?:</code>|\Z))|&lt;!--.*?--&gt;", regex.DOTALL)
_FOREIGN = r'<img src="([^"]*)" alt="([^"]*)"[^>]*>'  # which nobody could load
_LINK = regex.compile(rf"(<a [^>]*>)(.*?)</a>|{_FOREIGN}", regex.DOTALL)


def to_html(markdown: str) -> str:
    """Render Markdown as GitHub does; what could run or reach elsewhere is gone: scripts, handlers, `hx-*`, `data-*`.

    Raw HTML is shown as text, without its comments. Where quotes or lists stand in one another without end, all is
    shown as it was written. Callers render before the write lock is taken, and pass the HTML to `User.write` or
    `Post.update`.
    """
    deep = ">" * 1_000 in markdown  # a parser's work grows with the square, too
    html = "" if deep else comrak.render_markdown(markdown, _EXTENSIONS, _PARSING, _RENDERING)
    return nh3.clean(
        f"<pre>{escape(markdown)}</pre>" if deep or _depth(html) > DEEPEST else _as_we_show(html),
        tags=set(_RULES["tags"]),
        attributes={tag: set(rule.get("attributes", ())) for tag, rule in _RULES["tags"].items()},
        allowed_classes=_CLASSES,
        url_schemes=set(_RULES["schemes"]),
        **_RULES["always"],
    )


def _depth(html: str) -> int:
    tags = regex.findall(r"<(/?)(?!br|hr|img|input)[a-z]", html)
    return max(accumulate(-1 if closing else 1 for closing in tags), default=0)


def _as_we_show(html: str) -> str:
    """Return the parser's HTML with code marked up, no comments, below our own heading, alignment by class."""
    commented, end, rest = html.rpartition("--&gt;")
    html = _COMMENT.sub(lambda match: match[1] or "", commented + end) + rest
    html = regex.sub(r"<span data-escaped-char>([^<]*)</span>", r"\1", html).replace(' align="', ' class="align-')
    sizes = {it.path: f'width="{it.width}" height="{it.height}" loading="lazy" ' for it in Picture.named_in(html)}
    html = regex.sub('(?<=<img )(?=src="([^"]*)")', lambda image: sizes.get(image[1], ""), html)
    html = _LINK.sub(_link, regex.sub("<input [^>]*>", lambda box: "☑" if "checked=" in box[0] else "☐", html))
    if "<h1>" in html:
        html = regex.sub(r"(</?h)([1-5])>", lambda match: f"{match[1]}{int(match[2]) + 1}>", html)
    return str(_CODE.sub(lambda match: match[1] + _highlighted(match[3], match[2].lower()), html))


def _highlighted(code: str, language: str) -> str:
    text = unescape(code)
    if language not in LANGUAGES or len(text) > LONGEST_CODE:
        return code
    return str(highlight(text, lexers.get_lexer_by_name("html+jinja" if language == "jinja" else language), _MARKS))


def _link(match: regex.Match[str]) -> str:
    """Return a link as it is, of its pictures from elsewhere only the words. Another such picture becomes a link."""
    opening, inner, address, words = match.groups()
    if not opening:
        return f'<a href="{address}" class="picture">{words or address}</a>'
    return str(opening + regex.sub(_FOREIGN, r"\2", inner) + "</a>")


def first_words(html: str, limit: int = 180) -> str:
    """Return the beginning of rendered prose as plain text, at most `limit` characters."""
    paragraphs = (part for part in html.split("</p>") if "<p>" in part)
    plain = nh3.clean(next(paragraphs, "").rpartition("<p>")[2], tags=set(), clean_content_tags={"sup"})
    return shortened(" ".join(unescape(plain).split()), limit)


def shortened(words: str, limit: int) -> str:
    """Return words in at most `limit` characters: cut at a space if one is near, and never within a letter."""
    if len(words) <= limit:
        return words
    clusters = regex.finditer(r"\X", words[: 2 * limit])
    cut = max((cluster.end() for cluster in clusters if cluster.end() < limit), default=0)
    space = words.rfind(" ", max(cut - 40, 1), cut + 1)
    return f"{words[: cut if space < 0 else space]}…"


def normal(text: object) -> object:
    """Return text in the one spelling in which it is kept: NFC, and a line ends with a newline. Others stay.

    For a character that was lost on the way (U+FFFD) a control character stands, which is what nobody may send.
    """
    if not isinstance(text, str):
        return text
    return unicodedata.normalize("NFC", regex.sub("\r\n|[\r\u2028\u2029]", "\n", text).replace("\ufffd", "\x1a"))


def storable(text: str) -> str:
    """Return text of a machine without what nobody could keep, show or save again, in its normal spelling."""
    return str(normal(_UNSEEN.sub("", text.encode("utf-8", "ignore").decode())))


def slugify(title: str, otherwise: str = "post") -> str:
    """Return a title as it stands in an address: ASCII words joined by hyphens, at most 80 characters."""
    plain = regex.sub(r"(?<=\w)#", "-sharp", anyascii(title).lower()).replace("+", "-plus-")
    return regex.sub(r"[^a-z0-9]+", "-", plain)[:80].strip("-") or otherwise

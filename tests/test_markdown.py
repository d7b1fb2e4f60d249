"""Markdown as on GitHub: every construct is shown whole, or as the text it was, and nothing half."""

import re
from pathlib import Path

import comrak
import pytest
from justhtml import JustHTML

from models import text
from models.text import DEEPEST, to_html

# Each construct, and what readers see of it: Markdown, HTML that has to be there, and signs that must be gone.
CONSTRUCTS = {
    "title": ("# Title\n\n## Part\n\n###### Deep", "<h2>Title</h2>\n<h3>Part</h3>\n<h6>Deep</h6>", "#"),
    "underlined title": ("Title\n=====\n\nPart\n----", "<h2>Title</h2>\n<h3>Part</h3>", "=-"),
    "parts only": ("## Part\n\n### Piece", "<h2>Part</h2>\n<h3>Piece</h3>", "#"),
    "alignment": ("|a|b|c|\n|:-|:-:|-:|\n|1|2|3|", '<td class="align-right">3</td>', "|:"),
    "tasks": ("- [x] done\n- [ ] open", '<li class="task-list-item">☑ done</li>\n<li class="task-list-item">☐', "["),
    "numbered tasks": ("1. [X] done", "☑ done", "["),
    "footnote": ("a[^n]\n\n[^n]: Note", '<a href="#fnref-n" class="footnote-backref"', "[^"),
    "bare address": ("See https://x.example/a?b=c&d=e.", '<a href="https://x.example/a?b=c&amp;d=e"', ""),
    "bare host": ("(www.x.example)", '(<a href="http://www.x.example"', ""),
    "bare mail": ("ada@x.example", '<a href="mailto:ada@x.example"', ""),
    "comment in a line": ("a<!-- b -->c", "<p>ac</p>", "<>!b"),
    "comment of several lines": ("a\n\n<!-- b\n\nb -->\n\nc", "<p>a</p>\n\n<p>c</p>", "<>!b"),
    "alert": ("> [!WARNING]\n> Wet", '<p class="markdown-alert-title">Warning</p>\n<p>Wet</p>', "[!"),
    "struck out": ("~~a~~", "<del>a</del>", "~"),
    "emphasis without spaces": ("**「東京」**です", "<strong>「東京」</strong>です", "*"),
    "escaped": (r"\*a\* 1\. \<!-- b -->", "<p>*a* 1. &lt;!-- b --&gt;</p>", "\\"),
    "line break": ("a  \nb", "<p>a<br>\nb</p>", ""),
    "rule": ("a\n\n***", "<hr>", "*"),
    "quote": ("> a", "<blockquote>\n<p>a</p>", ""),
    "numbers": ("3. a\n4. b", '<ol start="3">', ""),
    "picture of nobody's": ("![a](/a.png 'b')", '<a href="/a.png" class="picture"', "!["),
}


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_construct_is_shown_whole(name):
    markdown, html, gone = CONSTRUCTS[name]
    shown = to_html(markdown)

    assert html in shown
    assert not set(re.sub("<[^>]*>", "", shown).replace("&lt;!-- b --&gt;", "")) & set(gone), shown


@pytest.mark.parametrize("html", ["<details>\n<summary>a</summary>\n\nb\n\n</details>", "a <b>c</b>", "<kbd>x</kbd>",
                                  "<iframe src=x></iframe>", "<p align=center>a</p>", "<br>"])  # fmt: skip
def test_raw_html_is_shown_as_text_and_never_half(html):
    shown = JustHTML(to_html(html), fragment=True).to_text()

    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", html)


@pytest.mark.parametrize("kept", ["`<!-- a -->`", "```\n<!-- a -->\n```", "    <!-- a -->", "```html\n<!-- a -->\n```",
                                  "b <!-- a", r"\<!-- a -->"])  # fmt: skip
def test_comment_that_is_text_stays(kept):
    assert "<!-- a" in JustHTML(to_html(kept), fragment=True).to_text()


@pytest.mark.parametrize("source", ["https://x.example/a.png", "//x.example/a.png", "/a.png", "a.png"])
def test_picture_from_elsewhere_becomes_a_link(source):
    assert f'<a href="{source}" class="picture" rel="nofollow noopener ugc">a b</a>' in to_html(f"![a b]({source})")
    assert f">{source}</a>" in to_html(f"![]({source})")
    assert to_html(f"[![badge]({source}) c](/d)") == '<p><a href="/d" rel="nofollow noopener ugc">badge c</a></p>\n'


def test_parser_and_sanitizer_agree_on_every_construct():
    everything = "\n\n".join(markdown for markdown, _, _ in CONSTRUCTS.values())
    options = text._EXTENSIONS, text._PARSING, text._RENDERING
    ours = text._as_we_show(comrak.render_markdown(everything, *options))
    shown = to_html(everything)

    for tag in {*re.findall(r"<(\w+)", ours)}:
        assert ours.count(f"<{tag}>") + ours.count(f"<{tag} ") == shown.count(f"<{tag}>") + shown.count(f"<{tag} "), tag
    classes = [{*re.findall(r' class="([^"]+)"', html)} for html in (ours, shown)]
    assert classes[0] - classes[1] == {"contains-task-list"}


def test_list_of_rules_is_the_docs_too():
    assert "models/markdown.toml" in Path("docs/security.md").read_text()


@pytest.mark.parametrize("deep", [">" * 5_000, "> " * 5_000 + "a", "- " * 150 + "a", "*a _b " * 300 + "_ *" * 300])
def test_what_nests_without_end_is_shown_as_it_was_written(deep):
    shown = to_html(deep)
    assert text._depth(shown) <= DEEPEST
    assert JustHTML(shown, fragment=True).to_text().count("a") == deep.count("a")


def test_footnotes_have_no_name_that_a_page_uses(ada):
    names = re.findall(r' id="([^"]*)"', to_html("a[^main] [^notice]\n\n[^main]: b\n\n[^notice]: c"))

    assert names
    assert all(name.startswith(("fn-", "fnref-")) for name in names)


def test_preview_says_that_pictures_from_elsewhere_are_links(ada, app):
    from scenarios import good_fields

    fields = good_fields(app, "posts.preview_post")
    say = "Pictures from other sites stand here as links"
    page = f"/dashboard/posts/{fields['post_id']}/edit"

    assert say not in ada.act("posts.preview_post", page=page, **fields | {"body": "[a](/b.png)"}).text
    assert say in ada.act("posts.preview_post", page=page, **fields | {"body": "![a](https://x.example/b.png)"}).text

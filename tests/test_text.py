"""Texts: code is marked up on the server, in classes of a known set, within bounds, and before the write."""

import re

import comrak
import pytest
from pygments.token import STANDARD_TYPES
from scenarios import PUBLISHED, good_fields
from test_structure import ROOT

from flask_revalidation import revalidate_everything, write
from flask_revalidation.transaction import is_dirty
from models import ApiKey, Post, Scope, User, db
from models.text import LANGUAGES, LONGEST_CODE, to_html


def block(language, code):
    return to_html(f"```{language}\n{code}\n```")


def test_code_is_marked_up_in_classes_only():
    html = block("python", 'def f(a): return "<b>"  # why')

    assert '<code class="language-python"><span class="k">def</span>' in html
    assert '<span class="s2">"&lt;b&gt;"</span>' in html
    assert "style" not in html


def test_every_language_of_the_list_is_known_and_leaves_the_code_as_it_is():
    code = 'a <b c="d"> {{ e }} = f(1) # "g"\n<script>alert(1)</script> & \\ ```` \x01 é'
    for language in LANGUAGES:
        html = block(language, code)
        shown = re.sub(r"</?span[^>]*>", "", html)

        assert re.findall(r"<(?!/?(?:pre|code|span)\b)", html) == [], language
        assert shown.partition(">")[2] == block("unheard-of", code).partition(">")[2].replace("unheard-of", language)


@pytest.mark.parametrize(
    "info",
    [
        "",
        "unheard-of",
        'python" onclick="x',
        "x hx-get=/ style=x",
        "a&#32;visually-hidden",
        "../../etc",
        "é" * 500,
        "{.k}",
    ],
)
def test_hostile_info_strings_do_nothing(info):
    html = block(info, "1 < 2")

    assert re.fullmatch(
        r'<pre tabindex="0"><code(?: class="language-[^"\s]+")?>(?:<span class="\w+">|</span>|[^<])*</code></pre>\n?',
        html,
    )
    assert html.count("1 &lt; 2") == 1 or "python" in info


def test_long_code_stays_plain():
    assert "<span" in block("python", "x" * (LONGEST_CODE - 1))
    assert "<span" not in block("python", "x" * LONGEST_CODE)


def test_only_the_known_classes_are_kept(monkeypatch):
    monkeypatch.setattr(
        "comrak.render_markdown",
        lambda *_: '<span class="k visually-hidden">a</span><p class="k">b</p><span id="notice" hx-get="/">c</span>',
    )

    assert to_html("never rendered before") == '<span class="k">a</span><p class="">b</p><span>c</span>'


@pytest.mark.parametrize("door", ["create", "update", "api"])
def test_texts_are_rendered_before_the_write(app, ada, monkeypatch, door):
    rendered = []
    render = comrak.render_markdown

    def noted(body, *options):
        rendered.append((body, is_dirty(db)))
        return render(body, *options)

    monkeypatch.setattr("comrak.render_markdown", noted)
    hostile = f"{door} " + "![" * 20
    if door == "create":
        assert ada.act("posts.create_post", title="T", body=hostile).status_code == 303
    elif door == "update":
        assert (
            ada.act("posts.update_post", **good_fields(app, "posts.update_post") | {"body": hostile}).status_code == 303
        )
    else:
        assert api_create(app, hostile) == 201

    assert [item for item in rendered if item[0] == hostile] == [(hostile, False)]


def test_new_title_does_not_render_the_text_again(app, monkeypatch):
    with app.app_context(), write(by="test"):
        post = Post.find_published(PUBLISHED)
        before = post.body_html
        monkeypatch.setattr("models.post.to_html", lambda _text: pytest.fail("rendered"))
        post.update(title="Another title", body=post.body)
        revalidate_everything()

        assert (post.title, post.body_html) == ("Another title", before)


def api_create(app, body):
    with app.app_context(), write(by="test"):
        _, secret = ApiKey.issue(User.find_author("ada"), "test", [Scope.WRITE])
    headers = {"Authorization": f"Bearer {secret}"}
    return app.test_client().post("/api/v1/posts", json={"title": "T", "body": body}, headers=headers).status_code


def test_nobody_renders_for_strangers(app, visitor, cleo, monkeypatch):
    monkeypatch.setattr("web.prepare.to_html", lambda _text: pytest.fail("rendered"))

    assert visitor.act("posts.create_post", title="T", body="![" * 20).status_code == 401
    assert cleo.act("posts.create_post", title="T", body="![" * 20).status_code == 403


def test_posts_saved_earlier_are_rendered_again_by_command(app, visitor):
    with app.app_context(), write(by="test") as session:
        session.execute(db.update(Post).where(Post.slug == PUBLISHED).values(body_html="<p>As it was.</p>"))
        revalidate_everything()
    assert "As it was." in visitor.get(f"/blog/{PUBLISHED}").text

    said = app.test_cli_runner().invoke(args=["posts", "render"]).output

    assert said == "1 posts look different now.\n"
    assert '<span class="k">def</span>' in visitor.get(f"/blog/{PUBLISHED}").text
    assert app.test_cli_runner().invoke(args=["posts", "render"]).output == "0 posts look different now.\n"


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_marked_code_can_be_read_in_light_and_dark():
    css = "".join(chapter.read_text() for chapter in (ROOT / "static/css").glob("*.css"))
    sheets = re.search(r"--sheet: light-dark\((#\w+), (#\w+)\)", css).groups()
    marks = re.findall(r"--code-\w+: light-dark\((#\w+), (#\w+)\)", css)
    styled = {name for group in re.findall(r"\.prose pre :is\((.*?)\)", css) for name in re.findall(r"\w+", group)}

    assert len(marks) >= 4
    for pair in marks:
        for colour, sheet in zip(pair, sheets, strict=True):
            assert contrast(colour, sheet) >= 4.5, colour
    assert {"k", "s2", "c1"} <= styled <= set(STANDARD_TYPES.values())

"""Pictures: what is kept is drawn anew, has one address for ever, and goes when no post names it any more."""

import hashlib
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image, PngImagePlugin
from scenarios import DRAFT, fingerprint, good_fields, png, rows
from sqlalchemy import event, select
from test_hostile_forms import OWN
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from demo.picture import envelope
from flask_revalidation import revalidate_everything, write
from models import Picture, Post, User, db, now
from models.text import to_html
from web.pictures import LONGEST, MOST_BYTES, draw_anew

ADD, ADDRESS = "pictures.add_picture", r"/pictures/[0-9a-f]{64}\.(?:jpeg|png|webp)"
SECRET = "Taken in Kirkby Lonsdale"


class Refused(Exception):
    """What `draw_anew` raises for a test."""


def drawn(content):
    made = draw_anew(content, Refused)
    return Image.open(BytesIO(made["content"])), made


def file_of(image, kind, **options):
    image.save(file := BytesIO(), kind, **options)
    return file.getvalue()


def photograph(size=(60, 40), kind="JPEG", **options):
    """Return a picture with everything that tells of its photographer, lying on its side."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, SECRET  # turn it by 90 degrees; a description
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", SECRET)
    more = {"PNG": {"pnginfo": told}, "JPEG": {"comment": SECRET.encode()}}.get(kind, {})
    return file_of(Image.new("RGB", size, "teal"), kind, exif=exif, **more, **options)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_picture_stands_upright_in_its_size_and_tells_nothing_of_who_took_it(kind):
    content = photograph((2800, 1400), kind)
    image, made = drawn(content)

    assert SECRET.encode() in content
    assert (image.format, image.size) == (kind, (LONGEST // 2, LONGEST))
    assert (made["width"], made["height"], made["kind"]) == (*image.size, kind.lower())
    assert SECRET.encode() not in made["content"]
    assert not image.getexif()
    assert not set(image.info) & {"exif", "icc_profile", "comment", "Comment", "xmp", "dpi"}


def test_animation_becomes_its_first_picture_and_what_is_transparent_stays_so():
    frames = [Image.new("RGBA", (4, 4), color) for color in ((0, 0, 0, 0), "red")]
    image, made = drawn(file_of(frames[0], "GIF", save_all=True, append_images=frames[1:]))

    assert (made["kind"], getattr(image, "n_frames", 1), image.convert("RGBA").getpixel((0, 0))[3]) == ("png", 1, 0)


def test_jpeg_with_a_scan_for_each_colour_is_taken_while_it_is_small():
    image, made = drawn(by_colour(3072, 2816))

    assert (made["kind"], image.size) == ("jpeg", (1536, 1408))
    assert image.convert("L").getextrema() == (128, 128)


def bomb():
    """Return a PNG of 30,000 x 30,000 pixels in a few kilobytes."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head, pixels = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0), zlib.compress(bytes(100_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def archive():
    with zipfile.ZipFile(file := BytesIO(), "w") as inside:
        inside.writestr("a.class", "x")
    return file.getvalue()


def by_colour(width, height):
    """Return a grey baseline JPEG with a scan for each of its colours, made by hand from the standard's code tables."""
    whole = file_of(Image.new("RGB", (16, 8)), "JPEG", subsampling=0)
    head = whole[: whole.index(b"\xff\xda")].replace(struct.pack(">HH", 8, 16), struct.pack(">HH", height, width))
    fours = width * height // 256  # blocks that are all nothing: 001010 each in the first colour, 0000 in the others
    for number, tables, blocks in ((1, 0, b"\x28\xa2\x8a"), (2, 0x11, b"\0\0"), (3, 0x11, b"\0\0")):
        head += b"\xff\xda\0\x08\x01" + bytes((number, tables, 0, 63, 0)) + blocks * fours
    return head + b"\xff\xd9"


def pretending():
    """Return such a JPEG with comments before its first scan that end as the header of a whole scan begins."""
    content, lies = by_colour(9216, 5504), (b"\xff\xda\0\x0c\x03\x01\0\x02", b"\xff\xda\0\x0c\x03", b"\xff\xda\0\x0c")
    comments = b"".join(b"\xff\xfe" + struct.pack(">H", 2 + len(lie)) + lie for lie in lies)
    return content.replace(b"\xff\xda\0\x08\x01\x01", comments + b"\xff\xda\0\x08\x01\x01", 1)


PLAIN = photograph((600, 400), "JPEG")
HOSTILE = {
    "nothing": b"",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "page under the name of a picture": b"<!doctype html><script>alert(1)</script>",
    "lie about the type": b"\x89PNG\r\n\x1a\n" + b"no chunks at all" * 9,
    "bomb": bomb(),
    "cut JPEG": PLAIN[: len(PLAIN) // 2],
    "cut PNG": envelope()[:5000],
    "cut WebP": photograph((600, 400), "WEBP")[:-40],
    "JPEG and archive": PLAIN + archive(),
    "PNG and page": envelope() + b"<html><script>alert(1)</script>",
    "GIF and script": file_of(Image.new("P", (9, 9)), "GIF") + b"<script>alert(1)</script>",
    "JPEG with a program in its comment": photograph(kind="JPEG").replace(SECRET.encode(), b"<?php system('id'); ?>  "),
    "BMP": file_of(Image.new("RGB", (9, 9)), "BMP"),
    "TIFF": file_of(Image.new("RGB", (9, 9)), "TIFF"),
    "large in layers": file_of(Image.new("L", (9000, 5600)), "JPEG", progressive=True, quality=10),
    "large with a scan for each colour": by_colour(9216, 5504),
    "large by colour, pretending": pretending(),
    "large by colour, behind a filler": by_colour(9216, 5504).replace(b"\xff\xda", b"\xff\xff\xda", 1),
    "large without layers": file_of(Image.new("1", (9000, 5600)), "PNG"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_with_a_sentence(name):
    with pytest.raises(Refused, match=r"We take whole JPEGs .+\."):
        draw_anew(HOSTILE[name], Refused)


MEASURE = """
import sys
from pathlib import Path
from web.pictures import draw_anew
# Not by getrusage: its figure begins with that of the process that has started this one.
peak = lambda: int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
draw_anew(open(sys.argv[1], "rb").read(), ValueError)
before = peak()
print(draw_anew(open(sys.argv[2], "rb").read(), ValueError)["width"], peak() - before)
"""


def test_worker_grows_by_less_than_60_mb_for_50_megapixels(tmp_path):
    noise = Image.effect_noise((1083, 722), 60).resize((8660, 5773)).convert("RGB")
    for name, content in (("small", PLAIN), ("large", file_of(noise, "JPEG", quality=40))):
        (tmp_path / name).write_bytes(content)
    assert len(content) < MOST_BYTES

    command = [sys.executable, "-c", MEASURE, str(tmp_path / "small"), str(tmp_path / "large")]
    width, grown = map(int, subprocess.run(command, capture_output=True, check=True, text=True).stdout.split())

    print(f"50 megapixels: the worker grew by {grown} MB")  # noqa: T201
    assert 1500 <= width <= LONGEST
    assert grown < 60


@pytest.fixture
def editor(app, ada, find_post):
    """The fields of Ada's editor, with words that are not saved yet; and what sends them."""
    post = find_post(DRAFT)
    fields = {
        "post_id": post.id,
        "version": post.version,
        "title": "Unsaved",
        "body": "Unsaved words.",
        "tags": "bells",
    }

    def send(**more):
        return ada.act(ADD, page=f"/dashboard/posts/{post.id}/edit", **fields | more)

    return send


@pytest.mark.parametrize("htmx", [False, True])
def test_added_picture_stands_in_the_text_and_nothing_else_is_lost_or_saved(app, editor, find_post, htmx):
    before = find_post(DRAFT).body
    answer = editor(picture=png(), alt="A [teal] door", htmx=htmx)

    assert answer.status_code == 200
    text = re.search(r"(?s)<textarea[^>]*name=\"body\"[^>]*>\n(.*?)</textarea>", answer.text)[1]
    assert re.fullmatch(rf"Unsaved words\.\n\n!\[A \(teal\) door\]\({ADDRESS}\)\n", text)
    assert 'value="Unsaved"' in answer.text
    assert 'value="bells"' in answer.text
    assert 'value="A [teal] door"' not in answer.text
    assert "The picture is in the text." in answer.text
    assert find_post(DRAFT).body == before


@pytest.mark.parametrize("name", ["SVG", "bomb", "JPEG and archive"])
def test_refused_picture_says_why_beside_its_field_and_loses_nothing(app, editor, name):
    before = fingerprint(app)
    answer = editor(picture=(BytesIO(HOSTILE[name]), "door.png"), alt="A door")

    assert answer.status_code == 422
    assert re.search(r'class="error" id="posts-update_post-\d+-picture-error">We take whole JPEGs', answer.text)
    assert "Unsaved words.</textarea>" in answer.text
    assert 'value="A door"' in answer.text
    assert fingerprint(app) == before


def test_file_that_is_missing_or_too_large_is_told_beside_the_field(app, ada, editor):
    fields = good_fields(app, ADD) | {"picture": FileStorage(BytesIO(PLAIN + bytes(MOST_BYTES)), "a.jpg")}
    boundary, body = encode_multipart(fields | {"post_id": str(fields["post_id"]), "version": str(fields["version"])})
    kind = {"content_type": f"multipart/form-data; boundary={boundary}", "headers": OWN}
    page = f"/dashboard/posts/{fields['post_id']}/edit"

    assert "Please fill this in." in editor().text
    assert "at most 5 MB" in ada.post(f"/_actions/{ADD}?_page={page}", data=body, **kind).text
    assert ada.post(f"/_actions/{ADD}", data=body + bytes(2_000_000), **kind).status_code == 413


def test_saving_takes_no_notice_of_a_file_that_was_not_added(app, ada, find_post):
    fields = good_fields(app, "posts.update_post") | {"picture": "door.png", "alt": "A door"}

    assert ada.act("posts.update_post", **fields).status_code == 303
    assert rows(app, "picture") == 1


def test_picture_is_kept_once_for_each_who_sends_it_however_often_the_form_is_sent(app, editor, bob, find_post):
    first, again = (editor(picture=png(), _key="one").text for _ in range(2))
    fields = good_fields(app, ADD) | {"post_id": find_post("why-the-bouncer-reads-the-ticket").id, "picture": png()}

    assert re.findall(ADDRESS, first)[0] == re.findall(ADDRESS, again)[0]
    assert bob.act(ADD, **fields).status_code == 200
    assert rows(app, "picture") == 3


def test_address_names_the_bytes_which_nothing_of_the_reader_changes(app, visitor, ada, editor):
    path = re.search(ADDRESS, editor(picture=png(size=(300, 200))).text)[0]
    answer, digest = visitor.get(path), path[10:74]

    assert (answer.status_code, answer.content_type) == (200, "image/png")
    assert hashlib.sha256(answer.data).hexdigest() == digest
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["ETag"] == f'"{digest}"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in ada.get(path).headers
    assert "Cookie" not in ada.get(path).headers.get("Vary", "")
    assert visitor.get(path, headers={"If-None-Match": f'"{digest}"'}).status_code == 304
    head = visitor.head(path)
    assert (head.status_code, head.data, int(head.headers["Content-Length"])) == (200, b"", len(answer.data))
    for other in (path.replace(".png", ".webp"), f"/pictures/{'0' * 64}.png", f"/pictures/{digest}", f"{path}/x"):
        assert visitor.get(other).status_code == 404, other


def picture_of(app, title="A picture"):
    """Have Ada write a post with a picture, and return its address and the post's."""
    with app.app_context(), write(by="tests"):
        ada = User.find_author("ada")
        picture = Picture.add(ada.id, alt="Words", **draw_anew(png(size=(40, 20))[0].getvalue(), ValueError))
        db.session.flush()
        post = ada.write(title, f"![Words]({picture.path} 'T')\n\n![lost](/pictures/{'0' * 64}.png)")
        post.publish()
        revalidate_everything()
        return picture.path, post.path


def test_picture_is_shown_in_its_size_and_leads_the_post_everywhere(app, visitor):
    path, address = picture_of(app)
    site = app.config["SITE"]
    page = visitor.get(address).text

    tag = re.search(rf'<img [^>]*src="{path}"[^>]*>', page.partition('class="prose"')[2])[0]
    assert all(one in tag for one in ('width="40"', 'height="20"', 'loading="lazy"', 'alt="Words"', 'title="T"'))
    assert f'<a href="/pictures/{"0" * 64}.png" class="picture"' in page
    assert f'<meta property="og:image" content="{site}{path}">' in page
    assert f'<img src="{path}" alt="" width="480"' in visitor.get("/").text
    assert f'<img src="{path}" alt="" width="640"' in visitor.get("/blog").text
    atom, feed = visitor.get("/feed.xml").text, visitor.get("/feed.json").get_json(force=True)["items"][0]
    assert f'<link rel="enclosure" type="image/png" href="{site}{path}"/>' in atom
    assert (feed["image"], f'src="{site}{path}"' in feed["content_html"]) == (site + path, True)
    assert "image" not in visitor.get("/feed.json").get_json(force=True)["items"][1]


def test_picture_within_a_link_and_one_of_nobodys_are_shown_as_what_they_are(app):
    path, _ = picture_of(app)
    with app.app_context():
        assert f'src="{path}" alt="a"' in to_html(f"[![a]({path})](/b)")
        assert to_html(f"[![a](https://x.example{path})](/b)").count("<img") == 0
        assert to_html(f"`{path}`").count("<img") == 0


def test_preview_says_kindly_that_a_picture_has_no_words(app, ada):
    path, _ = picture_of(app)
    fields = good_fields(app, "posts.preview_post")
    page = f"/dashboard/posts/{fields['post_id']}/edit"

    for body, told in ((f"![]({path})", True), (f"![Words]({path})", False)):
        answer = ada.act("posts.preview_post", page=page, **fields | {"body": body})
        assert ("says nothing to those who cannot see it" in answer.text) == told


def test_lists_read_no_bytes_of_pictures(make_app, visitor):
    app, statements = make_app(testing=False), []
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    for path in ("/", "/blog", "/feed.xml", "/blog/the-envelope-is-part-of-the-letter"):
        assert app.test_client().get(path).status_code == 200

    assert len(statements) > 4
    assert [text for text in statements if "picture.content" in text] == []


def test_picture_that_no_post_names_for_a_day_is_swept_and_no_other(app, find_post):
    path, _ = picture_of(app, "Thrown away")
    with app.app_context(), write(by="tests"):
        db.session.scalar(select(Post).where(Post.title == "Thrown away")).delete()
        for color in ("red", "blue"):
            Picture.add(1, alt="", **draw_anew(png(color)[0].getvalue(), ValueError))
        db.session.flush()
        age = {picture.width: picture for picture in db.session.scalars(select(Picture))}
        for picture in db.session.scalars(select(Picture)).all():
            picture.created_at = now() - timedelta(days=2)
        unused = [picture for picture in db.session.scalars(select(Picture)) if picture.width == 3]
        unused[0].created_at = now() - timedelta(hours=23)
        revalidate_everything()
    assert age

    assert app.test_cli_runner().invoke(args=["sweep"]).exit_code == 0

    with app.app_context():
        left = sorted(picture.width for picture in db.session.scalars(select(Picture)))
        assert left == [3, 40, 1200]
        assert path in [picture.path for picture in db.session.scalars(select(Picture))]

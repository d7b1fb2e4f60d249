"""Pictures drawn anew: what is kept is what is drawn here, and no byte of the file that came.

So metadata, a second format in the same file and what would attack a decoder elsewhere end here. Of an animation the
first picture is taken. What would need much memory is refused before it is decoded: docs/decisions/0034-pictures.md.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from threading import Lock
from typing import Any

MOST_BYTES, LONGEST = 5_000_000, 2_000  # of a file that comes; pixels of the longer side of what is kept
_ALSO = re.compile(rb"(?is)<!doctype|<html[\s>]|<script[\s>]|<\?php\s|%PDF-1\.|Rar!\x1a\x07|PK\x05\x06.{16}\0\0\Z")
_ONE_AT_A_TIME = Lock()


def draw_anew(content: bytes, refuse: Callable[[str], Exception]) -> dict[str, Any]:
    """Return `kind`, `content`, `width` and `height` of the picture in a file, or raise what `refuse` makes of why not.

    It takes up to seconds of a core, so it belongs before the write lock.
    """
    from PIL import Image  # here, for most workers never draw

    with suppress(Exception), _ONE_AT_A_TIME:  # decoders raise whatever a hostile file makes them
        image = Image.open(BytesIO(content), formats=["JPEG", "PNG", "GIF", "WEBP"])
        kind = {"MPO": "JPEG", "GIF": "PNG"}.get(str(image.format), str(image.format))
        # Of a JPEG each second, fourth or eighth pixel is decoded alone, unless it comes in layers: then all are held.
        most = 64 if kind == "JPEG" and not _in_layers(image, content) else {"WEBP": 4}.get(kind, 9)
        if image.width * image.height <= most * 1_000_000 and not _ALSO.search(content):
            return _draw(image, kind)
    raise refuse("We take whole JPEGs of up to 64 million pixels, PNG and GIF (9), WebP (4), and nothing else in them.")


def _in_layers(jpeg: Any, content: bytes) -> bool:
    """Say whether a JPEG comes in several scans: it is progressive, or its first leaves colours out (ITU-T T.81)."""
    at = 2
    while content[at] == 255 and (192 <= content[at + 1] < 208 or content[at + 1] > 218):  # segments with a length
        at += 2 + int.from_bytes(content[at + 2 : at + 4])
    return "progressive" in jpeg.info or content[at : at + 5] != bytes((255, 218, 0, 6 + 2 * jpeg.layers, jpeg.layers))


def _draw(image: Any, kind: str) -> dict[str, Any]:
    from PIL import ImageOps

    mode, longer = "RGBA" if image.has_transparency_data and kind != "JPEG" else "RGB", max(image.size)
    image.draft(mode, (1500 * image.width // longer or 1, 1500 * image.height // longer or 1))
    image = image if image.mode == mode else image.convert(mode)
    image.thumbnail((LONGEST, LONGEST), reducing_gap=None)
    image = ImageOps.exif_transpose(image)
    image.info = {}
    image.save(file := BytesIO(), kind, quality=85)
    return {"kind": kind.lower(), "content": file.getvalue(), "width": image.width, "height": image.height}

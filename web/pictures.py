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

from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

MOST_BYTES, LONGEST = 5_000_000, 2_000  # of a file that comes; pixels of the longer side of what is kept
_ALSO = re.compile(rb"(?is)<!doctype|<html[\s>]|<script[\s>]|<\?php\s|%PDF-1\.|Rar!\x1a\x07|PK\x05\x06.{16}\0\0\Z")
_ONE_AT_A_TIME = Lock()
Image.MAX_IMAGE_PIXELS = None  # ours is the stricter bound


def draw_anew(content: bytes, refuse: Callable[[str], Exception]) -> dict[str, Any]:
    """Return `kind`, `content`, `width` and `height` of the picture in a file, or raise what `refuse` makes of why not.

    It takes up to seconds of a core, so it belongs before the write lock.
    """
    with suppress(Exception), _ONE_AT_A_TIME:  # decoders raise whatever a hostile file makes them
        jpeg = JpegImageFile(BytesIO(content)) if content.startswith(b"\xff\xd8") else None
        image = jpeg or Image.open(BytesIO(content), formats=["PNG", "GIF", "WEBP"])
        # Of a JPEG each second, fourth or eighth pixel is decoded alone, unless it comes in layers: then all are held.
        most = 64 if jpeg and not _in_layers(jpeg, content) else {"WEBP": 4}.get(str(image.format), 9)
        if image.width * image.height <= most * 1_000_000 and not _ALSO.search(content):
            return _draw(image, str(image.format).replace("GIF", "PNG"))
    raise refuse("We take whole JPEGs of up to 64 million pixels, PNG and GIF (9), WebP (4), and nothing else in them.")


def _in_layers(jpeg: Any, content: bytes) -> bool:
    """Say whether a JPEG comes in several scans: it is progressive, or its first leaves colours out (ITU-T T.81)."""
    first_scan = content[jpeg.fp.tell() - 8 - 2 * jpeg.layers :]  # as long as its header is with every colour
    return "progressive" in jpeg.info or not first_scan.startswith(b"\xff\xda")


def _draw(image: Image.Image, kind: str) -> dict[str, Any]:
    mode, longer = "RGBA" if image.has_transparency_data and kind != "JPEG" else "RGB", max(image.size)
    image.draft(mode, (1500 * image.width // longer or 1, 1500 * image.height // longer or 1))
    image = image if image.mode == mode else image.convert(mode)
    image.thumbnail((LONGEST, LONGEST), reducing_gap=None)
    image = ImageOps.exif_transpose(image)
    image.info = {}
    image.save(file := BytesIO(), kind, quality=85)
    return {"kind": kind.lower(), "content": file.getvalue(), "width": image.width, "height": image.height}

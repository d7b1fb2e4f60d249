"""The demo's picture, drawn by this code: a sealed envelope, as a PNG."""

import struct
import zlib
from functools import cache

WIDTH, HEIGHT = 1200, 675
Color = tuple[int, int, int]
WALL, PAPER, SHADE, LINE, SEAL = (86, 54, 163), (250, 248, 243), (226, 220, 210), (138, 130, 150), (242, 184, 78)
LEFT, TOP, RIGHT, BOTTOM, MIDDLE = 290.0, 170.0, 910.0, 530.0, 372.0


def _fill(row: list[Color], begin: float, end: float, color: Color) -> None:
    """Color a row from one place to another; a pixel that is met in part gets its part."""
    for x in range(max(0, int(begin)), min(WIDTH, int(end) + 1)):
        part = min(end, x + 1) - max(begin, x)
        if part > 0:
            red, green, blue = (round(old + (new - old) * part) for old, new in zip(row[x], color, strict=True))
            row[x] = red, green, blue


def _row(y: int) -> bytes:
    glow = max(0.0, 1 - abs(y - MIDDLE) / HEIGHT)
    row: list[Color] = [(round(WALL[0] * (0.72 + glow / 3)), round(WALL[1] * (0.72 + glow / 3)), WALL[2])] * WIDTH
    if TOP <= y < BOTTOM:
        _fill(row, LEFT, RIGHT, PAPER)
        down = (y - TOP) / (MIDDLE - TOP)
        if down < 1:  # the flap, and the shadow of its edge
            half = (RIGHT - LEFT) / 2
            _fill(row, LEFT + half * down, RIGHT - half * down, SHADE)
            for edge in (LEFT + half * down, RIGHT - half * down):
                _fill(row, edge - 3, edge + 3, LINE)
        up = (BOTTOM - y) / (BOTTOM - MIDDLE)
        for edge in (LEFT + 310 * up, RIGHT - 310 * up) if up < 1 else ():
            _fill(row, edge - 1.5, edge + 1.5, SHADE)
    radius = 46.0
    if abs(y - MIDDLE) < radius:
        width = (radius**2 - (y - MIDDLE) ** 2) ** 0.5
        _fill(row, 600 - width, 600 + width, SEAL)
        if abs(y - MIDDLE) < 20:
            _fill(row, 588, 612, WALL)
    return b"\0" + bytes(part for color in row for part in color)


@cache
def envelope() -> bytes:
    """Return the picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(map(_row, range(HEIGHT))), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")

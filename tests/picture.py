"""Makes the pictures of the README from the real site: the front page, and the first eight seconds of the tour.

The second is an animated PNG, put together from screenshots as they are: browsers and GitHub show it, and it needs no
library (https://www.w3.org/TR/png-3/#apng-frame-based-animation).
"""

import os
import re
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Locator, Page, expect, sync_playwright
from serving import ROOT, serving

MOST = 1_000_000  # bytes
Frames = list[tuple[bytes, int]]


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Return the parts of a PNG by their names."""
    found, at = [], 8
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        found.append((png[at + 4 : at + 8], png[at + 8 : at + 8 + length]))
        at += length + 12
    return found


def joined(frames: Frames) -> bytes:
    """Return pictures of one size as one that moves; each stands for its milliseconds."""
    header = chunks(frames[0][0])[0][1]
    parts, number = [(b"IHDR", header), (b"acTL", struct.pack(">II", len(frames), 0))], 0
    for picture, milliseconds in frames:
        (_, own), *others = chunks(picture)
        assert own == header, "a picture of another size"
        parts.append((b"fcTL", struct.pack(">I8s8xHHBB", number, header[:8], milliseconds, 1000, 0, 0)))
        pixels = b"".join(data for name, data in others if name == b"IDAT")
        parts.append((b"fdAT", struct.pack(">I", number + 1) + pixels) if number else (b"IDAT", pixels))
        number += 2 if number else 1
    parts.append((b"IEND", b""))
    summed = (name + data + zlib.crc32(name + data).to_bytes(4, "big") for name, data in parts)
    return frames[0][0][:8] + b"".join((len(part) - 8).to_bytes(4, "big") + part for part in summed)


def first_steps(page: Page) -> Frames:
    """Take the tour until its first button has been pressed and the front page shows it."""
    frames: Frames = []

    def keep(milliseconds: int) -> None:
        page.wait_for_timeout(700)  # what moves has come to rest
        frames.append((page.screenshot(), milliseconds))

    def press(target: Locator) -> None:
        target.hover()
        keep(500)
        target.click()

    page.goto("/")
    keep(1500)
    press(page.get_by_role("button", name="Take the tour"))
    switch = page.get_by_role("switch", name=re.compile("^Published")).and_(page.locator("[aria-checked=false]")).first
    expect(page.locator(".tour")).to_be_visible()
    switch.evaluate("element => element.scrollIntoView({block: 'center'})")
    keep(1600)
    press(switch)
    expect(page.locator(".tour.done")).to_be_visible()
    keep(2200)
    page.locator(".tour").get_by_role("link", name="the front page").click()
    expect(page.locator(".tour")).to_be_visible()
    keep(1700)
    return frames


def main() -> None:
    """Write both pictures into docs/."""
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        data = Path(folder)
        environment = {**os.environ, "DATA_DIR": folder}
        subprocess.run([sys.executable, "-m", "flask", "prepare"], cwd=ROOT, env=environment, check=True)
        chromium = playwright.chromium.launch(executable_path=os.environ["CHROMIUM"] or None)
        with serving(data, workers=1, LABS="1", XRAY="1") as server:
            options = {"base_url": server.url, "color_scheme": "light", "reduced_motion": "reduce"}
            still = chromium.new_page(viewport={"width": 1200, "height": 760}, **options)
            still.goto("/")
            still.evaluate("document.fonts.ready")
            still.screenshot(path=ROOT / "docs/front-page.png")
            moving = joined(first_steps(chromium.new_page(viewport={"width": 960, "height": 600}, **options)))
        chromium.close()
    assert len(moving) < MOST, f"{len(moving):,} bytes are too many"
    (ROOT / "docs/tour.png").write_bytes(moving)


if __name__ == "__main__":
    main()

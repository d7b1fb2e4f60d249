"""What a first visit to /blog costs, in a real browser: requests, bytes as they travel, and what moves meanwhile."""

import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Request, Route, sync_playwright
from serving import serving

from bench.fill import prepare

FONT_COMES_LATE = 1500  # milliseconds
WATCH_FOR_SHIFTS = """
    window.shift = 0;
    new PerformanceObserver(list => list.getEntries().forEach(entry => { shift += entry.value; }))
        .observe({type: "layout-shift", buffered: true});
"""


def visit(url: str) -> tuple[list[tuple[str, int, str]], float]:
    """Return kind, bytes and address of each request of a first visit, and the layout shift while the font is late."""
    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        requests: list[Request] = []
        page.on("requestfinished", lambda request: requests.append(request))
        page.add_init_script(WATCH_FOR_SHIFTS)

        def late(route: Route) -> None:
            page.wait_for_timeout(FONT_COMES_LATE)
            route.continue_()

        page.route("**/*.woff2", late)
        page.goto(url)
        page.evaluate("document.fonts.ready")
        page.wait_for_timeout(300)
        costs = [(_kind(request), request.sizes()["responseBodySize"], request.url) for request in requests]
        return costs, page.evaluate("shift")


def _kind(request: Request) -> str:
    """Return what it is for; drawings that are taken from a file by name have no kind of their own in the browser."""
    response = request.response()
    drawn = response is not None and response.headers.get("content-type", "").startswith("image/")
    return "image" if drawn else request.resource_type


def main() -> None:
    """Print each request of the first visit, and the sums that the budgets are about."""
    with tempfile.TemporaryDirectory() as directory:
        prepare(directory)
        with serving(Path(directory)) as server:
            requests, shift = visit(f"{server.url}/blog")
    for kind, size, address in requests:
        print(f"  {kind:<12}{size:>8} bytes  {urlsplit(address).path}")
    text = {kind: sum(size for k, size, _ in requests if k == kind) for kind in ("document", "stylesheet", "script")}
    print(f"requests besides images  {sum(kind != 'image' for kind, *_ in requests)}")
    print(f"JavaScript               {text['script']} bytes gzipped")
    print(f"HTML + CSS + JavaScript  {sum(text.values())} bytes gzipped")
    print(f"layout shift             {shift} with the font {FONT_COMES_LATE} ms late")


if __name__ == "__main__":
    main()

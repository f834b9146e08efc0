"""The picture of a page, for the README; it needs Chromium and Playwright.

python -m docs.generators.gallery
"""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from docs.generated import write_gallery

WORD = [5, 9, 3, 21, 17, 8, 14, 1, 20]
"""Tokens of the word in the picture."""


def picture(pages: Path, to: Path) -> None:
    """Take the picture of S4's page in the middle of a word."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(
            viewport={"width": 1280, "height": 1000}, device_scale_factor=1.5, reduced_motion="reduce"
        )
        page.goto((pages / "S4.html").as_uri())
        page.evaluate("(word) => { append(word); go(5); pick(1); }", WORD)
        page.wait_for_timeout(300)
        page.screenshot(path=to, full_page=True)
        browser.close()


if __name__ == "__main__":
    with TemporaryDirectory() as scratch:
        write_gallery(Path(scratch))
        picture(Path(scratch), Path(__file__).resolve().parents[1] / "gallery.png")

"""The pages of docs/gallery/, and the picture of one for the README.

    python -m docs.generators.gallery

The pages are written by the commands that docs/gallery/README.md shows; the picture needs Chromium and Playwright.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]

PAGES = (
    ("S3.html", ["show", "S3"]),
    ("S4.html", ["show", "S4"]),
    ("Q8.html", ["show", "Q8"]),
    ("GL_2_3.html", ["show", "GL(2,3)"]),
    ("tomita_3.html", ["show", "tomita(3)"]),
    ("refuted.html", ["refute", "S3", "--random", "aussm", "--width", "2", "--seed", "0"]),
    ("atlas.html", ["atlas", "--out", str(DOCS / "atlas.csv")]),
)

WORD = [5, 9, 3, 21, 17, 8, 14, 1, 20]
"""Tokens of the word in the picture."""


def pages() -> None:
    """Write every page."""
    (DOCS / "gallery").mkdir(exist_ok=True)
    for name, words in PAGES:
        command = [sys.executable, "-m", "subnormal", *words, "--html", str(DOCS / "gallery" / name)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def picture() -> None:
    """Take the picture of S4's page in the middle of a word."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(
            viewport={"width": 1280, "height": 1000}, device_scale_factor=1.5, reduced_motion="reduce"
        )
        page.goto((DOCS / "gallery" / "S4.html").as_uri())
        page.evaluate("(word) => { append(word); go(5); pick(1); }", WORD)
        page.wait_for_timeout(300)
        page.screenshot(path=DOCS / "gallery.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    pages()
    picture()

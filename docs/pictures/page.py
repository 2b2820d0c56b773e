"""Draws the pictures of the page in docs/serving.md and docs/hand.md: ``python docs/pictures/page.py``.

Needs Chromium.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parents[1] / "tests"))

from browser_tools import Page, open_browser, serving, wait_until  # noqa: E402

COLOURS = 64


def show(page: Page, name: str) -> None:
    """Save what the browser shows, in few colours."""
    picture = Image.open(io.BytesIO(page.browser.get_screenshot_as_png())).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(FOLDER / name, optimize=True)


def set_screen(page: Page, width: int, height: int, scheme: str, mobile: bool = False) -> None:
    screen = {"width": width, "height": height, "deviceScaleFactor": 2 if mobile else 1, "mobile": mobile}
    page.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    page.browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": mobile})
    page.prefer(color_scheme=scheme)
    page.open()


def main() -> None:
    browser = open_browser()
    try:
        with TemporaryDirectory() as folder, serving(hands=folder) as address:
            page = Page(browser, address)
            set_screen(page, 960, 720, "light")
            page.write("sing with pens")
            wait_until(lambda: len(page.text) > 10)
            page.wait_until_calm()
            show(page, "page.png")
            set_screen(page, 360, 700, "dark", mobile=True)
            page.write("hand", "touch")
            page.wait_for_text("hand")
            page.wait_until_calm()
            show(page, "page-phone.png")
            page.address += "teach.html"
            set_screen(page, 960, 590, "light")
            for character in "ab":
                page.write_in_boxes(character, 4)
                page.find("on").click()
            page.write_in_boxes("c", 2)
            show(page, "teach.png")
    finally:
        browser.quit()


if __name__ == "__main__":
    main()

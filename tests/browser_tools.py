"""A real browser before the real server, and a pen in it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from text_recognizer.data.glyphs.strokes import letter_forms
from text_recognizer.hand.store import SETTING

T = TypeVar("T")
Pointer = Literal["mouse", "pen", "touch"]

PATIENCE = 60  # seconds; on a busy machine a server alone takes 20 to start
ASCENDER, X_TOP, BASELINE, DESCENDER = 0.22, 0.42, 0.66, 0.86
"""Where letters stand in the writing area, in its heights."""
ZONES = {"acemnorsuvwxz": (X_TOP, BASELINE), "gpqy": (X_TOP, DESCENDER), "i": (0.3, BASELINE), "j": (0.3, DESCENDER)}
GAP, SPACE = 0.06, 0.18
STEP = 0.05
"""Distance between the places where the pointer is seen."""


@contextmanager
def serving(*flags: str, port: int | None = None, hands: str | None = None) -> Iterator[str]:
    """The real server in a process of its own, with another folder of hands if one is given; gives its address."""
    port = port or free_port()
    command = "import sys; from text_recognizer.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", command, "serve", f"--port={port}", *flags],
        stderr=subprocess.DEVNULL,
        env={**os.environ, **({SETTING: hands} if hands else {})},
    )
    address = f"http://127.0.0.1:{port}/"
    try:
        wait_until(lambda: answers(address) or process.poll() is not None)
        assert process.poll() is None, "the server ended at once"
        yield address
    finally:
        process.terminate()
        process.wait(PATIENCE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=1):
            return True
    except OSError:
        return False


def wait_until(condition: Callable[[], T], seconds: float = PATIENCE) -> T:
    """The first true value of a condition, which is asked again where an element is not (or no more) on the page."""
    end = time.monotonic() + seconds
    while not (value := _asked(condition)):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.02)
    return value


def _asked(condition: Callable[[], T]) -> T | None:
    try:
        return condition()
    except (NoSuchElementException, StaleElementReferenceException):
        return None


def missing_browser() -> str:
    """Why no browser can be driven here; empty where one can."""
    lacking = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    return f"needs {' and '.join(lacking)}: apt-get install chromium chromium-driver" if lacking else ""


def open_browser() -> Chrome:
    """Headless Chromium that logs its console and its requests."""
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (
        "headless=new",
        "no-sandbox",
        "disable-dev-shm-usage",
        "disable-gpu",
        "hide-scrollbars",
        "window-size=1100,900",
    ):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return Chrome(options, ChromeService(shutil.which("chromedriver")))


def use_desktop(browser: Chrome) -> None:
    """The screen, mouse and settings that the browser began with."""
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def use_phone(browser: Chrome) -> None:
    """A narrow screen, and fingers."""
    screen = {"width": 360, "height": 640, "deviceScaleFactor": 3, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})


CONTRASTS = """
const [probe] = [document.createElement('canvas').getContext('2d', {willReadFrequently: true})];
function rgb(...layers) {
    probe.clearRect(0, 0, 1, 1);
    for (const layer of layers) { probe.fillStyle = layer; probe.fillRect(0, 0, 1, 1); }
    return [...probe.getImageData(0, 0, 1, 1).data].slice(0, 3);
}
function luminance(colour) {
    const [r, g, b] = colour.map((v) => v / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function paper(element) {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.unshift(getComputedStyle(one).backgroundColor);
    return layers;
}
const contrasts = [];
for (const element of document.querySelectorAll('body *')) {
    const speaks = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!speaks || !element.checkVisibility()) continue;
    const layers = paper(element);
    const [dark, light] = [luminance(rgb(...layers)), luminance(rgb(...layers, getComputedStyle(element).color))]
        .sort((a, b) => a - b);
    contrasts.push([(light + 0.05) / (dark + 0.05), element.outerHTML]);
}
return contrasts;
"""
"""Contrast (WCAG 2) of each element that holds text with what is below it."""


SHOWN = """
return [...document.querySelectorAll(arguments[0])].filter((element) => element.checkVisibility()).map((element) => {
    const {x, y, width, height} = element.getBoundingClientRect();
    return [element.innerText, element.ariaLabel ?? '', x + scrollX, y + scrollY, width, height];
});
"""


class Shown(NamedTuple):
    """An element as it was at one moment; places and sizes in pixels of the page."""

    text: str
    label: str
    x: float
    y: float
    width: float
    height: float


class Page:
    """The page in a browser."""

    def __init__(self, browser: Chrome, address: str) -> None:
        self.browser = browser
        self.address = address
        self.open()

    def open(self) -> None:
        self.browser.get(self.address)
        self.browser.get_log("browser")

    def find(self, name: str) -> WebElement:
        return self.browser.find_element(By.ID, name)

    def shown(self, selector: str) -> list[Shown]:
        """All elements of a CSS selector that are shown, at one moment: the page may replace them at any other."""
        return [Shown(*values) for values in self.script(SHOWN, selector)]

    def script(self, code: str, *arguments: Any) -> Any:
        return self.browser.execute_script(code, *arguments)

    @property
    def text(self) -> str:
        return self.find("text").text

    @property
    def problem(self) -> str:
        return self.find("problem").text

    def wait_for_text(self, text: str) -> None:
        wait_until(lambda: self.text == text or self._fail(text))

    def _fail(self, text: str) -> None:
        """Remember what is there in place of ``text``, for the message of the time-out."""
        self.seen = (self.text, self.problem)

    def wait_until_calm(self) -> None:
        """Wait until what is read last has been said to screen readers."""
        wait_until(lambda: self.find("announcement").get_property("textContent").startswith(f"{self.text}. "))

    def write(self, text: str, pointer: Pointer = "mouse", x: float = 0.15) -> None:
        """Write with mouse, pen or finger on the writing area."""
        for stroke in strokes_of(text, x):
            self.draw(stroke, pointer)

    def write_in_boxes(self, character: str, count: int, pointer: Pointer = "mouse") -> None:
        """Write a character in the first boxes of the page that teaches a hand."""
        for box in self.boxes[:count]:
            for stroke in strokes_of(character, x=0.2):
                self.draw(stroke, pointer, area=box)

    @property
    def boxes(self) -> list[WebElement]:
        """The boxes to write in that are shown."""
        return [box for box in self.browser.find_elements(By.CSS_SELECTOR, "#boxes canvas") if box.is_displayed()]

    def draw(
        self, stroke: np.ndarray, pointer: Pointer = "mouse", *, lift: bool = True, area: WebElement | None = None
    ) -> None:
        """One stroke: points (n, 2) in heights of the writing area."""
        area = area or self.find("ink")
        width, height = area.size["width"], area.size["height"]
        places = [(round(x * height - width / 2), round(y * height - height / 2)) for x, y in stroke]
        builder = ActionBuilder(self.browser, mouse=PointerInput(pointer, pointer), duration=0)
        builder.pointer_action.move_to(area, *places[0]).pointer_down()
        for place in places[1:]:
            builder.pointer_action.move_to(area, *place)
        if lift:
            builder.pointer_action.pointer_up()
        builder.perform()

    def contrasts(self) -> list[tuple[float, str]]:
        """Contrast of each element that holds text with what is below it, and its HTML."""
        return [(contrast, html) for contrast, html in self.script(CONTRASTS)]

    def prefer(self, **features: str) -> None:
        """Have the browser prefer what a media feature (``prefers-...``) is about: ``color_scheme="dark"``."""
        preferred = [{"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": preferred})

    def roles(self) -> list[tuple[str, str]]:
        """Roles and names that a screen reader is told."""
        nodes = self.browser.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in nodes
            if not node["ignored"] and "role" in node
        ]

    def console(self) -> list[str]:
        """Warnings and errors of the console since the last call."""
        return [entry["message"] for entry in self.browser.get_log("browser") if entry["level"] != "INFO"]

    def requests(self) -> list[str]:
        """Addresses asked for since the last call, but for those of data that the page holds itself."""
        entries = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        sent = [entry["params"] for entry in entries if entry["method"] == "Network.requestWillBeSent"]
        addresses = [one["request"]["url"] for one in sent]
        return [address for address in addresses if not address.startswith(("data:", "blob:"))]


def strokes_of(text: str, x: float = 0.15) -> list[np.ndarray]:
    """Text as one prints it on the ruled area, from x on: points (n, 2) of each stroke, in heights of the area."""
    strokes = []
    for character in text:
        if character == " ":
            x += SPACE
            continue
        _, form = letter_forms(character)[0]
        low, high = np.concatenate(form).min(0), np.concatenate(form).max(0)
        top, bottom = next((zone for letters, zone in ZONES.items() if character in letters), (ASCENDER, BASELINE))
        scale = (bottom - top) / (high[1] - low[1])
        strokes += [_thinned((stroke - low) * scale + (x, top)) for stroke in form]
        x += (high[0] - low[0]) * scale + GAP
    return strokes


def _thinned(stroke: np.ndarray) -> np.ndarray:
    """The points of a stroke that are about ``STEP`` apart, and its corners."""
    kept = [stroke[0]]
    for point in stroke[1:-1]:
        if np.hypot(*(point - kept[-1])) >= STEP:
            kept.append(point)
    return np.array([*kept, stroke[-1]])

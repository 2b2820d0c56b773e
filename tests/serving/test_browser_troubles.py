"""The page in a real browser, where a file, the server or the browser is not as one hopes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("selenium")

from browser_tools import Page, missing_browser, serving, use_desktop, use_phone, wait_until
from PIL import Image
from selenium.webdriver import ActionChains, Chrome, Keys

pytestmark = pytest.mark.skipif(bool(missing_browser()), reason=missing_browser())

WORD = "house"
PASTE = """
const clipboardData = new DataTransfer();
clipboardData.setData('text/plain', 'hours');
clipboardData.items.add(new File([new Uint8Array(9)], 'image.png', {type: 'image/png'}));
document.activeElement.dispatchEvent(new ClipboardEvent('paste', {clipboardData, bubbles: true, cancelable: true}));
"""
"""As what is copied from a letter or a table is pasted: it is a text and a picture."""
DRAG_TEXT = """
const dataTransfer = new DataTransfer();
dataTransfer.setData('text/plain', 'hours');
return ['dragover', 'drop'].map((name) => {
    const event = new DragEvent(name, {dataTransfer, bubbles: true, cancelable: true});
    document.activeElement.dispatchEvent(event);
    return event.defaultPrevented;
});
"""
INSTEAD = """
window.real ??= window.fetch;
window.fetch = (path, options) => String(path).includes('v1/') ? (%s)(options) : real(path, options);
"""
"""Has the page get what a function gives in place of what the server answers."""
HANGING = "({signal}) => new Promise((_, fail) => signal.addEventListener('abort', () => fail(signal.reason)))"
AWAY = "() => Promise.reject(new TypeError('nobody is there'))"


BORDERS = """
const probe = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
function luminance(colour) {
    probe.fillStyle = colour;
    probe.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...probe.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
        .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
const ground = luminance(getComputedStyle(document.documentElement).backgroundColor);
const places = '.paper, .write canvas, select, input:not([type=file], [type=range])';
return [...document.querySelectorAll(places)].map((one) => {
    const [dark, light] = [ground, luminance(getComputedStyle(one).borderTopColor)].sort((a, b) => a - b);
    return [one.outerHTML, (light + 0.05) / (dark + 0.05)];
});
"""
"""Contrast (WCAG 2) of the border of each element that one writes or types in with what is around it."""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(f"--corrections={tmp_path_factory.mktemp('corrections')}") as address:
        yield address


@pytest.fixture
def page(browser: Chrome, address: str) -> Iterator[Page]:
    """The page, freshly opened; afterwards nothing may have gone wrong."""
    use_desktop(browser)
    page = Page(browser, address)
    wait_until(lambda: page.find("correct").is_displayed())
    yield page
    page.script("sessionStorage.clear(); localStorage.clear()")
    assert page.console() == []


@pytest.fixture
def written(page: Page) -> Page:
    """The same, with a word that is read."""
    page.write(WORD)
    page.wait_for_text(WORD)
    page.wait_until_calm()
    return page


def focused(page: Page) -> str:
    """What the element says that has the focus."""
    return page.script("return document.activeElement.ariaLabel ?? document.activeElement.textContent.trim()")


def is_blank(page: Page) -> bool:
    """Whether the page has found that nothing is written."""
    return page.find("text").get_attribute("data-empty") == "No writing found here."


def bars(shape: tuple[int, ...] = (120, 500)) -> np.ndarray:
    paper = np.full(shape, 255, np.uint8)
    for left in range(60, 360, 60):
        paper[30:90, left : left + 6] = 0
    return paper


def test_a_text_is_pasted_and_dragged_into_a_field_that_one_types_in(written: Page) -> None:
    written.find("correct").click()
    written.script(PASTE)
    assert written.script(DRAG_TEXT) == [False, False]
    assert written.find("correcting").is_displayed()
    assert written.find("ink").is_displayed()
    assert written.text == WORD


def test_a_file_that_was_changed_since_it_was_chosen_is_named(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "line.png"
    cv2.imwrite(str(file), np.full((60, 200), 255, np.uint8))
    page.find("file").send_keys(str(file))
    wait_until(lambda: is_blank(page))
    cv2.imwrite(str(file), np.full((70, 210), 255, np.uint8))
    page.find("undo").click()
    page.find("redo").click()
    wait_until(lambda: page.problem.startswith("line.png cannot be read: "))
    assert "again in" not in page.problem
    page.console()


def test_no_boxes_stand_where_a_picture_cannot_be_shown(page: Page, tmp_path: Path) -> None:
    Image.fromarray(bars()).save(tmp_path / "line.tif")
    page.find("file").send_keys(str(tmp_path / "line.tif"))
    wait_until(lambda: page.text)
    assert page.shown(".box") == []
    assert page.find("not-shown").is_displayed()


def test_a_large_photograph_of_a_kind_that_only_the_browser_knows_is_sent_small(page: Page, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 30, (2400, 3600, 3))
    photo = np.clip(np.repeat(bars((2400, 3600))[..., None] * 0.8 + noise, 1, 2), 0, 255).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "photo.png"), photo)
    assert (tmp_path / "photo.png").stat().st_size > 16 << 20
    page.script(INSTEAD % "({body}) => new Promise(() => (window.sent = body.get('file')))")
    page.find("file").send_keys(str(tmp_path / "photo.png"))
    kind, size = wait_until(lambda: page.script("return window.sent && [sent.type, sent.size]"))
    assert kind == "image/jpeg"
    assert size < 8e6


def test_what_is_written_anew_waits_for_no_answer_that_nobody_wants(page: Page) -> None:
    page.script(INSTEAD % HANGING)
    page.write("i")
    page.script("window.fetch = real")
    ActionChains(page.browser).send_keys(Keys.ESCAPE).perform()
    page.write(WORD)
    wait_until(lambda: page.text == WORD, 8)


def test_what_is_written_anew_is_asked_at_once_although_the_server_was_away(page: Page) -> None:
    page.script(INSTEAD % AWAY)
    page.write("i")
    wait_until(lambda: "again in 8 s" in page.problem)
    page.script("window.fetch = real")
    ActionChains(page.browser).send_keys(Keys.ESCAPE).perform()
    page.write(WORD)
    wait_until(lambda: page.text == WORD, 5)


def test_files_have_more_time_on_their_way_than_ink(page: Page, tmp_path: Path) -> None:
    page.script(
        "const set = setTimeout; window.waits = []; window.setTimeout = (f, ms) => (waits.push(ms), set(f, ms));"
    )
    page.write(WORD)
    page.wait_for_text(WORD)
    assert 30_000 in page.script("return waits")
    assert 120_000 not in page.script("return waits")
    cv2.imwrite(str(tmp_path / "line.png"), bars())
    page.find("file").send_keys(str(tmp_path / "line.png"))
    wait_until(lambda: 120_000 in page.script("return waits"))


def test_hand_and_corrections_stay_as_they_were_while_the_server_is_away(page: Page) -> None:
    page.script(
        "const option = document.createElement('option'); option.value = 'mine';"
        "const menu = document.getElementById('hand'); menu.append(option); menu.value = 'mine';"
    )
    page.script(INSTEAD % AWAY)
    page.script("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    page.browser.execute_async_script("setTimeout(arguments[0], 300)")
    assert page.find("hand").get_property("value") == "mine"
    assert page.find("correct").is_displayed()


def test_the_focus_stays_where_a_line_is_kept_and_deleted(written: Page) -> None:
    written.find("correct").click()
    ActionChains(written.browser).send_keys(Keys.TAB, Keys.SPACE).perform()
    wait_until(lambda: "Kept." in written.find("corrections").text)
    assert focused(written) == "Keep"
    ActionChains(written.browser).send_keys(Keys.TAB, Keys.SPACE).perform()
    wait_until(lambda: "Deleted." in written.find("corrections").text)
    assert focused(written) == "What line 1 says"


def test_a_kept_line_can_be_deleted_until_the_page_is_left(written: Page) -> None:
    written.find("correct").click()
    ActionChains(written.browser).send_keys("s", Keys.ENTER).perform()
    wait_until(lambda: "Kept." in written.find("corrections").text)
    written.find("correct").click()
    assert "Delete" in written.find("corrections").text
    written.write("o", x=2.1)
    written.wait_for_text(f"{WORD} o")
    assert not written.find("correcting").is_displayed()
    written.find("correct").click()
    assert "Delete" not in written.find("corrections").text
    written.find("undo").click()
    written.wait_for_text(WORD)
    written.find("correct").click()
    assert "Delete" in written.find("corrections").text
    assert written.find("corrections").find_element("css selector", "input").get_property("value") == f"{WORD}s"


@pytest.mark.parametrize("copies", [True, False])
def test_where_the_browser_gives_no_clipboard(written: Page, copies: bool) -> None:
    written.script(
        "navigator.clipboard.writeText = () => Promise.reject(new DOMException('no'));"
        "document.execCommand = () => arguments[0];",
        copies,
    )
    written.find("copy").click()
    if copies:
        wait_until(lambda: written.find("copy").text == "Copied")
    else:
        wait_until(lambda: "does not let this page copy" in written.problem)
    assert written.text == WORD


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["", "teach.html", "documents.html"])
def test_what_one_writes_or_types_in_stands_out_of_its_ground(page: Page, path: str, scheme: str) -> None:
    page.prefer(color_scheme=scheme)
    page.browser.get(page.address + path)
    borders = page.script(BORDERS)
    assert borders
    assert [(name, contrast) for name, contrast in borders if contrast < 3] == []


def test_the_reference_fits_a_narrow_screen(page: Page) -> None:
    use_phone(page.browser)
    page.browser.get(f"{page.address}docs")
    assert page.script("return document.documentElement.scrollWidth") == 360
    use_desktop(page.browser)

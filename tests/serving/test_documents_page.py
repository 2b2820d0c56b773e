"""The page that reads photographs and PDFs, in a real browser before the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("selenium")

from browser_tools import Page, missing_browser, serving, use_desktop, use_phone, wait_until
from PIL import Image
from reading_tools import draw
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.select import Select

from text_recognizer.labels.find import find_labels
from text_recognizer.reading.recognizer import TextRecognizer

pytestmark = pytest.mark.skipif(bool(missing_browser()), reason=missing_browser())

TEXTS = ["some men came over", "and read the paper", "before the morning"]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as address:
        yield f"{address}documents.html"


@pytest.fixture
def page(browser: Chrome, address: str) -> Iterator[Page]:
    """The page, freshly opened, with nothing kept; afterwards nothing may have gone wrong."""
    use_desktop(browser)
    page = Page(browser, address)
    yield page
    assert page.console() == []
    forget(page)


def forget(page: Page) -> None:
    page.browser.execute_async_script(
        "const done = arguments[0]; const gone = indexedDB.deleteDatabase('text-recognizer');"
        "gone.onsuccess = gone.onerror = gone.onblocked = () => done();"
    )


def sheet(texts: list[str] = TEXTS) -> np.ndarray:
    paper = np.full((110 + 80 * len(texts), 560), 245, np.uint8)
    for number, text in enumerate(texts):
        line = draw(text, 0.9, 2, 60)
        paper[50 + 80 * number : 110 + 80 * number, 60 : 60 + line.shape[1]] = line
    return paper


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "letter.jpg"
    cv2.imwrite(str(path), sheet())
    return path


def texts(page: Page) -> list[str]:
    return page.script(
        "return [...document.querySelectorAll('#lines input')].map((input) => input.value.toLowerCase())"
    )


def choose(page: Page, path: Path, expected: list[str]) -> None:
    page.find("file").send_keys(str(path))
    wait_until(lambda: texts(page) == expected)
    wait_until(lambda: page.find("state").text.startswith(f"{len(expected)} line"))


def downloaded(page: Page, form: str, folder: Path) -> Path:
    """What the page gives to take away in a format."""
    page.browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    Select(page.find("format")).select_by_value(form)
    before = set(folder.iterdir())
    page.find("download").click()
    found = wait_until(lambda: [one for one in set(folder.iterdir()) - before if one.suffix != ".crdownload"])
    return found[0]


def test_lines_stand_over_the_picture_and_are_corrected(page: Page, photo: Path, tmp_path: Path) -> None:
    choose(page, photo, TEXTS)
    shapes = page.browser.find_elements(By.CSS_SELECTOR, "#places polygon")
    assert len(shapes) == 3
    (area,) = page.shown("#picture")
    for number, shape in enumerate(page.shown("#places polygon")):
        assert shape.y + shape.height / 2 == pytest.approx(area.y + (80 + 80 * number) / 350 * area.height, abs=8)
    shapes[1].click()
    focused = page.browser.switch_to.active_element
    assert focused.get_attribute("aria-label").startswith("Line 2, ")
    assert "chosen" in shapes[1].get_attribute("class")
    assert page.shown(".others button")[0].text.lower() == TEXTS[1]
    focused.send_keys(Keys.CONTROL, "a")
    focused.send_keys(Keys.NULL, "and wrote letters")
    page.requests()
    assert downloaded(page, "text", tmp_path).read_text().lower().split("\n")[1] == "and wrote letters"
    for form, inside in (("json", b"and wrote letters"), ("csv", b"and wrote letters"), ("alto", b'"wrote"')):
        assert inside in downloaded(page, form, tmp_path).read_bytes()
    assert downloaded(page, "pdf", tmp_path).read_bytes().startswith(b"%PDF")
    asked = [address for address in page.requests() if "v1/read" in address]
    assert len(asked) == 4
    assert not any("corrected" in address for address in asked)  # proxies refuse those that hold many lines


def test_what_was_read_and_corrected_survives_a_reload(page: Page, photo: Path) -> None:
    choose(page, photo, TEXTS)
    page.browser.find_element(By.CSS_SELECTOR, "#lines input").send_keys(Keys.END, "!")
    expected = [f"{TEXTS[0]}!", *TEXTS[1:]]
    wait_until(lambda: texts(page) == expected)
    page.browser.refresh()
    wait_until(lambda: texts(page) == expected)
    assert page.find("picture").get_property("naturalWidth") == 560


def test_the_pictures_are_not_kept_anew_with_each_letter(page: Page, photo: Path) -> None:
    choose(page, photo, TEXTS)
    page.script(
        "const put = IDBObjectStore.prototype.put; window.puts = [];"
        "IDBObjectStore.prototype.put = function (value, key) { puts.push(key); return put.call(this, value, key); }"
    )
    page.browser.find_element(By.CSS_SELECTOR, "#lines input").send_keys("xy")
    assert page.script("return puts") == ["texts", "texts"]
    page.open()
    wait_until(lambda: texts(page) == [f"{TEXTS[0]}xy", *TEXTS[1:]])


def test_no_line_is_kept_where_the_server_keeps_none(page: Page, photo: Path) -> None:
    choose(page, photo, TEXTS)
    page.browser.find_element(By.CSS_SELECTOR, "#lines input").send_keys("!")
    assert page.shown(".others")
    assert page.shown("#keeping, #unless, .keeper") == []


def test_a_corrected_line_is_kept_and_deleted(browser: Chrome, photo: Path, tmp_path: Path) -> None:
    use_desktop(browser)
    with serving("--corrections", str(tmp_path)) as address:
        page = Page(browser, f"{address}documents.html")
        wait_until(lambda: page.shown("#keeping"))
        assert "machine that serves this page" in page.shown("#keeping")[0].text
        assert "the lines that you have it keep" in page.shown("footer")[0].text
        choose(page, photo, TEXTS)
        field = page.browser.find_elements(By.CSS_SELECTOR, "#lines input")[1]
        field.send_keys(Keys.END, " <b>Ä</b>")
        assert list(tmp_path.iterdir()) == []
        press(page, "Keep")
        wait_until(lambda: said_of_keeping(page) == ["Kept."])
        [line] = find_labels(tmp_path).lines
        assert line.text.lower() == f"{TEXTS[1]} <b>ä</b>"
        assert TextRecognizer().read(line.load()).text.lower() == TEXTS[1]
        page.browser.refresh()
        wait_until(lambda: said_of_keeping(page) == ["Kept."])
        page.browser.find_elements(By.CSS_SELECTOR, "#lines input")[1].send_keys("!")
        wait_until(lambda: said_of_keeping(page) == [""])
        press(page, "Delete")
        wait_until(lambda: said_of_keeping(page) == ["Deleted."])
        assert page.browser.switch_to.active_element.text == "Keep"
        assert list(tmp_path.iterdir()) == []
        assert page.console() == []
        forget(page)


def press(page: Page, name: str) -> None:
    """Press a button that the server keeps or deletes a line by."""
    buttons = page.browser.find_elements(By.CSS_SELECTOR, ".keeper button")
    next(one for one in buttons if one.text == name).click()


def said_of_keeping(page: Page) -> list[str]:
    return [one.text for one in page.shown(".keeper .state")]


def test_keys_go_from_line_to_line_and_back_to_what_was_read(page: Page, photo: Path) -> None:
    choose(page, photo, TEXTS)
    page.browser.find_element(By.CSS_SELECTOR, "#lines input").send_keys(Keys.ARROW_DOWN)
    page.browser.switch_to.active_element.send_keys("x", Keys.ESCAPE)
    assert texts(page) == TEXTS
    page.browser.switch_to.active_element.send_keys(Keys.ARROW_UP)
    assert page.browser.switch_to.active_element.get_attribute("aria-label").startswith("Line 1, ")


def test_keys_that_compose_a_character_leave_its_line_alone(page: Page, photo: Path) -> None:
    choose(page, photo, TEXTS)
    field = page.browser.find_element(By.CSS_SELECTOR, "#lines input")
    field.send_keys("x")
    for key in ("Enter", "ArrowDown", "Escape"):
        page.script(
            "const options = {key: arguments[0], isComposing: true, bubbles: true};"
            "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', options))",
            key,
        )
    assert page.browser.switch_to.active_element == field
    assert texts(page)[0] == f"{TEXTS[0]}x"


def test_a_text_that_is_a_picture_too_is_pasted_into_a_line(page: Page, photo: Path) -> None:
    choose(page, photo, TEXTS)
    page.browser.find_element(By.CSS_SELECTOR, "#lines input").click()
    page.script(
        "const clipboardData = new DataTransfer();"
        "clipboardData.setData('text/plain', 'hours');"
        "clipboardData.items.add(new File([new Uint8Array(9)], 'image.png', {type: 'image/png'}));"
        "document.activeElement.dispatchEvent(new ClipboardEvent('paste', {clipboardData, bubbles: true}))"
    )
    assert texts(page) == TEXTS
    assert page.find("state").text.startswith("3 lines")


def test_says_how_to_go_on_when_a_page_cannot_be_written(page: Page, photo: Path) -> None:
    choose(page, photo, TEXTS)
    page.script("window.fetch = () => Promise.reject(new TypeError('nobody is there'))")
    Select(page.find("format")).select_by_value("json")
    page.find("download").click()
    wait_until(lambda: page.problem == "The server does not answer. Try again in a moment.")
    page.script("navigator.clipboard.writeText = () => Promise.reject(new DOMException('no'))")
    Select(page.find("format")).select_by_value("text")
    page.find("copy").click()
    wait_until(lambda: "does not let this page copy" in page.problem)
    assert texts(page) == TEXTS


def test_a_file_that_was_changed_since_it_was_chosen_is_named(page: Page, tmp_path: Path) -> None:
    pdf = tmp_path / "pages.pdf"
    images = [Image.fromarray(sheet([text])) for text in TEXTS[:2]]
    images[0].save(pdf, save_all=True, append_images=images[1:], resolution=200)
    choose(page, pdf, TEXTS[:1])
    pdf.write_bytes(pdf.read_bytes() + b"\n")
    page.find("after").click()
    wait_until(lambda: page.problem.startswith("pages.pdf cannot be read: "))
    page.console()


def test_a_page_on_its_side_is_turned_and_a_part_is_cut_out(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "side.png"
    cv2.imwrite(str(path), np.ascontiguousarray(np.rot90(sheet())))
    choose(page, path, TEXTS)
    assert "turned upright" in page.find("state").text
    assert page.find("picture").get_property("naturalWidth") == 560
    page.find("crop").click()
    for edge, value in (("top", 36), ("bottom", 66)):
        page.script(
            "const input = document.getElementById(arguments[0]); input.value = arguments[1];"
            "input.dispatchEvent(new Event('input'))",
            edge,
            value,
        )
    page.find("cut").click()
    wait_until(lambda: texts(page) == [TEXTS[1]])


@pytest.mark.parametrize("ink", [0, 255])
def test_ink_on_a_transparent_page(page: Page, tmp_path: Path, ink: int) -> None:
    path = tmp_path / "ink.png"
    cv2.imwrite(str(path), np.dstack([np.full((350, 560, 3), ink, np.uint8), 255 - sheet()]))
    choose(page, path, TEXTS)
    shown = page.script(
        "const canvas = document.createElement('canvas'), context = canvas.getContext('2d');"
        "context.drawImage(document.getElementById('picture'), 0, 0); return context.getImageData(0, 0, 1, 1).data[0]"
    )
    assert shown == pytest.approx(255 - ink, abs=12)


def test_a_picture_stays_as_it_is_turned_by_hand(page: Page, photo: Path, tmp_path: Path) -> None:
    def press(name: str, width: int) -> None:
        page.find(name).click()
        wait_until(lambda: page.find("picture").get_property("naturalWidth") == width)
        wait_until(lambda: page.find("turn").get_attribute("aria-disabled") == "false")
        assert "turned" not in page.find("state").text

    choose(page, photo, TEXTS)
    press("turn", 350)
    press("again", 350)
    press("turn", 560)
    [upside_down] = json.loads(downloaded(page, "json", tmp_path).read_text())["pages"]
    assert (upside_down["turned"], upside_down["width"]) == (0, 560)
    press("turn", 350)
    press("turn", 560)
    assert texts(page) == TEXTS


def test_a_part_is_dragged(page: Page, photo: Path) -> None:
    choose(page, photo, TEXTS)
    page.find("crop").click()
    page.script("document.getElementById('sheet').scrollIntoView({block: 'center'})")
    (area,) = page.shown("#sheet")
    drag = ActionChains(page.browser).move_to_element_with_offset(
        page.find("sheet"), -int(0.45 * area.width), -int(0.47 * area.height)
    )
    drag.click_and_hold().move_by_offset(int(0.9 * area.width), int(0.3 * area.height)).release().perform()
    page.find("cut").click()
    wait_until(lambda: texts(page) == [TEXTS[0]])


def test_a_pdf_is_read_page_by_page(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "two.pdf"
    first, second = (Image.fromarray(sheet(one)) for one in (TEXTS[:2], TEXTS[1:]))
    first.save(path, save_all=True, append_images=[second], resolution=100)
    choose(page, path, TEXTS[:2])
    assert page.find("number").text == "Page 1 of 2"
    page.find("after").click()
    wait_until(lambda: texts(page) == TEXTS[1:])
    page.find("before").click()
    wait_until(lambda: texts(page) == TEXTS[:2])


@pytest.mark.parametrize(
    ("name", "content", "said"), [("note.txt", b"hello", "note.txt"), ("b.pdf", b"%PDF-1.4", "b.pdf")]
)
def test_what_cannot_be_read_is_said(page: Page, tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    page.find("file").send_keys(str(tmp_path / name))
    wait_until(lambda: name in page.problem)
    assert texts(page) == []
    page.browser.get_log("browser")  # Chromium says there that the server refused


def test_blank_paper(page: Page, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "blank.png"), np.full((300, 300), 240, np.uint8))
    page.find("file").send_keys(str(tmp_path / "blank.png"))
    wait_until(lambda: "No writing was found" in page.find("state").text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("phone", [False, True])
def test_it_can_be_seen_on_any_screen(page: Page, photo: Path, scheme: str, phone: bool) -> None:
    if phone:
        use_phone(page.browser)
    page.prefer(color_scheme=scheme)
    choose(page, photo, TEXTS)
    page.find("crop").click()
    page.browser.find_element(By.CSS_SELECTOR, "#lines input").send_keys("")
    assert [html for contrast, html in page.contrasts() if contrast < 4.5] == []
    assert page.script("return document.documentElement.scrollWidth <= innerWidth")
    small = [one for one in page.shown("button, .file label, #lines input, select") if one.height < 43]
    assert small == []


def test_a_screen_reader_is_told_of_everything(page: Page, photo: Path) -> None:
    choose(page, photo, TEXTS)
    roles = page.roles()
    names = [name for role, name in roles if role == "textbox"]
    assert [name.split(",")[0] for name in names] == ["Line 1", "Line 2", "Line 3"]
    for role in ("button", "combobox", "textbox"):
        assert all(name for found, name in roles if found == role)
    assert {"Turn", "Crop", "Read again", "Copy", "Download"} <= {name for role, name in roles if role == "button"}

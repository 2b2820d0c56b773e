"""The page in a real browser before the real server."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("selenium")

from browser_tools import (
    Page,
    free_port,
    missing_browser,
    serving,
    strokes_of,
    use_desktop,
    use_phone,
    wait_until,
)
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By

from text_recognizer.imaging.pictures import load_picture
from text_recognizer.labels.find import find_labels
from text_recognizer.reading.recognizer import TextRecognizer

pytestmark = pytest.mark.skipif(bool(missing_browser()), reason=missing_browser())

WORD = "house"
FILE = """
const bytes = Uint8Array.from(atob(arguments[0]), (character) => character.charCodeAt());
const file = new File([bytes], 'word.png', {type: 'image/png'});
"""
"""Makes a file of its content in base 64."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def page(browser: Chrome, address: str) -> Iterator[Page]:
    """The page, freshly opened; afterwards nothing may have gone wrong or left for another address."""
    use_desktop(browser)
    page = Page(browser, address)
    page.requests()
    yield page
    page.script("sessionStorage.clear()")
    assert page.console() == []
    assert [one for one in page.requests() if not one.startswith(address)] == []


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture of the word in pen strokes."""
    return write_picture(tmp_path_factory.mktemp("pictures") / "word.png", height=200)


def write_picture(path: Path, height: int) -> Path:
    strokes = strokes_of(WORD)
    grey = np.full((height, int(height * (strokes[-1].max() + 0.2))), 230, np.uint8)
    points = [np.rint(stroke * height * 16).astype(np.int32) for stroke in strokes]
    cv2.polylines(grey, points, False, 30, height // 40, cv2.LINE_AA, shift=4)
    cv2.imwrite(str(path), grey)
    return path


def press(page: Page, *keys: str) -> None:
    """Hold all keys but the last, and press that."""
    chain = ActionChains(page.browser)
    for key in keys[:-1]:
        chain.key_down(key)
    chain.send_keys(keys[-1])
    for key in keys[:-1]:
        chain.key_up(key)
    chain.perform()


def ink(page: Page, start: float = 0.0) -> int:
    """How many pixels of the writing area hold ink, from a share of its width on."""
    return page.script(
        "const area = document.getElementById('ink');"
        "const copy = new OffscreenCanvas(area.width, area.height).getContext('2d', {willReadFrequently: true});"
        "copy.drawImage(area, -arguments[0] * area.width, 0);"
        "const {data} = copy.getImageData(0, 0, area.width, area.height);"
        "return data.filter((value, i) => i % 4 === 3 && value > 0).length",
        start,
    )


@pytest.mark.parametrize("pointer", ["mouse", "pen", "touch"])
def test_reads_a_word_that_is_written(page: Page, pointer) -> None:
    page.write(WORD, pointer)
    page.wait_for_text(WORD)
    assert "of the characters are right" in page.find("confidence").text
    wait_until(lambda: page.find("prepared").get_property("naturalHeight") == 40)
    boxes = page.shown(".box")
    assert [box.text for box in boxes] == list(WORD)
    (area,) = page.shown("#ink")
    written = [area.x + area.height * stroke[:, 0].mean() for stroke in strokes_of(WORD)[::2]]
    assert boxes[0].x < written[0] < boxes[0].x + boxes[0].width


def test_text_appears_while_writing(page: Page) -> None:
    *first, last = strokes_of(WORD)
    for stroke in first:
        page.draw(stroke)
    page.draw(last, lift=False)
    page.wait_for_text(WORD)
    ActionBuilder(page.browser).clear_actions()


def test_palms_are_ignored_where_there_is_a_pen(page: Page) -> None:
    first, *rest = strokes_of(WORD)
    palm = np.array([[1.5, 0.3], [1.6, 0.9], [1.8, 0.5]])
    page.draw(first, "pen")
    page.draw(palm, "touch")
    for stroke in rest:
        page.draw(stroke, "pen")
    page.wait_for_text(WORD)


def test_a_second_finger_leaves_the_stroke_alone(page: Page) -> None:
    area = page.find("ink")
    builder = ActionBuilder(page.browser, mouse=PointerInput("touch", "first"), duration=0)
    second = builder.add_pointer_input("touch", "second")
    builder.pointer_action.move_to(area, -200, -40).pointer_down()
    builder.pointer_action.move_to(area, -200, 0).move_to(area, -200, 40).pointer_up()
    second.create_pointer_move(duration=0, x=100, y=0, origin=area)
    second.create_pointer_down(button=0)
    second.create_pointer_move(duration=0, x=200, y=0, origin=area)
    second.create_pointer_up(button=0)
    builder.perform()
    assert ink(page) > 0
    assert ink(page, start=0.5) == 0


def test_undo_redo_and_clear(page: Page) -> None:
    assert page.find("undo").get_attribute("aria-disabled") == "true"
    page.write("n")
    one = ink(page)
    page.draw(np.array([[0.7, 0.3], [0.7, 0.7]]))
    two = ink(page)
    page.find("undo").click()
    assert ink(page) == one
    page.find("redo").click()
    assert ink(page) == two
    page.find("clear").click()
    assert ink(page) == 0
    assert page.find("hint").is_displayed()
    wait_until(lambda: page.text == "")
    press(page, Keys.CONTROL, "z")
    assert ink(page) == two
    press(page, Keys.ESCAPE)
    assert ink(page) == 0
    press(page, Keys.CONTROL, "z")
    press(page, Keys.CONTROL, "z")
    press(page, Keys.CONTROL, "y")
    assert ink(page) == two


def test_writing_goes_on_when_the_paper_has_moved(page: Page) -> None:
    page.write(WORD)
    page.wait_for_text(WORD)
    page.find("on").click()
    assert ink(page) == 0
    page.write(WORD)
    page.wait_for_text(f"{WORD} {WORD}")
    page.find("back").click()
    assert ink(page) > 0


def test_copies_the_reading(page: Page) -> None:
    allow_clipboard(page)
    page.write(WORD)
    page.wait_for_text(WORD)
    page.find("copy").click()
    wait_until(lambda: page.find("copy").text == "Copied")
    assert clipboard(page) == WORD
    page.browser.execute_async_script("navigator.clipboard.writeText('else').then(arguments[0])")
    press(page, Keys.CONTROL, "c")
    assert clipboard(page) == WORD


def allow_clipboard(page: Page) -> None:
    permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    page.browser.execute_cdp_cmd("Browser.grantPermissions", {"permissions": permissions, "origin": page.address})


def clipboard(page: Page) -> str:
    return page.browser.execute_async_script("navigator.clipboard.readText().then(arguments[0])")


def test_reads_a_picture_that_is_chosen(page: Page, picture: Path) -> None:
    page.find("file").send_keys(str(picture))
    page.wait_for_text(WORD)
    (shown,) = page.shown("#picture")
    assert page.shown("#ink") == []
    boxes = page.shown(".box")
    assert all(shown.x <= box.x and box.x + box.width <= shown.x + shown.width for box in boxes)
    stroke = strokes_of(WORD)[0][:, 0].mean() / (strokes_of(WORD)[-1].max() + 0.2)
    assert boxes[0].x < shown.x + shown.width * stroke < boxes[0].x + boxes[0].width
    page.find("undo").click()
    assert page.find("ink").is_displayed()
    assert page.text == ""


def test_a_huge_picture_is_made_smaller_before_it_is_sent(page: Page, tmp_path: Path) -> None:
    page.script("const send = fetch; window.fetch = (path, options) => send(path, (window.sent = options))")
    page.find("file").send_keys(str(write_picture(tmp_path / "huge.png", height=4000)))
    page.wait_for_text(WORD)
    measure = (
        "createImageBitmap(sent.body.get('file')).then(({width, height}) => arguments[0](Math.max(width, height)))"
    )
    assert page.browser.execute_async_script(measure) == 4096


def test_a_file_that_is_no_picture_is_refused_with_the_reason(page: Page, tmp_path: Path, picture: Path) -> None:
    (tmp_path / "notes.png").write_text("no picture")
    page.find("file").send_keys(str(tmp_path / "notes.png"))
    wait_until(lambda: "notes.png: text, not a picture; expected a picture (PNG" in page.problem)
    assert page.text == ""
    assert page.find("not-shown").is_displayed()
    assert [message for message in page.console() if "422" not in message] == []
    page.find("file").send_keys(str(picture))
    page.wait_for_text(WORD)
    assert page.problem == ""


def test_reads_a_picture_from_the_clipboard(page: Page, picture: Path) -> None:
    allow_clipboard(page)
    page.browser.execute_async_script(
        f"{FILE} navigator.clipboard.write([new ClipboardItem({{'image/png': file}})]).then(arguments[1])",
        base64.b64encode(picture.read_bytes()).decode(),
    )
    press(page, Keys.CONTROL, "v")
    page.wait_for_text(WORD)
    assert page.find("picture").is_displayed()


def test_reads_a_picture_that_is_dropped(page: Page, picture: Path) -> None:
    page.script(
        f"{FILE} const dataTransfer = new DataTransfer();"
        "dataTransfer.items.add(file);"
        "document.body.dispatchEvent(new DragEvent('drop', {dataTransfer, bubbles: true, cancelable: true}))",
        base64.b64encode(picture.read_bytes()).decode(),
    )
    page.wait_for_text(WORD)


def test_says_what_is_left_of_several_files_that_are_dropped(page: Page, picture: Path) -> None:
    page.script(
        f"{FILE} const dataTransfer = new DataTransfer();"
        "dataTransfer.items.add(file); dataTransfer.items.add(new File(['x'], 'other.png'));"
        "document.body.dispatchEvent(new DragEvent('drop', {dataTransfer, bubbles: true, cancelable: true}))",
        base64.b64encode(picture.read_bytes()).decode(),
    )
    page.wait_for_text(WORD)
    assert page.find("notice").text == "One picture is read at a time: word.png. Left out: other.png."


def test_files_that_are_chosen_one_after_another_are_each_read(page: Page, tmp_path: Path) -> None:
    page.script(
        "const send = fetch; window.sent = [];"
        "window.fetch = async (path, options) => {"
        "  const answer = await send(path, options);"
        "  if (options?.body?.get) window.sent.push(options.body.get('file').name);"
        "  return answer;"
        "}"
    )
    names = ["a.png", "b.png", "notes.png", "c.png", "d.png"]
    for number, name in enumerate(names):
        height = 160 + 20 * number
        (tmp_path / name).write_text("no picture") if name == "notes.png" else write_picture(tmp_path / name, height)
        page.find("file").send_keys(str(tmp_path / name))
        wait_until(lambda until=number + 1: page.script("return window.sent") == names[:until])
        if name == "notes.png":
            wait_until(lambda: page.problem.startswith("notes.png: text, not a picture"))
            assert page.text == ""
        else:
            page.wait_for_text(WORD)
            assert page.problem == ""
            assert page.find("picture").get_property("naturalHeight") == height
    assert [message for message in page.console() if "422" not in message] == []


def test_what_was_written_is_there_after_a_reload_and_on_the_way_back(page: Page) -> None:
    page.write(WORD)
    page.wait_for_text(WORD)
    page.open()
    page.wait_for_text(WORD)
    page.find("teach").click()
    wait_until(lambda: "teach" in page.browser.current_url)
    page.open()
    page.wait_for_text(WORD)
    page.find("clear").click()
    page.open()
    assert ink(page) == 0


def test_two_rows_are_read_as_two(page: Page) -> None:
    word = "an"
    for top in (-0.2, 0.25):
        for stroke in strokes_of(word):
            page.draw(np.stack([stroke[:, 0] * 0.6 + 0.1, stroke[:, 1] * 0.6 + top], axis=1))
    content = "return document.getElementById('text').textContent"
    wait_until(lambda: page.script(content) == f"{word}\n{word}")
    boxes = page.shown(".box")
    assert [box.text for box in boxes] == list(word + word)
    assert boxes[0].y + boxes[0].height < boxes[-1].y + boxes[-1].height / 2


def test_says_that_a_server_is_slow(page: Page) -> None:
    page.script(
        "const send = fetch; window.fetch = async (...question) => {"
        "await new Promise((go) => setTimeout(go, 3500)); return send(...question)}"
    )
    page.draw(strokes_of("l")[0])
    wait_until(lambda: "takes its time" in page.problem)
    wait_until(lambda: page.text)
    assert page.problem == ""


def test_a_drag_beside_the_paper_selects_nothing(page: Page) -> None:
    page.write(WORD)
    page.wait_for_text(WORD)
    body = page.browser.find_element(By.TAG_NAME, "h1")
    ActionChains(page.browser).move_to_element_with_offset(body, 0, -20).click_and_hold().move_by_offset(
        60, 700
    ).release().perform()
    assert page.script("return getSelection().toString()") == ""


def test_the_table_of_characters_scrolls(page: Page) -> None:
    page.script(
        "const row = '<tr><th>a</th><td>90 %</td><td>sure</td></tr>';"
        "document.getElementById('characters').innerHTML = row.repeat(500);"
        "const details = document.getElementById('details'); details.hidden = false; details.open = true"
    )
    assert page.script("return document.documentElement.scrollHeight") < 3000


def test_says_that_the_server_is_away_and_goes_on_when_it_is_back(browser: Chrome) -> None:
    port = free_port()
    with serving(port=port) as address:
        page = Page(browser, address)
    page.write(WORD)
    wait_until(lambda: "The server does not answer. Trying again in" in page.problem)
    with serving(port=port):
        page.wait_for_text(WORD)
        assert page.problem == ""
    browser.get("about:blank")


def test_nothing_is_to_be_corrected_where_nothing_is_kept(page: Page) -> None:
    page.write(WORD)
    page.wait_for_text(WORD)
    page.find("text").click()
    assert page.shown("#correct, #correcting, #unless") == []


def test_a_line_is_corrected_kept_and_deleted(browser: Chrome, tmp_path: Path) -> None:
    with serving("--corrections", str(tmp_path)) as address:
        page = Page(browser, address)
        wait_until(lambda: page.shown("#correct"))
        assert "unless you correct a line and keep it" in page.shown("footer")[0].text
        for top, word in ((-0.2, "an"), (0.25, "no")):
            for stroke in strokes_of(word):
                page.draw(np.stack([stroke[:, 0] * 0.6 + 0.1, stroke[:, 1] * 0.6 + top], axis=1))
        content = "return document.getElementById('text').textContent"
        wait_until(lambda: page.script(content).count("\n") == 1)
        wait_until(lambda: page.browser.find_elements(By.CSS_SELECTOR, "#text span")[-1].click() or True)
        assert "machine that serves this page" in page.shown("#correcting")[0].text
        field = page.browser.switch_to.active_element
        assert field.get_attribute("aria-label") == "What line 2 says"
        field.clear()
        field.send_keys("No, <b>Ä</b>!", Keys.ENTER)
        wait_until(lambda: [one.text for one in page.shown(".state")][1] == "Kept.")
        [line] = find_labels(tmp_path).lines
        assert line.text == "No, <b>Ä</b>!"
        assert TextRecognizer().read(line.load()).text == page.script(content).splitlines()[1]
        field.send_keys(Keys.CONTROL, "z")
        assert page.script(content).count("\n") == 1
        page.browser.find_elements(By.CSS_SELECTOR, ".correction [type=button]")[1].click()
        wait_until(lambda: [one.text for one in page.shown(".state")][1] == "Deleted.")
        assert list(tmp_path.iterdir()) == []
        assert page.console() == []
        page.script("sessionStorage.clear()")


def test_a_picture_is_corrected_and_a_text_that_is_no_label_refused(
    browser: Chrome, picture: Path, tmp_path: Path
) -> None:
    with serving("--corrections", str(tmp_path)) as address:
        page = Page(browser, address)
        page.find("file").send_keys(str(picture))
        page.wait_for_text(WORD)
        page.find("correct").click()
        field = page.browser.switch_to.active_element
        assert field.get_property("value") == WORD
        field.clear()
        field.send_keys(Keys.ENTER)
        wait_until(lambda: page.shown(".state")[0].text == "The text has 0 characters, but a line has 1 to 400.")
        field.send_keys("mouse", Keys.ENTER)
        wait_until(lambda: page.shown(".state")[0].text == "Kept.")
        [line] = find_labels(tmp_path).lines
        assert line.text == "mouse"
        assert np.array_equal(line.load(), load_picture(picture))
    browser.get("about:blank")


def test_a_busy_server_is_asked_again_when_it_said(page: Page) -> None:
    page.script(
        "const send = fetch; window.busy = true;"
        "window.fetch = (...question) => !window.busy ? send(...question) : Promise.resolve(new Response("
        "'{\"error\": \"Too many requests wait.\"}', {status: 503, headers: {'Retry-After': '2'}}))"
    )
    page.write(WORD)
    wait_until(lambda: page.problem == "Too many requests wait. Trying again in 2 s.")
    page.script("window.busy = false")
    wait_until(lambda: page.text)
    assert page.problem == ""


def test_works_with_the_keyboard_alone(page: Page, picture: Path) -> None:
    seen = []
    for _ in range(20):
        press(page, Keys.TAB)
        focused = page.browser.switch_to.active_element
        name = focused.get_attribute("id") or focused.tag_name
        if name == "body" or name in seen:
            break
        seen.append(name)
        outlined = "file" if name == "file" else None
        target = page.browser.find_element(By.CSS_SELECTOR, "[for=file]") if outlined else focused
        assert target.value_of_css_property("outline-style") == "solid", name
    assert seen == ["undo", "redo", "clear", "back", "on", "file", "hand", "teach", "whole", "copy", "summary"]
    page.find("file").send_keys(str(picture))
    page.wait_for_text(WORD)
    page.find("details").find_element(By.TAG_NAME, "summary").send_keys(Keys.ENTER)
    assert [cell.text for cell in page.shown("#characters th")] == list(WORD)
    page.find("clear").send_keys(Keys.SPACE)
    wait_until(lambda: page.text == "")
    assert page.browser.switch_to.active_element == page.find("clear")
    page.find("undo").send_keys(Keys.ENTER)
    page.wait_for_text(WORD)


def test_fits_a_narrow_screen(page: Page, picture: Path) -> None:
    use_phone(page.browser)
    page.open()
    assert page.browser.find_element(By.CSS_SELECTOR, "[for=photo]").is_displayed()
    page.write(WORD, "touch")
    page.wait_for_text(WORD)
    page.script("for (const details of document.querySelectorAll('details')) details.open = true")
    assert page.script("return document.documentElement.scrollWidth") == 360
    controls = page.shown("button, label, select, a")
    assert len(controls) == 11
    for control in controls:
        assert min(control.width, control.height) >= 44
        assert control.x >= 0
        assert control.x + control.width <= 360
    assert page.script("return document.getElementById('ink').width") == page.find("ink").size["width"] * 3
    page.find("clear").click()
    page.find("photo").send_keys(str(picture))  # as the camera does
    page.wait_for_text(WORD)


def test_has_names_roles_and_a_spoken_reading(page: Page) -> None:
    page.write(WORD)
    page.wait_for_text(WORD)
    page.wait_until_calm()
    named = page.roles()
    for role in ("button", "image", "heading", "region", "figure"):
        names = [name for of, name in named if of == role]
        assert names, role
        assert all(names), role
    roles = {role for role, _ in named}
    assert roles >= {"banner", "main", "contentinfo", "status", "alert"}
    assert "choose a picture" in next(name for role, name in named if role == "image" and "Writing" in name)
    assert page.script("return document.documentElement.lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_of_its_ground(page: Page, scheme: str) -> None:
    page.prefer(color_scheme=scheme)
    page.write("Oq")
    wait_until(lambda: page.text)
    page.script("for (const details of document.querySelectorAll('details')) details.open = true")
    page.script(
        "document.getElementById('text').innerHTML ="
        "'<span>a</span><span class=doubtful>b</span><span class=unsure>c</span>';"
        "document.getElementById('problem').textContent = 'A problem.'"
    )
    contrasts = page.contrasts()
    assert len(contrasts) > 20
    assert [html for contrast, html in contrasts if contrast < 4.5] == []


def test_nothing_moves_for_those_who_want_it_calm(page: Page) -> None:
    def seconds() -> str:
        return page.find("boxes").value_of_css_property("transition-duration")

    assert seconds() != "0s"
    page.prefer(reduced_motion="reduce")
    assert seconds() == "0s"

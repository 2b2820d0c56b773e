"""The page that teaches a hand, in a real browser."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn

pytest.importorskip("selenium")

from browser_tools import Page, free_port, missing_browser, serving, strokes_of, use_desktop, use_phone, wait_until
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.glyphs.written import cut
from text_recognizer.hand.file import HandFile
from text_recognizer.hand.samples import FEWEST_CHARACTERS, FEWEST_COPIES, Samples
from text_recognizer.hand.sheet.layout import BASELINE, BOX_HEIGHT, BOX_WIDTH, CHARACTERS, COPIES, X_HEIGHT, name_of
from text_recognizer.hand.store import hand_names, hand_path, remove_hand, save_hand
from text_recognizer.serving.app import create_app
from text_recognizer.serving.readers import Readers

pytestmark = pytest.mark.skipif(bool(missing_browser()), reason=missing_browser())

BAR = np.array([[0.3, 0.3], [0.3, 0.7], [0.325, 0.7], [0.325, 0.3], [0.35, 0.3], [0.35, 0.7]])
WORD = "Illinois"


@pytest.fixture(scope="module")
def address(model: Path) -> Iterator[str]:
    """A server in this process, whose general reader reads bars as I."""
    config = uvicorn.Config(create_app(Readers(str(model))), port=free_port(), log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield f"http://127.0.0.1:{config.port}/"
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def page(browser: Chrome, address: str, hands: Path) -> Iterator[Page]:
    """The page, with nothing written and no hand; afterwards nothing may have left for another address."""
    for file in hands.glob("*"):
        file.unlink()
    use_desktop(browser)
    page = Page(browser, f"{address}teach.html")
    page.script("localStorage.clear(); sessionStorage.clear()")
    page.requests()
    page.open()
    yield page
    assert [one for one in page.requests() if not one.startswith(address)] == []
    assert page.console() == []


@pytest.fixture
def writing(page: Page) -> Page:
    """The same, ready to write."""
    wait_until(lambda: page.find("teach").is_displayed())
    return page


def ink(page: Page) -> list[int]:
    """How many pixels of each box that is shown hold ink."""
    return page.script(
        "return [...document.querySelectorAll('#boxes canvas:not([hidden])')].map((box) => {"
        "const copy = new OffscreenCanvas(box.width, box.height).getContext('2d', {willReadFrequently: true});"
        "copy.drawImage(box, 0, 0);"
        "const {data} = copy.getImageData(0, 0, box.width, box.height);"
        "return data.filter((value, i) => i % 4 === 3 && value > 0).length; })"
    )


def press(page: Page, *keys: str) -> None:
    chain = ActionChains(page.browser)
    for key in keys[:-1]:
        chain.key_down(key)
    chain.send_keys(keys[-1])
    for key in keys[:-1]:
        chain.key_up(key)
    chain.perform()


def disabled(page: Page, name: str) -> bool:
    return page.find(name).get_attribute("aria-disabled") == "true"


def wanted(page: Page) -> str:
    return page.find("wanted").text


def write_enough(page: Page) -> None:
    """A bar in two boxes of as many characters as are needed: the last by pen, the others as if they were written."""
    bar = [{"x": x, "y": y, "width": 0.03} for x, y in BAR.tolist()]
    written = {text: [[bar]] * FEWEST_COPIES for text in CHARACTERS[: FEWEST_CHARACTERS - 1]}
    draft = json.dumps({"at": FEWEST_CHARACTERS - 1, "written": written})
    page.script("sessionStorage.written = arguments[0]", draft)
    page.open()
    wait_until(lambda: page.find("teach").is_displayed())
    for box in page.boxes[:FEWEST_COPIES]:
        assert disabled(page, "learn")
        page.draw(BAR, area=box)


def learn(page: Page, name: str) -> None:
    page.find("name").clear()
    page.find("name").send_keys(name)
    page.find("learn").click()


def module(page: Page, name: str) -> dict[str, Any]:
    """What a module of the page exports."""
    return page.browser.execute_async_script(f"import('./scripts/{name}.js').then((it) => arguments[0]({{...it}}))")


def test_what_is_written_is_what_is_on_the_sheet(page: Page) -> None:
    prompts = module(page, "prompts")
    assert (prompts["COPIES"], prompts["FEWEST_CHARACTERS"], prompts["FEWEST_COPIES"]) == (
        COPIES,
        FEWEST_CHARACTERS,
        FEWEST_COPIES,
    )
    characters = [prompt for prompt in prompts["PROMPTS"] if prompt["isCharacter"]]
    assert [(one["text"], one["kind"]) for one in characters] == [(text, name_of(text)) for text in CHARACTERS]
    words = [prompt["text"] for prompt in prompts["PROMPTS"] if not prompt["isCharacter"]]
    assert len(words) > 3
    assert set("".join(words)) <= set(ALPHABET.characters)


def test_boxes_are_those_of_the_sheet(writing: Page) -> None:
    boxes = writing.boxes
    assert len(boxes) == COPIES
    for box in boxes:
        assert box.size["width"] / box.size["height"] == pytest.approx(BOX_WIDTH / BOX_HEIGHT)
    lines = boxes[0].value_of_css_property("background-position").split(", ")
    shares = [float(line.split()[1].rstrip("%")) / 100 for line in lines[:2]]
    assert shares == pytest.approx([BASELINE / BOX_HEIGHT, (BASELINE - X_HEIGHT) / BOX_HEIGHT], abs=0.01)


@pytest.mark.parametrize("height", [0.1, 0.4, 0.9])
def test_words_are_drawn_to_the_scale_of_characters(page: Page, height: float) -> None:
    strokes = [[{"x": 0.3, "y": 0.05 + y, "width": 0.03} for y in (0, height)]]
    code = "import('./scripts/boxes.js').then((it) => arguments[2](it.pictureOf(arguments[0], arguments[1])))"
    character, words = (page.browser.execute_async_script(code, strokes, one) for one in (True, False))
    samples = Samples.from_json({"characters": {"l": [character]}, "lines": [{"text": "l", "picture": words}]})
    (_, one), (_, other) = *samples.characters, *samples.lines
    assert cut(other).shape == pytest.approx(cut(one).shape, abs=1)


def test_undo_redo_clear_and_the_way_through_the_characters(writing: Page) -> None:
    page = writing
    assert (wanted(page), page.find("on").text, ink(page)) == ("a", "Skip", [0] * COPIES)
    page.draw(BAR, area=page.boxes[0])
    page.draw(BAR, area=page.boxes[2])
    first, _, third, _ = written = ink(page)
    assert first == third > 0
    assert sum(written) == 2 * first
    page.find("undo").click()
    assert ink(page) == [first, 0, 0, 0]
    page.find("redo").click()
    assert ink(page) == written
    assert page.find("on").text == "Next"
    page.find("on").click()
    assert (wanted(page), ink(page)) == ("b", [0] * COPIES)
    page.draw(BAR, area=page.boxes[1])
    press(page, Keys.ARROW_RIGHT)
    assert wanted(page) == "c"
    press(page, Keys.CONTROL, "z")  # goes back to where it was written
    assert (wanted(page), ink(page)) == ("b", [0] * COPIES)
    press(page, Keys.ARROW_LEFT)
    assert (wanted(page), ink(page)) == ("a", written)
    press(page, Keys.ESCAPE)
    assert ink(page) == [0] * COPIES
    assert disabled(page, "clear")
    press(page, Keys.CONTROL, "z")
    assert ink(page) == written
    assert "1 of 78 characters" in page.find("enough").text


def test_any_character_can_be_chosen_and_words_have_one_wide_box(writing: Page) -> None:
    page = writing
    page.browser.find_element(By.CSS_SELECTOR, "#teach summary").click()
    buttons = page.find("overview").find_elements(By.TAG_NAME, "button")
    page.draw(BAR, area=page.boxes[0])
    assert page.shown("#overview button")[0].label == "small a: 1 of 4 written"
    buttons[CHARACTERS.index("?")].click()
    assert (wanted(page), page.find("kind").text) == ("?", "question mark")
    assert buttons[CHARACTERS.index("?")].get_attribute("aria-current") == "true"
    assert page.find("announcement").get_property("textContent") == "Write question mark ?"
    buttons[-1].click()
    (line,) = page.boxes
    assert line.size["width"] > 4 * line.size["height"]
    assert disabled(page, "on")


def test_what_was_written_is_there_when_the_page_is_opened_again(writing: Page) -> None:
    page = writing
    page.find("on").click()
    page.draw(BAR, area=page.boxes[0])
    written = ink(page)
    page.open()
    wait_until(lambda: page.find("teach").is_displayed())
    assert (wanted(page), ink(page)) == ("b", written)


def test_from_prompt_to_reading(writing: Page, quick_job: None) -> None:
    page = writing
    write_enough(page)
    assert not disabled(page, "learn")
    learn(page, "Anna")
    wait_until(lambda: page.find("learned").is_displayed())
    assert page.browser.switch_to.active_element == page.find("learned-title")
    assert page.find("learned-title").text == "Learned “Anna”"
    assert "20.0 % were read wrongly before, 5.0 % now" in page.find("gain").text
    wait_until(lambda: [cell.text for cell in page.shown("#hands th")] == ["Anna"])
    page.find("read").click()
    wait_until(lambda: page.browser.current_url == page.address.removesuffix("teach.html"))
    menu = Select(wait_until(lambda: page.find("hand")))
    wait_until(lambda: menu.first_selected_option.text == "Anna")
    page.write(WORD)
    wait_until(lambda: set(page.text) == {"X"})
    menu.select_by_visible_text("the general reader")
    wait_until(lambda: set(page.text) == {"I"})
    menu.select_by_visible_text("Anna")
    wait_until(lambda: set(page.text) == {"X"})
    page.browser.refresh()
    menu = Select(wait_until(lambda: page.find("hand")))
    wait_until(lambda: menu.first_selected_option.text == "Anna")


@pytest.mark.parametrize(
    ("name", "problem"), [("bad", "It cannot be learned."), ("con", "A hand cannot be called 'con'")]
)
def test_says_why_nothing_was_learned(writing: Page, quick_job: None, name: str, problem: str) -> None:
    page = writing
    write_enough(page)
    learn(page, name)
    wait_until(lambda: problem in page.problem)
    assert page.find("teach").is_displayed()
    assert not disabled(page, "learn")
    assert [message for message in page.console() if "422" not in message] == []


@pytest.mark.parametrize("name", ["", "no.name", "../mine", "x" * 41])
def test_names_that_no_hand_can_have_are_not_sent(writing: Page, quick_job: None, name: str) -> None:
    page = writing
    write_enough(page)
    learn(page, name)
    assert page.script("return document.getElementById('form').checkValidity()") is False
    assert page.find("teach").is_displayed()


def test_goes_on_to_show_what_is_being_learned(writing: Page, quick_job: None, hands: Path) -> None:
    page = writing
    write_enough(page)
    learn(page, "slow")
    for _ in range(2):
        wait_until(lambda: page.find("left").text == "Learning: 50 %, about 9 s left")
        assert page.find("learning-title").text == "Learning “slow”"
        assert page.find("done").get_property("value") == 0.5
        assert not page.find("teach").is_displayed()
        page.open()
    (hands / "go on").touch()
    wait_until(lambda: page.find("learned-title").text == "Learned “slow”")


def test_learning_can_be_stopped(writing: Page, quick_job: None) -> None:
    page = writing
    write_enough(page)
    for opened_anew in (False, True):
        learn(page, "slow")
        wait_until(lambda: page.find("stop").is_displayed())
        if opened_anew:
            page.open()
            wait_until(lambda: page.find("stop").is_displayed())
        page.find("stop").click()
        wait_until(lambda: page.problem == "Learning was stopped.")
        assert page.browser.switch_to.active_element == page.find("learn")
        assert not disabled(page, "learn")


def test_hands_can_be_deleted(page: Page, crosses: bytes) -> None:
    save_hand("mine", crosses)
    save_hand("yours", crosses)
    page.open()
    wait_until(lambda: page.find("known").is_displayed())
    labels = [button.label for button in page.shown("#hands button")]
    assert labels == ["Delete the hand mine", "Delete the hand yours"]
    page.find("hands").find_element(By.TAG_NAME, "button").click()
    page.browser.switch_to.alert.dismiss()
    assert hand_names() == ["mine", "yours"]
    page.find("hands").find_element(By.TAG_NAME, "button").click()
    page.browser.switch_to.alert.accept()
    wait_until(lambda: hand_names() == ["yours"])
    wait_until(lambda: len(page.shown("#hands th")) == 1)
    wait_until(lambda: page.browser.switch_to.active_element == page.find("known-title"))


def test_hands_are_those_of_now_when_one_comes_back(page: Page, crosses: bytes) -> None:
    save_hand("mine", crosses)
    page.open()
    wait_until(lambda: page.find("known").is_displayed())
    page.browser.get(page.address.replace("teach.html", "docs"))
    remove_hand("mine")
    page.browser.back()
    wait_until(lambda: page.find("teach").is_displayed() and not page.find("known").is_displayed())


def test_the_page_waits_for_a_server_that_is_away(page: Page, address: str) -> None:
    page.browser.execute_cdp_cmd("Network.enable", {})
    page.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/v1/hands"]})
    page.open()
    wait_until(lambda: "The server does not answer. Trying again in" in page.problem)
    page.browser.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    wait_until(lambda: page.find("teach").is_displayed())
    assert page.problem == ""
    page.console()


def test_a_hand_that_is_sent_is_not_sent_again(writing: Page) -> None:
    page = writing
    write_enough(page)
    page.script(
        "const real = fetch; window.sent = 0;"
        "window.fetch = (path, options) => options?.body ? new Promise(() => sent++) : real(path, options);"
    )
    learn(page, "mine")
    wait_until(lambda: page.script("return sent") == 1)
    page.draw(BAR, area=page.boxes[2])
    assert disabled(page, "learn")
    assert page.find("enough").text == "What you wrote is sent …"
    page.find("learn").click()
    assert page.script("return sent") == 1


@pytest.mark.parametrize("key", ["altKey", "ctrlKey", "metaKey", "shiftKey"])
def test_keys_of_the_browser_are_left_to_it(writing: Page, key: str) -> None:
    writing.find("on").click()
    left = writing.script(
        "const options = {key: 'ArrowLeft', [arguments[0]]: true, bubbles: true, cancelable: true};"
        "return document.body.dispatchEvent(new KeyboardEvent('keydown', options))",
        key,
    )
    assert left
    assert wanted(writing) == "b"


def test_says_what_learning_needs_where_it_cannot(page: Page, crosses: bytes, light_install: None) -> None:
    save_hand("mine", crosses)
    page.open()
    wait_until(lambda: "pip install 'text-recognizer[train]'" in page.find("cannot").text)
    assert not page.find("teach").is_displayed()
    assert page.find("known").is_displayed()


def test_a_hand_that_is_damaged_or_gone_is_not_read_with(page: Page, crosses: bytes) -> None:
    save_hand("mine", crosses[:100])
    page.script("localStorage.hand = JSON.stringify('mine')")
    page.browser.get(page.address.removesuffix("teach.html"))
    menu = Select(page.find("hand"))
    wait_until(lambda: len(menu.options) == 2)
    assert [(one.text, one.is_enabled()) for one in menu.options] == [
        ("the general reader", True),
        ("mine (damaged)", False),
    ]
    page.draw(BAR)
    page.wait_for_text("I")


def test_fits_a_narrow_screen(writing: Page, quick_job: None, crosses: bytes) -> None:
    page = writing
    save_hand("x" * 40, crosses)
    use_phone(page.browser)
    page.open()
    wait_until(lambda: page.find("known").is_displayed())
    page.script("for (const details of document.querySelectorAll('details')) details.open = true")
    page.draw(BAR, "touch", area=page.boxes[3])
    assert [count > 0 for count in ink(page)] == [False, False, False, True]
    assert page.script("return document.documentElement.scrollWidth") == 360
    controls = page.shown("#teach button, #teach input, #boxes canvas")
    assert len(controls) > 90
    for control in controls:
        assert min(control.width, control.height) >= 44
        assert control.x >= 0
        assert control.x + control.width <= 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_of_its_ground(writing: Page, scheme: str) -> None:
    page = writing
    page.prefer(color_scheme=scheme)
    page.script(
        "for (const hidden of document.querySelectorAll('[hidden]')) hidden.hidden = false;"
        "for (const details of document.querySelectorAll('details')) details.open = true;"
        "document.getElementById('problem').textContent = document.getElementById('cannot').textContent = 'A problem.'"
    )
    contrasts = page.contrasts()
    assert len(contrasts) > 100
    assert [html for contrast, html in contrasts if contrast < 4.5] == []


def test_has_names_and_roles(writing: Page) -> None:
    named = writing.roles()
    for role in ("button", "image", "heading", "region", "textbox"):
        names = [name for of, name in named if of == role]
        assert names, role
        assert all(names), role
    assert {role for role, _ in named} >= {"banner", "main", "contentinfo", "status", "alert"}
    assert ("image", "Box 2 of 4, for mouse, pen or finger") in named
    assert ("heading", "Write small a") in named


@pytest.mark.drill
def test_a_hand_is_written_learned_and_read_with(browser: Chrome, hands: Path) -> None:
    """The whole way with the real reader and real learning, which takes minutes."""
    use_desktop(browser)
    with serving() as address:
        page = Page(browser, f"{address}teach.html")
        wait_until(lambda: page.find("teach").is_displayed())
        while (character := wanted(page)).islower():
            page.write_in_boxes(character, FEWEST_COPIES)
            page.find("on").click()
        page.script("document.getElementById('overview').lastChild.previousSibling.click()")
        for stroke in strokes_of("l", x=0.3):
            page.draw(stroke, area=page.boxes[0])
        learn(page, "pens")
        wait_until(lambda: page.find("learning").is_displayed())
        texts, shares = set(), []
        while not page.find("learned").is_displayed():
            texts.add(page.find("left").text)
            shares.append(page.find("done").get_property("value"))
            assert page.problem == ""
            time.sleep(0.5)
        for words in ("Learning: ", "Checking: ", " left"):
            assert any(words in text for text in texts), texts
        assert shares == sorted(shares)
        figures = HandFile.read(hand_path("pens")).figures
        assert figures.after is not None
        assert f"{100 * figures.after:.1f} % now" in page.find("gain").text
        page.find("read").click()
        wait_until(lambda: Select(page.find("hand")).first_selected_option.text == "pens")
        page.write("pen")
        page.wait_for_text("pen")
        assert any("hand=pens" in one for one in page.requests())
        assert page.console() == []

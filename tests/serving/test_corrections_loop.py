"""The loop of corrections in a real browser: a writer's lines are read, corrected on the page, learned, and read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import pytest

pytest.importorskip("selenium")

from browser_tools import Page, missing_browser, open_browser, serving, wait_until
from selenium.webdriver import Keys

from text_recognizer.cli import main
from text_recognizer.evaluation.measures import error_counts
from text_recognizer.labels.find import find_labels

pytestmark = pytest.mark.skipif(bool(missing_browser()), reason=missing_browser())

LINES = 20
CORRECTED = 10
TEXT = "return document.getElementById('text').textContent"


@pytest.fixture
def lines(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, str]]:
    """Pictures and texts of the first lines of the writer with most writing among those whom no reader learned from."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    from own_lines import writers

    [own] = writers(1).values()
    files = []
    for number, (picture, text) in enumerate(own[:LINES]):
        file = tmp_path / f"{number:02}.png"
        cv2.imwrite(str(file), picture)
        files.append((file, text))
    return files


def read_on(page: Page, file: Path) -> str:
    """What the page reads in a picture that is chosen on it."""
    page.open()
    page.find("file").send_keys(str(file))
    wait_until(lambda: page.script(TEXT) and page.shown("#correct"))
    return str(page.script(TEXT))


def correct(page: Page, text: str) -> None:
    """Correct the line that was read, and keep it."""
    page.find("correct").click()
    field = page.browser.switch_to.active_element
    field.clear()
    field.send_keys(text, Keys.ENTER)
    wait_until(lambda: page.shown(".state")[0].text == "Kept.")


def errors(read: list[str], lines: list[tuple[Path, str]]) -> int:
    return int(error_counts(read, [text for _, text in lines])[:, 0].sum())


@contextmanager
def browsing(*arguments: str) -> Iterator[Page]:
    """The page of a server of its own, in a browser of its own: none has to outlive minutes of training."""
    with serving(*arguments) as address:
        browser = open_browser()
        try:
            yield Page(browser, address)
        finally:
            browser.quit()


@pytest.mark.slow
def test_what_is_corrected_on_the_page_is_learned(lines: list[tuple[Path, str]], tmp_path: Path) -> None:
    """The corrected lines are read much better afterwards, and the writer's other lines no worse.

    Ten lines are too few to ask for more.
    """
    folder, model = tmp_path / "corrections", tmp_path / "mine.onnx"
    corrected, others = lines[:CORRECTED], lines[CORRECTED:]
    with browsing(f"--corrections={folder}") as page:
        read = []
        for file, text in corrected:
            read.append(read_on(page, file))
            correct(page, text)
        before = errors(read, corrected), errors([read_on(page, file) for file, _ in others], others)
    assert sorted(line.text for line in find_labels(folder).lines) == sorted(text for _, text in corrected)
    assert main(["finetune", str(folder), f"--out={model}", "--epochs=40", "--num_workers=0"]) == 0
    with browsing(f"--model={model}", f"--corrections={folder}") as page:
        after = [errors([read_on(page, file) for file, _ in part], part) for part in (corrected, others)]
    assert after[0] <= 0.7 * before[0]
    assert after[1] <= before[1]

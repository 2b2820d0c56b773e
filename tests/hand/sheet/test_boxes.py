"""Boxes that people fill in badly."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from photographs import Camera, Stroke, Writer, fill, return_sheet
from PIL import Image

from text_recognizer.hand.sheet.boxes import FilledBox
from text_recognizer.hand.sheet.contact import contact_sheet, write_contact_sheet
from text_recognizer.hand.sheet.layout import Sheet
from text_recognizer.hand.sheet.photo import FoundSheet, find_sheet

SHEET, WRITER = Sheet(), Writer.of(7)
NUMBERS = {(box.text, k % 4): k for k, box in enumerate(SHEET.boxes)}
EMPTY, CROSSED_OUT, LOW, TWICE, ALSO_EMPTY = ((text, 1) for text in "bcghk")
COPIED = next(k for k, box in enumerate(SHEET.boxes) if box.text == "The quick brown fox jumps")


def shifted(strokes: list[Stroke], x: float, y: float) -> list[Stroke]:
    return [stroke + np.array([x, y]) for stroke in strokes]


@cache
def found() -> FoundSheet:
    boxes = fill(SHEET, WRITER)
    boxes[NUMBERS[EMPTY]] = boxes[NUMBERS[ALSO_EMPTY]] = []
    crossed = SHEET.boxes[NUMBERS[CROSSED_OUT]]
    boxes[NUMBERS[CROSSED_OUT]] += [
        np.array([(crossed.x + 1.5 + 4.5 * (k % 2), crossed.y + 3 + 0.4 * k) for k in range(11)])
    ]
    boxes[NUMBERS[LOW]] = shifted(boxes[NUMBERS[LOW]], 0, 2.5)
    one = boxes[NUMBERS[TWICE]]
    middle = np.concatenate(one).mean(0) - SHEET.boxes[NUMBERS[TWICE]].x
    slim = [
        stroke * np.array([0.3, 1]) + np.array([0.7 * (SHEET.boxes[NUMBERS[TWICE]].x + middle[0]), 0]) for stroke in one
    ]
    boxes[NUMBERS[TWICE]] = shifted(slim, -1.7, 0) + shifted(slim, 1.7, 0)
    boxes[COPIED] = boxes[COPIED][:6]
    return find_sheet(Camera(megapixels=5.0).photograph(return_sheet(SHEET, boxes, WRITER)))


def at(key: tuple[str, int]) -> FilledBox:
    return found().boxes[NUMBERS[key]]


def test_empty_boxes_are_told() -> None:
    assert {k for k, box in enumerate(found().boxes) if box.state == "empty"} == {NUMBERS[EMPTY], NUMBERS[ALSO_EMPTY]}
    assert not at(EMPTY).image.any()


@pytest.mark.parametrize(
    ("key", "reason"),
    [(CROSSED_OUT, "unlike the others"), (LOW, "touches the frame"), (TWICE, "pieces far apart")],
)
def test_doubtful_boxes_are_told(key: tuple[str, int], reason: str) -> None:
    assert (at(key).state, at(key).reason) == ("doubtful", reason)


def test_words_half_copied_are_told() -> None:
    assert found().boxes[COPIED].reason == "less than was to be copied"


def test_all_others_are_fine() -> None:
    assert sum(box.state == "ok" for box in found().boxes) == len(SHEET.boxes) - 6


def test_contact_sheet_marks_what_is_empty_or_doubtful(tmp_path: Path) -> None:
    write_contact_sheet(tmp_path / "contact.png", found())
    with Image.open(tmp_path / "contact.png") as file:
        page = np.asarray(file.convert("RGB")).astype(int)
    np.testing.assert_array_equal(page, np.asarray(contact_sheet(found())))
    red = (page[..., 0] - page[..., 2]) > 100
    rows, columns = np.nonzero(red)
    assert red.any()
    scale, head = 8, page.shape[0]
    for key, doubtful in ((CROSSED_OUT, True), (("c", 0), False), (EMPTY, False)):
        box = SHEET.boxes[NUMBERS[key]]
        inside = (abs(columns / scale - 4 - box.x - box.width / 2) < 3) & (rows < head)
        near = abs(rows / scale - 4 - box.y - box.height / 2 - 7.8) < 4.8
        assert (inside & near).any() == doubtful

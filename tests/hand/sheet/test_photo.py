"""Sheets through the simulated printer, pen and camera of ``benchmarks/photographs.py``, and back."""

import subprocess
import sys
from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from photographs import PAGE_SCALE, Camera, Return, Writer, fill, is_cut_right, print_sheet, return_sheet, simulate

from text_recognizer.errors import UserError
from text_recognizer.hand.sheet import photo as photo_module
from text_recognizer.hand.sheet.boxes import FilledBox
from text_recognizer.hand.sheet.layout import Sheet
from text_recognizer.hand.sheet.photo import FoundSheet, find_sheet

PLAIN = Camera(megapixels=4.0)
"""A good photograph."""


@cache
def good() -> Return:
    return simulate(0, PLAIN)


def share_right(found: FoundSheet, sent: Return) -> float:
    return float(np.mean([is_cut_right(box, sent.ink) for box in found.boxes]))


def message(photo: np.ndarray) -> str:
    with pytest.raises(UserError) as error:
        find_sheet(photo)
    return str(error.value)


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(4, 10))])
def test_boxes_of_a_photograph_are_cut_right(seed: int) -> None:
    camera = Camera.of(seed)
    sent = simulate(seed, replace(camera, megapixels=min(camera.megapixels, 4.0)))
    found = find_sheet(sent.photo)
    assert found.sheet == sent.sheet
    assert share_right(found, sent) >= 0.98


@pytest.mark.drill
def test_of_many_photographs_all_are_found_and_nearly_all_boxes_cut_right() -> None:
    shares = []
    for seed in range(100, 140):
        sent = simulate(seed)
        shares.append(share_right(find_sheet(sent.photo), sent))
    assert np.mean(shares) >= 0.99


@pytest.mark.parametrize("turns", range(4))
def test_sheet_may_lie_any_way_up(turns: int) -> None:
    sent = good()
    found = find_sheet(np.ascontiguousarray(np.rot90(sent.photo, turns)))
    assert share_right(found, sent) == 1


def test_scan_is_as_good_as_a_photograph() -> None:
    sheet, writer = Sheet("Letter"), Writer.of(5)
    page = return_sheet(sheet, fill(sheet, writer), writer)
    assert {box.state for box in find_sheet(page).boxes} == {"ok"}


def test_colours_are_as_good_as_grey_and_results_are_reproducible() -> None:
    grey = good().photo
    first, second = find_sheet(grey), find_sheet(np.dstack([grey] * 3))
    for one, other in zip(first.boxes, second.boxes, strict=True):
        np.testing.assert_array_equal(one.image, other.image)


def test_boxes_are_in_the_order_of_the_sheet_and_of_one_scale() -> None:
    found = find_sheet(good().photo)
    assert tuple(box.box for box in found.boxes) == found.sheet.boxes
    assert {box.image.dtype for box in found.boxes} == {np.dtype(np.uint8)}
    letters = {box.text: box for box in reversed(found.boxes) if box.is_character}
    heights = {text: np.ptp(np.flatnonzero((box.image > 127).any(1))) for text, box in letters.items()}
    assert heights["C"] > 1.3 * heights["c"]
    foot = np.flatnonzero((letters["H"].image > 127).any(1))[-1]
    assert foot == pytest.approx(FilledBox.baseline, abs=6)


def test_marks_may_be_covered() -> None:
    sent = good()
    found = find_sheet(sent.photo)
    photo = sent.photo.copy()
    height, width = photo.shape
    photo[height * 3 // 4 :, : width // 5] = 90  # a thumb on the bottom left
    covered = find_sheet(photo)
    assert np.mean([box.state == "ok" for box in covered.boxes]) > 0.9
    untouched = [i for i, box in enumerate(found.sheet.boxes) if box.x > 60]
    assert all(is_cut_right(covered.boxes[i], sent.ink) for i in untouched)


def test_half_a_sheet_is_named() -> None:
    photo = good().photo
    assert "Only a part of the sheet is in the picture; cut off at: bottom" in message(photo[: len(photo) * 3 // 4])
    assert "cut off at: right" in message(photo[:, : photo.shape[1] * 4 // 5])


def test_few_marks_are_named() -> None:
    photo = good().photo
    text = message(photo[: len(photo) // 3])
    assert text.startswith("Only 2 of the sheet's 8 black squares can be seen; not seen: middle left, middle")


def test_another_document_is_named() -> None:
    page = np.full((1500, 1100), 240, np.uint8)
    for row in range(40):
        cv2.putText(
            page, "Dear Sir or Madam, this is a letter", (60, 80 + 34 * row), cv2.FONT_HERSHEY_SIMPLEX, 1, 30, 2
        )
    assert message(page).startswith("This is not the sheet")


def test_darkness_is_named() -> None:
    assert message(simulate(0, replace(PLAIN, light=0.12, noise=3.0)).photo).startswith("The picture is too dark")
    assert message(np.full((1500, 1100), 8, np.uint8)).startswith("The picture is too dark")


@pytest.mark.parametrize("blur", [0.5, 2.0])
def test_blur_is_named(blur: float) -> None:
    assert message(simulate(0, replace(PLAIN, blur=blur)).photo).startswith("The picture is too blurred")


def test_small_pictures_are_named() -> None:
    photo = good().photo
    small = cv2.resize(photo, None, fx=0.22, fy=0.22, interpolation=cv2.INTER_AREA)
    assert "too small in the picture" in message(small)
    tiny = cv2.resize(photo, None, fx=0.05, fy=0.05, interpolation=cv2.INTER_AREA)
    assert message(tiny).startswith("The picture is too small: 87 x 115 pixels")


def test_empty_sheet_is_named() -> None:
    poor = replace(PLAIN, megapixels=1.3, light=0.6, noise=6.0, quality=40)
    for camera in (PLAIN, replace(PLAIN, noise=5.0, quality=40), poor):
        for screened in (False, True):
            photo = camera.photograph(print_sheet(Sheet("A4"), screened))
            assert message(photo).startswith("The sheet is empty: of its 320")


def test_what_lies_on_the_sheet_is_named() -> None:
    photo = good().photo.copy()
    height, width = photo.shape
    cv2.circle(photo, (width // 2, height * 7 // 10), width // 3, 60, -1)
    assert "of the boxes' frames can be seen" in message(photo)


def test_another_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photo_module, "VERSION", 2)
    assert message(good().photo).startswith("This is another version of the sheet")


def test_finding_a_sheet_takes_no_training_extra() -> None:
    code = (
        "import sys; from text_recognizer.hand.sheet import contact, photo, printing;"
        "sys.exit(bool({'torch', 'numba', 'matplotlib', 'HersheyFonts'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_sheet_of_another_script_is_found_with_its_alphabet_alone() -> None:
    greek = "αβγδεζηθ"
    page = print_sheet(Sheet(characters=greek), False).copy()
    for box in Sheet(characters=greek).boxes:
        x, y = (round((side + start) * PAGE_SCALE) for side, start in zip((box.x, box.y), Sheet().origin, strict=True))
        cv2.circle(page, (x + 4 * PAGE_SCALE, y + 5 * PAGE_SCALE), 2 * PAGE_SCALE, 0, PAGE_SCALE // 2)
    photo = PLAIN.photograph(page)
    assert [box.state for box in find_sheet(photo, greek).boxes] == ["ok"] * 4 * len(greek)
    with pytest.raises(UserError, match="boxes for more than the 5 characters"):
        find_sheet(photo, greek[:5])
    with pytest.raises(UserError, match="Most boxes of this sheet are missing"):
        find_sheet(photo)

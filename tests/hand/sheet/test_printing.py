import re
import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from text_recognizer.errors import UserError
from text_recognizer.hand.sheet.layout import BOX_WIDTH, COPIES, Paper, Sheet, name_of
from text_recognizer.hand.sheet.printing import MARKS, Label, draw_sheet, mark_cells, write_sheet

SIZES: dict[Paper, tuple[float, float]] = {"A4": (595.276, 841.890), "Letter": (612.0, 792.0)}
"""In points, of 1/72 inch."""


@pytest.mark.parametrize("paper", SIZES)
def test_page_has_the_size_of_the_paper(paper: Paper, tmp_path: Path) -> None:
    write_sheet(tmp_path / "sheet.pdf", paper)
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", (tmp_path / "sheet.pdf").read_bytes())
    assert box
    assert [float(side) for side in box.groups()] == pytest.approx(SIZES[paper], abs=1e-3)


def test_table_of_objects_is_right(tmp_path: Path) -> None:
    write_sheet(tmp_path / "sheet.pdf")
    pdf = (tmp_path / "sheet.pdf").read_bytes()
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", pdf)[1])  # type: ignore[index]
    table = pdf[start:].splitlines()
    assert table[:2] == [b"xref", b"0 8"]
    for number, line in enumerate(table[3:10], 1):
        assert len(line) + 1 == 20
        assert pdf[int(line[:10]) :].startswith(b"%d 0 obj\n" % number)
    stream = re.search(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", pdf, re.DOTALL)
    assert stream
    assert int(stream[1]) == len(stream[2])


def test_same_sheet_is_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.pdf", "two.pdf"):
        write_sheet(tmp_path / name, "Letter")
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


def test_unwritable_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="Cannot write"):
        write_sheet(tmp_path / "file" / "sheet.pdf")


def test_mark_cells_are_those_of_the_dictionary() -> None:
    cells = mark_cells(13)
    assert cells.shape == (6, 6)
    assert not cells[[0, -1]].any()
    found, number, _ = MARKS.identify((cells[1:-1, 1:-1] > 0).astype(np.uint8), 0)
    assert (found, number) == (True, 13)


@pytest.mark.parametrize("paper", SIZES)
def test_renders_with_all_marks_at_their_places(paper: Paper, tmp_path: Path) -> None:
    if not shutil.which("pdftoppm"):
        pytest.skip("needs pdftoppm, of poppler-utils")
    write_sheet(tmp_path / "sheet.pdf", paper)
    subprocess.run(
        ["pdftoppm", "-r", "254", "-gray", "-singlefile", tmp_path / "sheet.pdf", tmp_path / "page"], check=True
    )
    page = cv2.imread(str(tmp_path / "page.pgm"), cv2.IMREAD_GRAYSCALE)
    assert page is not None
    sheet = Sheet(paper)
    assert page.shape[::-1] == pytest.approx([10 * side for side in sheet.size], abs=1)
    corners, numbers, _ = cv2.aruco.ArucoDetector(MARKS).detectMarkers(page)
    places = {int(number): found[0][0] for number, found in zip(numbers.ravel(), corners, strict=True)}
    x, y = sheet.origin
    assert places.keys() == {sheet.mark_number(mark) for mark in sheet.marks}
    for mark in sheet.marks:
        assert places[sheet.mark_number(mark)] == pytest.approx([10 * (x + mark.x), 10 * (y + mark.y)], abs=1.5)
    for shape in draw_sheet(sheet):
        left, top = round(10 * shape.x), round(10 * shape.y)
        assert page[top - 30 : top + 30, left - 5 : left + 60].min() < 240  # all that is drawn can be seen


def test_characters_that_the_fonts_of_a_viewer_have_are_printed_and_others_named(tmp_path: Path) -> None:
    write_sheet(tmp_path / "sheet.pdf", "A4", "éж")
    content = (tmp_path / "sheet.pdf").read_bytes()
    assert b"(\xe9) Tj" in content
    assert b"(small e with acute) Tj" in content
    assert b"(small zhe) Tj" in content
    assert b"copy the words" not in content


@pytest.mark.parametrize("characters", ["ẩẫậổỗộ", "ᾧἆῷἄἂὧ", "«»þ", "Ꜻﷺ"])
def test_long_names_stay_above_their_own_boxes(characters: str) -> None:
    sheet = Sheet("A4", characters)
    shapes = draw_sheet(sheet)
    for number, character in enumerate(characters):
        first = sheet.boxes[COPIES * number]
        left, top = sheet.origin[0] + first.x, sheet.origin[1] + first.y
        rows = [
            shape
            for shape in shapes
            if isinstance(shape, Label)
            and left <= shape.x < left + COPIES * BOX_WIDTH
            and top - 3 < shape.y < top
            and shape.text != character
        ]
        assert " ".join(row.text for row in sorted(rows, key=lambda row: row.y)) == name_of(character)
        for row in rows:  # the letters of Helvetica are about half as wide as high
            assert row.x + 0.47 * row.size * len(row.text) <= left + COPIES * BOX_WIDTH

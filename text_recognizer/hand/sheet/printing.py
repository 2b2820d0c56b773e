"""The sheet as a PDF file: filled rectangles and short texts, so that it is sharp at any printer's resolution.

The file is written here, not by a library: two kinds of shapes in a font that every viewer has take less code than a
dependency of the light install would be worth, and the same sheet is the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from textwrap import wrap

import cv2
import numpy as np

from text_recognizer.files import replacing
from text_recognizer.hand.sheet.layout import (
    BOX_WIDTH,
    CHARACTERS,
    COPIES,
    MARK_SIZE,
    X_HEIGHT,
    Box,
    Mark,
    Paper,
    Sheet,
    name_of,
)

MARKS = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_100)
"""The dictionary of the marks' numbers."""
MARK_CELLS = 6
"""Cells of a mark each way, its black border included."""

FRAME_WIDTH = 0.3
FRAME_GREY, GUIDE_GREY, BASELINE_GREY, NOTE_GREY = 0.5, 0.88, 0.8, 0.35
"""From 0, black, to 1, white. Guides are so pale that no pen is taken for them."""
GUIDE_WIDTH = 0.2

TITLE = "Teach it your hand"
INSTRUCTIONS = (
    "Write each character into its four boxes, the way you always write it{words}. Take a dark pen and",
    "stay inside the boxes. Letters stand on the darker of the two pale lines; small ones reach up to the other.",
    "Then photograph the whole sheet, flat, from above, in even light, with all eight black squares in the picture.",
)
_BESIDE = 3.8
"""From a character to its name, in mm."""
_NAME_SIZE, _SMALL_NAME_SIZE = 2.1, 1.6
_WIDTH_OF_LETTERS = 0.5
"""Of names in Helvetica, in font sizes; most are narrower."""
_POINTS_PER_MM = 72 / 25.4
_ENCODING = "cp1252"
"""Of the fonts that every viewer has: WinAnsiEncoding."""


@dataclass(frozen=True)
class Rectangle:
    """A filled rectangle: left, top, width and height in mm from the paper's left top corner."""

    x: float
    y: float
    width: float
    height: float
    grey: float = 0.0


@dataclass(frozen=True)
class Label:
    """A short text in Helvetica: where it begins on its baseline, and its font size, in mm."""

    x: float
    y: float
    size: float
    text: str
    grey: float = 0.0
    bold: bool = False


Shape = Rectangle | Label


def write_sheet(path: str | PathLike[str], paper: Paper = "A4", characters: str = CHARACTERS) -> None:
    """Write a sheet as a PDF file of one page, to be printed at its own size (100 %).

    Raises:
        UsageError: If there is no such paper, or no sheet can ask for these characters.
        UserError: If the file cannot be written.
    """
    pdf = _pdf(Sheet(paper, characters))
    with replacing(str(path)) as temporary:
        temporary.write_bytes(pdf)


def draw_sheet(sheet: Sheet) -> list[Shape]:
    """All that is printed on a sheet."""
    x, y = sheet.origin
    left = x + MARK_SIZE + 2.5
    shapes: list[Shape] = [
        Label(left, y + 3.6, 4.6, TITLE, bold=True),
        Label(left + 141, y + 3.6, 2.6, sheet.name, NOTE_GREY),
    ]
    words = ", and copy the words" if sheet.characters == CHARACTERS else ""
    for row, text in enumerate(INSTRUCTIONS):
        shapes.append(Label(left, y + 7.4 + 3.4 * row, 2.8, text.format(words=words), NOTE_GREY))
    for mark in sheet.marks:
        shapes += _draw_mark(mark, sheet, x, y)
    for box in sheet.boxes:
        shapes += _draw_guides(box, x, y)
    for box in sheet.boxes:
        shapes += _draw_frame(box, x, y)
    for first in {box.text: box for box in reversed(sheet.boxes)}.values():
        shapes += _draw_label(first, x, y)
    return shapes


def mark_cells(number: int) -> np.ndarray:
    """The cells of a mark, uint8 (6, 6), 0 black and 255 white."""
    return cv2.aruco.generateImageMarker(MARKS, number, MARK_CELLS)


def _draw_mark(mark: Mark, sheet: Sheet, x: float, y: float) -> list[Shape]:
    """Runs of black cells, row by row, one on top of the next by a hair so that no white line is seen between."""
    cell = MARK_SIZE / MARK_CELLS
    cells = np.pad(mark_cells(sheet.mark_number(mark)) == 0, ((0, 0), (1, 1)))
    shapes: list[Shape] = []
    for row, line in enumerate(cells):
        starts, ends = np.flatnonzero(np.diff(line.astype(int)) == 1), np.flatnonzero(np.diff(line.astype(int)) == -1)
        height = cell if row == MARK_CELLS - 1 else cell + 0.01
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            shapes.append(Rectangle(x + mark.x + start * cell, y + mark.y + row * cell, (end - start) * cell, height))
    return shapes


def _draw_guides(box: Box, x: float, y: float) -> list[Shape]:
    return [
        Rectangle(x + box.x, y + box.baseline - rise - GUIDE_WIDTH / 2, box.width, GUIDE_WIDTH, grey)
        for rise, grey in ((0.0, BASELINE_GREY), (X_HEIGHT, GUIDE_GREY))
    ]


def _draw_frame(box: Box, x: float, y: float) -> list[Shape]:
    left, top, half = x + box.x - FRAME_WIDTH / 2, y + box.y - FRAME_WIDTH / 2, FRAME_WIDTH
    width, height = box.width + FRAME_WIDTH, box.height + FRAME_WIDTH
    return [
        Rectangle(left, top, width, half, FRAME_GREY),
        Rectangle(left, top + box.height, width, half, FRAME_GREY),
        Rectangle(left, top, half, height, FRAME_GREY),
        Rectangle(left + box.width, top, half, height, FRAME_GREY),
    ]


def _draw_label(box: Box, x: float, y: float) -> list[Shape]:
    left, bottom = x + box.x, y + box.y - 1.0
    if len(box.text) > 1:
        return [Label(left, bottom, 3.0, box.text, bold=True)]
    if not _in_fonts(box.text):
        return _draw_name(name_of(box.text), left, bottom, COPIES * BOX_WIDTH)
    name = _draw_name(name_of(box.text), left + _BESIDE, bottom, COPIES * BOX_WIDTH - _BESIDE)
    return [Label(left, bottom, 3.0, box.text, bold=True), *name]


def _draw_name(name: str, left: float, bottom: float, width: float) -> list[Shape]:
    """A name in one row, or smaller in two, no wider than the boxes below it."""
    if len(name) * _NAME_SIZE * _WIDTH_OF_LETTERS <= width:
        return [Label(left, bottom, _NAME_SIZE, name, NOTE_GREY)]
    most = int(width / (_SMALL_NAME_SIZE * _WIDTH_OF_LETTERS))
    rows = wrap(name, most, max_lines=2, placeholder=" …")
    return [
        Label(left, bottom + 0.4 - _SMALL_NAME_SIZE * above, _SMALL_NAME_SIZE, row, NOTE_GREY)
        for above, row in enumerate(reversed(rows))
    ]


def _in_fonts(character: str) -> bool:
    try:
        character.encode(_ENCODING)
    except UnicodeEncodeError:
        return False
    return True


def _pdf(sheet: Sheet) -> bytes:
    """A PDF file (ISO 32000): a header, numbered objects, a table of where each begins, and a trailer."""
    width, height = (side * _POINTS_PER_MM for side in sheet.size)
    content = "\n".join(_operators(shape, sheet.size[1]) for shape in draw_sheet(sheet))
    font = "<< /Type /Font /Subtype /Type1 /BaseFont /{} /Encoding /WinAnsiEncoding >>"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.3f} {height:.3f}] /Contents 4 0 R "
        "/Resources << /Font << /Plain 5 0 R /Bold 6 0 R >> >> >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        font.format("Helvetica"),
        font.format("Helvetica-Bold"),
        f"<< /Title ({TITLE}, {sheet.name}) >>",
    ]
    pdf, places = b"%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(pdf))
        pdf += f"{number} 0 obj\n{text}\nendobj\n".encode(_ENCODING)
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    trailer = f"<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R >>"
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n{trailer}\nstartxref\n{len(pdf)}\n%%EOF\n"
    return pdf + end.encode("ascii")


def _operators(shape: Shape, paper_height: float) -> str:
    """The operators that paint a shape; PDF measures in points from the left bottom corner."""
    k = _POINTS_PER_MM
    if isinstance(shape, Rectangle):
        bottom = paper_height - shape.y - shape.height
        return f"{shape.grey:g} g {shape.x * k:.3f} {bottom * k:.3f} {shape.width * k:.3f} {shape.height * k:.3f} re f"
    font = "Bold" if shape.bold else "Plain"
    text = "".join(f"\\{character}" if character in "()\\" else character for character in shape.text)
    place = f"{shape.x * k:.3f} {(paper_height - shape.y) * k:.3f}"
    return f"BT /{font} {shape.size * k:.3f} Tf {shape.grey:g} g {place} Td ({text}) Tj ET"

"""Pages are found, turned upright and read; boxes of characters are where the characters are."""

from __future__ import annotations

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from reading_tools import bars, draw

from text_recognizer.documents.layout import lines_of
from text_recognizer.documents.reader import DocumentReader
from text_recognizer.reading.recognizer import TextRecognizer

TEXTS = ["It is a truth universally", "acknowledged, that a single", "man in possession of a good"]


@pytest.fixture(scope="module")
def reader() -> DocumentReader:
    return DocumentReader(TextRecognizer())


def page_of(texts: list[str]) -> np.ndarray:
    lines = [draw(text, 0.9, 2, 60) for text in texts]
    width = max(line.shape[1] for line in lines)
    rows = [np.pad(line, ((0, 0), (20, 20 + width - line.shape[1])), constant_values=255) for line in lines]
    return np.pad(np.vstack(rows), 30, constant_values=255)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_turned_page_is_turned_upright(reader: DocumentReader, quarters: int) -> None:
    picture = page_of(TEXTS)
    [[upright]] = reader.read([("upright", picture)])
    [[page]] = reader.read([("turned", np.ascontiguousarray(np.rot90(picture, quarters)))])
    assert (page.turned, page.kind, page.text) == (90 * quarters, "page", upright.text)
    assert (page.width, page.height) == (upright.width, upright.height)
    assert [line.box for line in lines_of(page)] == [line.box for line in lines_of(upright)]
    assert [doubt for doubt in page.doubts if "turned by" in doubt] == (
        [f"read turned by {90 * quarters} degrees clockwise."] if quarters else []
    )


def test_a_page_that_reads_badly_either_way_is_turned_upright(reader: DocumentReader) -> None:
    sheet = page_of(TEXTS)
    noise = np.random.default_rng(0).normal(100, 80, sheet.shape)
    picture = cv2.GaussianBlur(np.clip(0.5 * sheet + noise, 0, 255).astype(np.uint8), (0, 0), 2.0)
    for quarters in (0, 2):
        [[page]] = reader.read([("blurred", np.ascontiguousarray(np.rot90(picture, quarters)))])
        assert (page.turned, page.confidence < 0.8) == (90 * quarters, True)


def test_a_page_is_left_as_it_lies(reader: DocumentReader) -> None:
    picture = np.ascontiguousarray(np.rot90(page_of(TEXTS), 2))
    [[page]] = DocumentReader(reader.recognizer, turn=False).read([("upside down", picture)])
    assert (page.turned, page.height, page.width) == (0, *picture.shape)
    assert not any("turned by" in doubt for doubt in page.doubts)


def tilted(picture: np.ndarray, degrees: float, around: int) -> tuple[np.ndarray, np.ndarray]:
    """All of a sheet turned counterclockwise on a desk of a grey, and the matrix (2, 3) that turned it."""
    height, width = picture.shape
    side = int(np.hypot(height, width)) + 60
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    matrix[:, 2] += (side - width) / 2, (side - height) / 2
    return cv2.warpAffine(picture, matrix, (side, side), borderValue=(around,)), matrix


@pytest.mark.parametrize(("degrees", "around"), [(15, 90), (-11, 250), (-15, 30)])
def test_a_tilted_sheet_on_a_desk(reader: DocumentReader, degrees: float, around: int) -> None:
    """It is read as if it were level; where its lines are is told of the picture as it was given."""
    sheet = page_of(TEXTS)
    picture, matrix = tilted(sheet, degrees, around)
    [[level]] = reader.read([("level", sheet)])
    [[page]] = reader.read([("tilted", picture)])
    assert page.text.lower() == level.text.lower()
    assert (page.width, page.height, page.turned) == (*picture.shape[::-1], 0)
    for line, one in zip(lines_of(page), lines_of(level), strict=True):
        expected = cv2.transform(np.array([one.polygon], np.float64), matrix)[0]
        corners = cv2.minAreaRect(np.array(line.polygon, np.float32))
        assert corners[0] == pytest.approx(cv2.minAreaRect(expected.astype(np.float32))[0], abs=8)
        for word, same in zip(line.words, one.words, strict=True):
            middle = cv2.transform(np.array([[same.polygon[0], same.polygon[2]]], np.float64), matrix)[0].mean(0)
            assert np.mean(word.polygon, axis=0) == pytest.approx(middle, abs=8)


def test_printed_labels_are_read_beside_what_is_written(reader: DocumentReader) -> None:
    form = Image.new("L", (900, 460), 250)
    font = ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), 28)
    labels = ["Family name", "Date of birth", "Street", "Telephone"]
    for number, label in enumerate(labels):
        ImageDraw.Draw(form).text((50, 60 + 95 * number), label, font=font, fill=30)
    page = np.array(form)
    for number, text in enumerate(TEXTS):
        line = draw(text, 0.9, 2, 60)
        page[50 + 95 * number :, 400 : 400 + line.shape[1]][:60] = line
    [[read]] = reader.read([("form", page)])
    assert [line.text.lower() for line in read.written] == [text.lower() for text in labels + TEXTS]


def test_light_writing_on_a_dark_board(reader: DocumentReader) -> None:
    picture = page_of(TEXTS)
    [[dark], [light]] = [next(reader.read([("board", one)])) for one in (picture, 255 - picture)]
    assert light.text == dark.text
    assert light.confidence > 0.8


def test_boxes_of_characters_are_within_a_third_of_their_width(reader: DocumentReader) -> None:
    """Each character of a plain font, its ink known from what is drawn before and after it."""
    off = []
    for text in ("handwriting", "Monday morning", "The garden", "paper and pen"):
        [[page]] = reader.read([("line", draw(text, 0.9, 2, 60))])
        if page.text.lower() != text.lower():
            continue
        glyphs = [glyph for line in lines_of(page) for word in line.words for glyph in word.glyphs]
        written = [k for k, character in enumerate(text) if character != " "]
        for k, glyph in zip(written, glyphs, strict=True):
            left, right = ink_of(text, k)
            off.append(max(abs(glyph.box[0] - left), abs(glyph.box[2] - right)) / max(right - left, 12))
    assert len(off) > 25
    assert max(off) <= 1 / 3


def ink_of(text: str, k: int) -> tuple[int, int]:
    """Columns of character ``k`` of a drawn text."""
    ahead = cv2.getTextSize(text[:k], cv2.FONT_HERSHEY_SIMPLEX, 0.9, 2)[0][0] if k else 0
    ink = np.flatnonzero((draw(text[k], 0.9, 2, 60) < 128).any(0))
    return int(ahead + ink[0]), int(ahead + ink[-1] + 1)


def test_pages_and_lines_come_in_order(model: str) -> None:
    pictures = [(f"{k}.png", bars([20 + 30 * j for j in range(k)])) for k in range(1, 6)]
    reader = DocumentReader(TextRecognizer(model))
    pages = [page for group in reader.read(pictures) for page in group]
    assert [(page.file, page.text) for page in pages] == [(f"{k}.png", "I" * k) for k in range(1, 6)]


@pytest.mark.parametrize("count", [1, 2])
def test_a_sheet_with_little_on_it(reader: DocumentReader, count: int) -> None:
    """A line or two at the top of a large sheet: too small to be seen as one line, in few rows of the sheet."""
    line = draw("It is a truth universally", 0.9, 2, 60)
    written = np.vstack([line] * count)
    for top in (160, 207, 251):
        sheet = np.full((2300, 1650), 250, np.uint8)
        sheet[top : top + len(written), 150 : 150 + written.shape[1]] = np.minimum(written, 250)
        [[page]] = reader.read([("sheet", sheet)])
        assert [one.text.lower() for one in page.written] == ["it is a truth universally"] * count

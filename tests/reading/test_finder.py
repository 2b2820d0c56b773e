import cv2
import numpy as np
import pytest
from reading_tools import draw

from text_recognizer.imaging.crop import CROP_HEIGHT, CROP_UNIT
from text_recognizer.imaging.sheet.grid import Cell, Grid
from text_recognizer.imaging.sheet.line import FoundLine
from text_recognizer.reading.finder import finder, in_reading_order, lines_of

TEXTS = ["It was the best of times,", "it was the worst of times,", "jigging happily, fly", "END"]
PAPER = 60  # pixels: what is left beside letters of this size


def page_of(texts: list[str], pitch: int = 56, margin: int = 20) -> np.ndarray:
    lines = [draw(text, 0.9, 2, 60) for text in texts]
    page = np.full(
        (margin * 2 + pitch * len(texts) + 10, max(line.shape[1] for line in lines) + 2 * margin), 250, np.uint8
    )
    for number, line in enumerate(lines):
        window = page[margin + number * pitch :, margin : margin + line.shape[1]][: line.shape[0]]
        np.minimum(window, line[: window.shape[0]], out=window)
    return page


def assert_lines_are(page: np.ndarray, texts: list[str]) -> None:
    """As many lines as texts, in order, each about as wide as its text and the paper left on both sides."""
    widths = [line.image.shape[1] / line.scale for line in finder().page(page)]
    expected = [np.ptp(np.flatnonzero((draw(text, 0.9, 2, 60) < 128).any(0))) for text in texts]
    assert len(widths) == len(expected)
    assert widths == pytest.approx([width + PAPER for width in expected], abs=30)


@pytest.mark.parametrize("pitch", [44, 56, 120])
def test_lines_from_top_to_bottom(pitch):
    assert_lines_are(page_of(TEXTS, pitch), TEXTS)


@pytest.mark.parametrize("degrees", [-15, -3, 2, 5, 12])
def test_a_skewed_page(degrees):
    page = np.pad(page_of(TEXTS), 90, constant_values=250)
    matrix = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), degrees, 1)
    assert_lines_are(cv2.warpAffine(page, matrix, page.shape[::-1], borderValue=250), TEXTS)


def test_ruled_paper():
    page = page_of(TEXTS)
    page[75::56] = np.minimum(page[75::56], 110)
    assert_lines_are(page, TEXTS)


def test_columns_are_read_one_after_the_other():
    left, right = page_of(TEXTS), page_of([text.upper() for text in TEXTS])
    page = np.hstack([left, np.full((len(left), 90), 250, np.uint8), right])
    assert_lines_are(page, TEXTS + [text.upper() for text in TEXTS])


def test_a_line_ends_at_the_gutter_between_columns():
    """Though what stands beside it is no farther away than the next word of a line may be."""
    left, right = page_of(TEXTS), page_of([text.upper() for text in TEXTS])
    assert_lines_are(np.hstack([left, right]), TEXTS + [text.upper() for text in TEXTS])


def test_a_wide_gap_in_a_line_is_no_gutter():
    before, after = draw("before", 0.9, 2, 60), draw("noon", 0.9, 2, 60)
    page = page_of([*TEXTS, "", *TEXTS])
    start = 60 + before.shape[1]
    page[20 + 4 * 56 :, 20 : 20 + before.shape[1]][:60] = before
    page[20 + 4 * 56 :, start : start + after.shape[1]][:60] = after
    widths = [one.image.shape[1] / one.scale for one in finder().page(page)]
    assert len(widths) == 2 * len(TEXTS) + 1
    assert widths[len(TEXTS)] == pytest.approx(start - 20 + after.shape[1] + PAPER, abs=30)


def test_no_part_of_a_dense_table_is_dropped():
    rows, columns = 60, 12
    maps = np.full((3, 5 * rows, 20 * columns), -5, np.float32)
    maps[1:] = np.array([np.log(12), 0], np.float32)[:, None, None]
    for row in range(rows):
        for column in range(columns):
            maps[0, 5 * row + 2 : 5 * row + 4, 20 * column + 2 : 20 * column + 7] = 5
    assert len(lines_of(maps, widest_gap=3.0)) == rows * columns


def line(left: float, right: float, y: float, slope: float = 0.0, cell: tuple[Grid, int] | None = None) -> FoundLine:
    return FoundLine(left, right, np.array([y, 0, 0, 0]), 10, 100, slope, cell=cell)


def test_columns_that_lie_a_little_askew():
    columns = [
        line(x + 0.05 * y, x + 205 + 0.05 * y, y - 0.05 * x, slope=-0.05) for x in (0, 220) for y in range(0, 600, 30)
    ]
    assert in_reading_order(sorted(columns, key=lambda one: one.curve[0])) == columns


def test_a_table_stands_where_it_is_written_in():
    corners = np.array([(0, 0), (400, 0), (400, 300), (0, 300)], np.float64)
    grid = Grid(1, 1, (Cell(0, 0, 1, 1, corners),), corners)
    lines = [line(0, 150, 20), line(0, 150, 60), line(0, 150, 100, cell=(grid, 0)), line(0, 150, 140)]
    lines += [line(220, 370, y) for y in (20, 60, 100, 140)]
    assert in_reading_order([*reversed(lines)]) == lines


def test_a_heading_over_two_columns():
    heading = line(0, 400, 20)
    columns = [line(x, x + 150, y) for x in (0, 220) for y in (60, 90, 120)]
    assert in_reading_order([*reversed(columns), heading]) == [heading, *columns]


def test_where_a_line_begins():
    page = page_of(["Here"])
    line = finder().page(page)[0]
    ink = np.flatnonzero((page < 128).any(0))
    shown = np.flatnonzero((line.image > 128).any(0))
    assert line.to_picture(shown[[0, -1]]) == pytest.approx(ink[[0, -1]], abs=3)


@pytest.mark.parametrize("page", [np.full((200, 300), 240, np.uint8), np.zeros((1, 1), np.uint8)])
def test_blank_paper_has_no_lines(page):
    assert finder().page(page) == []
    assert finder().line(page) is None


@pytest.mark.parametrize("size", [0.9, 2.0])
def test_one_character_alone(size):
    pictures = {one: draw(one, size, max(1, round(2 * size)), round(30 * size)) for one in "0123456789AGKRXnp"}
    assert [one for one, picture in pictures.items() if finder().line(picture) is None] == []


@pytest.mark.parametrize("size", [0.5, 0.9, 3.0])
def test_a_line_is_cut_out_at_one_size(size):
    line = finder().line(draw("some more men came over", size, max(1, round(2 * size)), round(70 * size)))
    rows = np.flatnonzero((line.image > 100).mean(1) > 0.04)
    assert line.image.shape[0] == CROP_HEIGHT
    assert np.ptp(rows) == pytest.approx(CROP_UNIT, abs=7)


@pytest.mark.parametrize("around", [20, 120])
def test_a_sheet_on_a_dark_desk(around):
    """Dark writing on light stays that, though most of the picture is dark."""
    page = page_of(TEXTS)
    assert_lines_are(page, TEXTS)
    desk = np.pad(page, 250, constant_values=around)
    assert [line.image.mean() for line in finder().page(desk)] == pytest.approx(
        [line.image.mean() for line in finder().page(page)], abs=10
    )


def test_light_writing_on_a_dark_board():
    picture = draw("board", 0.9, 2, 60)
    line, same = finder().line(picture), finder().line(255 - picture)
    assert np.abs(line.image.astype(int) - same.image).mean() < 3


@pytest.mark.parametrize("shape", [(30, 14000), (3000, 20), (1, 500), (2000, 2000)])
def test_odd_shapes_and_noise(shape):
    picture = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    finder().line(picture)
    finder().page(picture)

import cv2
import numpy as np
import pytest
from reading_tools import draw

from text_recognizer.reading.page import split_lines

TEXTS = ["It was the best of times,", "it was the worst of times,", "jigging happily, fly", "END"]


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
    """As many lines as texts, in order, each as wide as its text."""
    lines = split_lines(page)
    widths = [np.ptp(np.flatnonzero((line.picture < 128).any(0))) for line in lines]
    expected = [np.ptp(np.flatnonzero((draw(text, 0.9, 2, 60) < 128).any(0))) for text in texts]
    assert widths == pytest.approx(expected, rel=0.03, abs=3)


@pytest.mark.parametrize("pitch", [34, 56, 120])
def test_lines_from_top_to_bottom(pitch):
    assert_lines_are(page_of(TEXTS, pitch), TEXTS)


@pytest.mark.parametrize("degrees", [-3, 2])
def test_a_skewed_page(degrees):
    page = np.pad(page_of(TEXTS), 30, constant_values=250)
    matrix = cv2.getRotationMatrix2D((page.shape[1] / 2, page.shape[0] / 2), degrees, 1)
    assert_lines_are(cv2.warpAffine(page, matrix, page.shape[::-1], borderValue=250), TEXTS)


def test_ruled_paper():
    page = page_of(TEXTS)
    page[75::56] = np.minimum(page[75::56], 110)
    assert_lines_are(page, TEXTS)


def test_columns_are_read_one_after_the_other():
    left, right = page_of(TEXTS), page_of([text.upper() for text in TEXTS])
    assert_lines_are(
        np.hstack([left, np.full((len(left), 90), 250, np.uint8), right]), TEXTS + [t.upper() for t in TEXTS]
    )


def test_a_line_holds_its_descenders_and_not_its_neighbours():
    lines = split_lines(page_of(["gggg", "llll"], pitch=36))
    assert len(lines) == 2
    ink = [np.count_nonzero(line.picture < 128) for line in lines]
    alone = [np.count_nonzero(draw(text, 0.9, 2, 60) < 128) for text in ("gggg", "llll")]
    assert ink == pytest.approx(alone, rel=0.1)


def test_where_lines_begin():
    line = split_lines(page_of(["Here"]))[0]
    rows, columns = np.nonzero(line.picture < 128)
    page_rows, page_columns = np.nonzero(page_of(["Here"]) < 128)
    assert (columns.min() + line.x, rows.min() + line.y) == pytest.approx((page_columns.min(), page_rows.min()), abs=1)


def test_blank_paper_has_no_lines():
    assert split_lines(np.full((200, 300), 240, np.uint8)) == []

import numpy as np

from text_recognizer.data.synthesis.desk import boxed, on_desk
from text_recognizer.data.synthesis.ink import StrokeInk

PAPER = np.full((120, 160), 220, np.uint8)
SHEET = (40.0, 0.0, 160.0, 120.0)


def test_paper_stays_as_it_was_within_the_sheet_and_not_beside_it() -> None:
    shown = on_desk(PAPER, SHEET, 0.0, np.random.default_rng(3))
    assert (shown[:, 60:] == 220).mean() > 0.95
    assert (shown[:, :30] == 220).mean() < 0.2


def test_a_seed_gives_the_same_desk() -> None:
    pictures = [on_desk(PAPER, SHEET, 0.02, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(pictures[0], pictures[1])
    assert (pictures[0] != pictures[2]).any()


def test_a_box_goes_around_its_line() -> None:
    ink = StrokeInk("-", np.array([[0, 3]], np.float32), 3.0, [np.array([[0, 0], [3, 0]], np.float32)])
    matrix = np.array([[10.0, 0, 60], [0, 10.0, 60]])
    sheet = PAPER.copy()
    sheet[54:67, 58:92] = 30
    drawn = boxed(sheet, [(ink, matrix)], np.random.default_rng(0)) < sheet
    assert not drawn[54:67, 58:92].any()
    assert drawn[:54].any()
    assert drawn[67:].any()
    assert drawn[:, :58].any()
    assert drawn[:, 92:].any()

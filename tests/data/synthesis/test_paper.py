import numpy as np
import pytest

from text_recognizer.data.synthesis import paper
from text_recognizer.data.synthesis.ink import StrokeInk
from text_recognizer.data.synthesis.paper import View, photograph

UNIT, GAP = 20, (1.6, 3.4)
"""Pixels per band height, and where two words are parted, in band heights."""


def two_words() -> tuple[StrokeInk, View]:
    strokes = [np.array([[x, 0.0], [x + 1.0, 1.0]], np.float32) for x in (0.2, 3.8)]
    ink = StrokeInk("a b", np.array([[0.0, 1.4], GAP, [3.6, 5.0]], np.float32), 5.0, strokes)
    matrix = np.array([[UNIT, 0.0, UNIT], [0.0, UNIT, 1.5 * UNIT]])
    return ink, View((4 * UNIT, 7 * UNIT), matrix, UNIT, 5.0)


def test_words_of_a_patched_scan_stand_on_bare_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paper, "PATCHED_SHARE", 1.0)
    monkeypatch.setattr(paper, "camera", lambda page, unit, rng: np.rint(page * 255).astype(np.uint8))
    ink, view = two_words()
    grey = 0
    for seed in range(12):
        picture = photograph(ink, [], view, np.random.default_rng(seed))
        gap = picture[:, int((GAP[0] + 1.4) * UNIT) : int((GAP[1] + 0.8) * UNIT)]
        assert len(np.unique(gap)) == 1
        assert picture[:, : 4 * UNIT].min() < gap.min()
        grey += len(np.unique(picture[:, UNIT : 2 * UNIT])) > 2
    assert grey > 3, "words keep the paper that they were written on"

import cv2
import numpy as np
import pytest

from text_recognizer.data.glyphs.written import BORDER, glyph_bank, pen_width, sheared, to_glyph, varied
from text_recognizer.hand.samples import Samples


def test_a_glyph_fills_emnists_frame() -> None:
    ink = np.zeros((40, 20), np.uint8)
    cv2.line(ink, (2, 2), (17, 37), 255, 3)
    x, y, width, height = cv2.boundingRect(ink)
    glyph, pen = to_glyph(ink[y : y + height, x : x + width], pen=3)
    assert pen == pytest.approx(3 * 24 / height)
    assert glyph.shape == (28, 28)
    assert glyph.max() == 255
    rows, columns = np.flatnonzero(glyph.max(1)), np.flatnonzero(glyph.max(0))
    assert (rows[0], rows[-1]) == (BORDER, 27 - BORDER)
    assert abs(columns[0] + columns[-1] - 27) <= 1  # centred


def test_a_dot_stays_a_dot() -> None:
    glyph, _ = to_glyph(np.full((4, 4), 255, np.uint8), pen=4)
    assert 4 <= np.count_nonzero(glyph.max(0)) <= 8


def test_the_pen_is_as_wide_as_its_strokes() -> None:
    for width in (3, 5, 7):
        distance = np.hypot(*(np.mgrid[:80, :80] - 39.5))
        ring = np.where(abs(distance - 25) < width / 2, 255, 0).astype(np.uint8)
        assert abs(pen_width([("o", ring)]) - width) < 0.4
    assert pen_width([("a", np.zeros((5, 5), np.uint8))]) == 1


def test_strokes_that_run_together_do_not_make_the_pen_wide() -> None:
    stroke, blot = np.pad(np.full((30, 4), 255, np.uint8), 2), np.pad(np.full((20, 20), 255, np.uint8), 2)
    assert pen_width([("e", blot), ("a", blot), ("l", stroke)]) == pen_width([("l", stroke)])


def test_a_varied_copy_is_like_the_character_but_not_the_same() -> None:
    ink = np.zeros((40, 30), np.uint8)
    cv2.ellipse(ink, (15, 20), (11, 16), 0, 0, 360, 255, 3)
    rng = np.random.default_rng(0)
    copies = [to_glyph(*varied(ink, 3, rng))[0] for _ in range(20)]
    original = to_glyph(ink, 3)[0].astype(float)
    alike = [np.corrcoef(copy.ravel(), original.ravel())[0, 1] for copy in copies]
    assert min(alike) > 0.2
    assert max(alike) < 0.999
    assert len({copy.tobytes() for copy in copies}) == 20


def test_a_bank_holds_what_was_written_and_copies_of_it(samples: Samples) -> None:
    chosen = [one for one in samples.characters if one[0] in "aB."]
    bank = glyph_bank(chosen, copies=9, seed=3)
    assert set(bank.characters) == set("aB.")
    assert all(len(bank.of(character)) == 9 for character in "aB.")
    assert (glyph_bank(chosen, copies=9, seed=3).images == bank.images).all()
    assert (glyph_bank(chosen, copies=9, seed=4).images != bank.images).any()
    assert len(glyph_bank(chosen)) == len(chosen)
    assert len(glyph_bank([])) == 0


def test_shearing_keeps_all_ink() -> None:
    ink = np.full((30, 10), 255, np.uint8)
    for by in (-0.7, 0.0, 0.5):
        assert float(sheared(ink, by).sum()) == pytest.approx(float(ink.sum()), rel=0.05)
    top, bottom = (np.flatnonzero(sheared(ink, 0.5)[row]).mean() for row in (0, -1))
    assert top - bottom == pytest.approx(0.5 * 29, abs=1)

import numpy as np
import pytest

from text_recognizer.data.synthesis.ink import RASTER_BAND, RasterInk, StrokeInk


def stroke(*points: tuple[float, float], count: int = 30) -> np.ndarray:
    """A stroke through points, evenly enough."""
    along = np.linspace(0, len(points) - 1, count)
    x, y = np.array(points, np.float32).T
    knots = np.arange(len(points))
    return np.stack([np.interp(along, knots, x), np.interp(along, knots, y)], axis=1).astype(np.float32)


def extent(ink: StrokeInk) -> float:
    return float(np.ptp(np.concatenate(ink.strokes)[:, 1]))


ALONE = {
    "F": [stroke((0, -1), (1.6, -1)), stroke((0, -1), (0, 0.7))],
    "T": [stroke((0, -1), (2.4, -1)), stroke((1.2, -1), (1.2, 0.7))],
    "J": [stroke((0, -1), (1.8, -1)), stroke((1, -1), (1, 0.5), (0.2, 0.7))],
}


@pytest.mark.parametrize("character", ALONE)
def test_a_stroke_across_is_not_the_band(character: str) -> None:
    ink = StrokeInk.from_strokes(character, np.zeros((1, 2)), ALONE[character])
    assert 1 <= extent(ink) <= 2.3


def test_the_band_of_a_word_leaves_out_what_sticks_out() -> None:
    letters = [stroke((x, -0.5), (x, 0.5), (x + 0.6, 0.5), (x + 0.6, -0.5)) for x in range(8)]
    ink = StrokeInk.from_strokes("nunununu", np.zeros((8, 2)), [*letters, stroke((2, -1.6), (2, 0.5))])
    assert extent(ink) == pytest.approx(2.1, rel=0.2)


@pytest.mark.parametrize("text", ["-", "."])
def test_a_mark_alone_stays_a_mark(text: str) -> None:
    ink = StrokeInk.from_strokes(text, np.zeros((1, 2)), [stroke((0, 0), (0.7 if text == "-" else 0, 0))])
    assert ink.width < 3


def test_a_picture_of_one_character_fills_about_its_band() -> None:
    picture = np.zeros((60, 40), np.uint8)
    picture[5:9, 5:35] = 255
    picture[5:50, 5:8] = 255
    ink = RasterInk.from_picture("F", np.array([[5, 35]]), picture)
    assert ink is not None
    drawn = ink.draw(np.array([[RASTER_BAND, 0, 20], [0, RASTER_BAND, 60]], float), (120, 120), 1.0)
    rows = np.flatnonzero(drawn.max(axis=1) > 64)
    assert RASTER_BAND <= len(rows) <= 2.3 * RASTER_BAND

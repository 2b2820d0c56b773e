from itertools import pairwise

import numpy as np
import pytest

from text_recognizer.alphabet import READER_ALPHABET
from text_recognizer.data.glyphs.strokes import draw_glyphs
from text_recognizer.data.glyphs.unipen import load_unipen
from text_recognizer.data.synthesis.compose import LineStyle
from text_recognizer.data.synthesis.writers import GlyphWriter, PenCharacters, PenWords, widest_blank

SEEDS = range(40)


def stroke(left: float, right: float) -> np.ndarray:
    return np.array([[left, 0], [right, 1]], np.float32)


@pytest.mark.parametrize(
    ("spans", "blank"),
    [([(0, 1)], 0), ([(0, 1), (2, 3)], 1), ([(2, 3), (0, 1), (0.5, 2.5)], 0), ([(0, 4), (1, 2), (5, 6), (6.5, 7)], 1)],
)
def test_the_widest_blank_is_covered_by_no_stroke(spans: list[tuple[float, float]], blank: float) -> None:
    assert widest_blank([stroke(*span) for span in spans]) == pytest.approx(blank)


def test_words_stand_further_apart_than_their_letters() -> None:
    writing, numbers = load_unipen("train", "builtin")
    words = PenWords(writing, numbers, frozenset(READER_ALPHABET.characters))
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        text, pieces = words.choose(rng, 40)
        ink = words.write(pieces, rng)
        spaces = ink.boxes[[position for position, character in enumerate(text) if character == " "]]
        if len(pieces) > 1:
            usual = np.median([widest_blank(writing.strokes_of(piece)) for piece in pieces])
            assert np.diff(spaces).min() > usual


def test_small_marks_stand_clear_of_their_neighbours() -> None:
    characters = PenCharacters(*load_unipen("train", "builtin"))
    for seed in SEEDS:
        ink = characters.write("a.b,c:1.5", np.random.default_rng(seed))
        assert ink is not None
        assert min(following[0] - one[1] for one, following in pairwise(ink.boxes)) > 0.12


def test_cells_hold_letters_and_digits_alone() -> None:
    bank = draw_glyphs("abc123,/", 4, seed=0)
    cells, by_hand = LineStyle(layout="overlap"), LineStyle(layout="handwriting")
    rng = np.random.default_rng(0)
    assert GlyphWriter(bank, [cells]).write("1,2/3", rng) is None
    in_cells = GlyphWriter(bank, [cells]).write("a1 b2", rng)
    assert in_cells is not None
    assert in_cells.text == "a1 b2"
    written = GlyphWriter(bank, [cells, by_hand]).write("1,2/3", rng)
    assert written is not None
    assert written.text == "1,2/3"

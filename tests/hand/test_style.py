import numpy as np
import pytest

from text_recognizer.data.glyphs.written import sheared
from text_recognizer.data.synthesis.handwriting import HandwritingStyle
from text_recognizer.hand.samples import Samples
from text_recognizer.hand.style import slant_of_hand, style_of


@pytest.mark.parametrize("slant", [-0.4, 0.0, 0.3, 0.7])
def test_the_lean_of_a_hand_is_seen_and_undone(slant: float, samples: Samples) -> None:
    before = slant_of_hand(samples.characters)
    leant = [(character, sheared(ink, slant - before)) for character, ink in samples.characters]
    assert abs(slant_of_hand(leant) - slant) <= 0.1
    upright = [(character, sheared(ink, -slant)) for character, ink in leant]
    assert abs(slant_of_hand(upright)) <= 0.1
    assert slant_of_hand([(".", np.full((4, 4), 255, np.uint8))]) == 0


def bar(width: int, height: int) -> np.ndarray:
    return np.pad(np.full((height, width), 255, np.uint8), 4)


def test_lines_have_the_lean_the_pen_and_the_proportions_of_the_hand() -> None:
    heights = {"a": 20, "x": 20, "h": 33, "A": 30, "p": 32, "l": 33}
    style = style_of([(character, sheared(bar(5, height), 0.3)) for character, height in heights.items()])
    measured = {
        "slant": 0.3,
        "capital_height": 30 / 20,
        "ascender_height": 33 / 30,
        "descender_depth": 12 / 20,
    }
    for name, value in measured.items():
        low, high = getattr(style, name)
        assert low < value < high, name
    assert sum(style.stroke_width) / 2 == pytest.approx(5 / 20, rel=0.15)
    usual = HandwritingStyle()
    assert (style.letter_gap, style.word_gap) == (usual.letter_gap, usual.word_gap)
    assert style_of([("A", bar(5, 30))]).stroke_width == usual.stroke_width


def test_copied_words_tell_the_gaps_of_a_hand() -> None:
    letter, space = np.full((20, 10), 255, np.uint8), np.zeros((20, 14), np.uint8)
    gap = np.zeros((20, 4), np.uint8)

    def line(text: str) -> tuple[str, np.ndarray]:
        parts = [part for one in text for part in ((space,) if one == " " else (letter, gap))]
        return text, np.hstack([gap, *parts])

    characters = [("a", np.pad(letter, 3)), ("x", np.pad(letter, 3))]
    style = style_of(characters, [line(text) for text in ("axa ax", "aa", "xa xa ax", "axax")])
    assert style.letter_gap[0] < 4 / 20 < style.letter_gap[1]
    assert style.word_gap[0] < 14 / 20 < style.word_gap[1]
    assert style.wide_share == 0
    usual = HandwritingStyle()
    assert style_of(characters, [line("axa"), line("ax")]).letter_gap == usual.letter_gap  # too few
    assert style_of(characters, [(text, 255 - line(text)[1]) for text in "ax"] * 2).letter_gap == usual.letter_gap

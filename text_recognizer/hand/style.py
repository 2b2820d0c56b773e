"""How lines of one hand look: what its characters and copied words tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from text_recognizer.data.glyphs.written import Characters, cut, pen_width, sheared
from text_recognizer.data.synthesis.handwriting import HandwritingStyle
from text_recognizer.imaging.slant import slant_of

_TALL = "bdfhklptBDEFHIJKLMNPRTU1"
"""Characters with tall upright strokes."""
_TALL_ROWS = 64
_SMALL = "acemnorsuvwxz"
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_ASCENDING = "bdfhkl"
_DESCENDING = "gpqy"
_SPREAD = 0.12
"""How far proportions of one hand differ from line to line, to either side."""
_GAPS = 0.1
"""How far its gaps do, in x-heights."""
_FEWEST_LINES = 3
"""Copied words that tell the gaps of a hand."""
_SLANTS = 0.15
"""How far lines of one hand lean to either side of how its characters lean, as a tangent."""


def style_of(characters: Characters, lines: Characters = ()) -> HandwritingStyle:
    """How lines of a hand look: they lean, and have the pen, the proportions and the gaps that it has.

    What single characters and a few copied words hardly tell stays as different as it is from hand to hand.

    Args:
        characters: Characters and their pictures, uint8 (h, w), ink 255 on 0, all to one scale.
        lines: Copied words, likewise, to the same scale.
    """
    slant = slant_of_hand(characters)
    style = HandwritingStyle(slant=(slant - _SLANTS, slant + _SLANTS), width=_around(1.0))
    small, capital, ascending, descending = (
        _median([cut(picture).shape[0] for character, picture in characters if character in group])
        for group in (_SMALL, _CAPITALS, _ASCENDING, _DESCENDING)
    )
    if not small:
        return style
    known: dict[str, Any] = {"stroke_width": _around(pen_width(characters) / small)}
    if capital:
        known["capital_height"] = _around(capital / small)
    if capital and ascending:
        known["ascender_height"] = _around(ascending / capital)
    if descending > small:
        known["descender_depth"] = _around(descending / small - 1)
    gaps = _gaps(characters, lines, slant)
    if gaps is not None:
        letter_gap, word_gap = gaps / small
        known["letter_gap"] = (letter_gap - _GAPS, letter_gap + _GAPS)
        known["word_gap"] = _around(word_gap)
        known["wide_share"] = 0.0
    return replace(style, **known)


def _gaps(characters: Characters, lines: Characters, slant: float) -> np.ndarray | None:
    """Mean gap between letters, and what a space adds to it, in pixels: what lines are wider than their letters.

    None if there are too few lines, or they have gaps that nobody leaves.
    """
    widths = {
        character: _median([cut(sheared(picture, -slant)).shape[1] for one, picture in characters if one == character])
        for character in {character for character, _ in characters}
    }
    known = [(text, picture) for text, picture in lines if set(text) <= {" ", *widths}]
    if len(known) < _FEWEST_LINES:
        return None
    counts = np.array([(len(text.replace(" ", "")) - 1, text.count(" ")) for text, _ in known])
    letters = [sum(widths[character] for character in text if character != " ") for text, _ in known]
    rest = np.array([cut(sheared(picture, -slant)).shape[1] for _, picture in known]) - letters
    gaps = np.linalg.lstsq(counts, rest, rcond=None)[0]
    usual = _median(list(widths.values()))
    return gaps if -0.3 * usual < gaps[0] < 2 * usual and 0 < gaps[1] < 4 * usual else None


def _median(values: Sequence[float]) -> float:
    return float(np.median(values)) if values else 0.0


def _around(value: float) -> tuple[float, float]:
    return value * (1 - _SPREAD), value * (1 + _SPREAD)


def slant_of_hand(characters: Characters) -> float:
    """Tangent of the angle by which characters lean to the right: the median of those that are tall, 0 without any.

    Args:
        characters: Characters and their pictures, uint8 (h, w), ink 255 on 0.
    """
    return _median([slant_of(_enlarged(cut(picture))) for character, picture in characters if character in _TALL])


def _enlarged(ink: np.ndarray) -> np.ndarray:
    return cv2.resize(ink, (max(2, round(ink.shape[1] * _TALL_ROWS / ink.shape[0])), _TALL_ROWS))

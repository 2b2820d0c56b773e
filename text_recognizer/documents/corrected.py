"""Lines as people say that they read: their text in place of what was read, at the places of what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher

import numpy as np

from text_recognizer.documents.layout import ReadPage
from text_recognizer.errors import UserError, counted
from text_recognizer.reading.recognizer import Character, Reading


def correct(pages: Sequence[ReadPage], texts: Mapping[int, str]) -> None:
    """Put texts in place of what was read of lines.

    Lines that hold text are counted from 1 over all pages. One whose text is to be empty is taken off its page.

    Raises:
        UserError: If there are fewer lines than one of the numbers.
    """
    number = 0
    for page in pages:
        for place, reading in enumerate(page.readings):
            if reading.text:
                number += 1
                page.readings[place] = corrected(reading, texts.get(number, reading.text))
    if beyond := [one for one in texts if not 1 <= one <= number]:
        raise UserError(f"Line {beyond[0]} is corrected, but the text has {counted(number, 'line')}.")


def corrected(reading: Reading, text: str) -> Reading:
    """A reading that says ``text``. What both say stays where it is; the rest is spread over what it replaces."""
    if text == reading.text:
        return reading
    return replace(reading, text=text, confidence=float(bool(text)), characters=_placed(reading, text), alternatives=())


def _placed(reading: Reading, text: str) -> tuple[Character, ...]:
    before = reading.characters
    placed: list[Character] = []
    for kind, first, last, start, end in SequenceMatcher(None, reading.text, text, autojunk=False).get_opcodes():
        if kind == "equal":
            placed += [replace(one, confidence=1.0, alternatives=()) for one in before[first:last]]
            continue
        left = before[first].x0 if first < last else before[max(first - 1, 0)].x1
        right = before[last - 1].x1 if first < last else before[min(first, len(before) - 1)].x0
        edges = np.linspace(left, max(right, left), end - start + 1).tolist()
        placed += [Character(one, 1.0, *sides) for one, *sides in zip(text[start:end], edges, edges[1:], strict=False)]
    return tuple(placed)

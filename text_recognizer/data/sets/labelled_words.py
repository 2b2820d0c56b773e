"""Lines put together anew from the words of labelled ones.

A few lines, seen again and again, teach a reader their sentences. Their words in other orders teach it the hand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from tqdm import tqdm

from text_recognizer.alphabet import bare
from text_recognizer.labels.lines import LabelledLine
from text_recognizer.labels.parts import unit_of
from text_recognizer.reading.fields.decoder import decode_path
from text_recognizer.reading.fields.words import compile_words
from text_recognizer.reading.model_file import LineModel

CLEAR = 0.1
"""Least probability of a space at which a line is cut."""
NARROWEST = 8
"""Columns of a word."""
_GAP = 6  # columns over which ink is blurred, so that the middle of the widest gap has least


class Pictures(Protocol):
    """Lines by number, each uint8 (CROP_HEIGHT, W), ink 255."""

    def __getitem__(self, number: int, /) -> np.ndarray: ...


class Word(NamedTuple):
    """What stands between two clear spaces of a line: first and last column, and text."""

    start: int
    end: int
    text: str


def cut_words(crop: np.ndarray, text: str, model: LineModel) -> list[Word]:
    """The words of a line, where a reader that is told the text sees its spaces.

    Args:
        crop: uint8 (CROP_HEIGHT, W), ink 255.
        text: What it says.
        model: The reader.

    Returns:
        The words from left to right; none if the reader lacks a character of the text, also without its diacritics, or
        the line is too short for it.
    """
    alphabet, stride = model.metadata.alphabet, model.metadata.stride
    known = set(alphabet)
    looked_for = "".join(one if one in known else bare(one) for one in text)
    if not known.issuperset(looked_for):
        return []
    found = decode_path(model.log_probabilities([crop])[0], alphabet, compile_words([looked_for], alphabet))
    if found is None:
        return []
    ink = cv2.GaussianBlur(crop.mean(axis=0, dtype=np.float32)[None], (0, 0), _GAP)[0]
    cuts = [(0, -1)]
    for place, (before, space, after) in enumerate(
        zip(found.characters, found.characters[1:], found.characters[2:], strict=False), start=1
    ):
        if space.character == " " and space.probability >= CLEAR:
            start = (before.last + 1) * stride
            gap = ink[start : max(after.first * stride, start + 1)]
            cuts.append((start + int(gap.argmin()), place))
    cuts.append((crop.shape[1], len(text)))
    words = [Word(start, end, text[space + 1 : next_space]) for (start, space), (end, next_space) in pairwise(cuts)]
    return [word for word in words if word.end - word.start >= NARROWEST]


class Words:
    """The words of some lines, from which others are put together: each from words of one writer or page.

    Args:
        lines: All labelled lines.
        crops: Their pictures.
        numbers: Those lines whose words are wanted.
        model: The reader that finds the words.
    """

    def __init__(
        self, lines: Sequence[LabelledLine], crops: Pictures, numbers: Sequence[int], model: LineModel
    ) -> None:
        self._crops = crops
        self._unit_of: dict[int, str | None] = {}
        self._words: dict[str | None, list[tuple[int, Word]]] = defaultdict(list)
        for number in tqdm(numbers, desc="finding words", unit="line", disable=None):
            if words := cut_words(crops[number], lines[number].text, model):
                unit = self._unit_of[number] = unit_of(lines[number])
                self._words[unit] += [(number, word) for word in words]

    def line_like(self, number: int, longest: int, rng: np.random.Generator) -> tuple[np.ndarray, str] | None:
        """A line of words of the writer or page of a given line, no wider than that unless it is of a single word.

        Args:
            number: Of the given line.
            longest: Most characters.
            rng: Chooses the words.

        Returns:
            Picture uint8 (CROP_HEIGHT, W), ink 255, and text; None if no words were found in the given line, so that
            what it shows is not crowded out.
        """
        if number not in self._unit_of:
            return None
        words, width = self._words[self._unit_of[number]], self._crops[number].shape[1]
        pictures, texts = list[np.ndarray](), list[str]()
        while True:
            source, word = words[int(rng.integers(len(words)))]
            columns = sum(picture.shape[1] for picture in pictures) + word.end - word.start
            if pictures and (columns > width or len(" ".join([*texts, word.text])) > longest):
                break
            pictures.append(self._crops[source][:, word.start : word.end])
            texts.append(word.text)
        return np.hstack(pictures), " ".join(texts)

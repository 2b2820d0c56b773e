"""Simulated hands: what each gives to learn from, and new lines that it writes.

Hand ``k`` is a pen's if ``k`` is even: strokes in letter forms of its own (``photographs.Writer``) fill in the sheet,
which is photographed, found and cut, and write new lines, each letter a little different. If ``k`` is odd, its glyphs
are of EMNIST's test part, which trained no reader: for each character some of similar look, four of which are given to
learn from, as if they had been cut, while others stand in new lines. Of four hands in a row the last two are far from
most people's. Pictures of lines are clean, so that it is the hand that makes them hard to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain

import cv2
import numpy as np
from photographs import Camera, Stroke, Writer, draw_ink, fill, return_sheet

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.glyphs.bank import GlyphBank
from text_recognizer.data.glyphs.sources import load_glyphs
from text_recognizer.data.synthesis.compose import encode_texts
from text_recognizer.data.synthesis.handwriting import LINE_HEIGHT, HandwritingStyle, compose_handwriting
from text_recognizer.data.text.mix import Corpus, TextMix, draw_texts, split_documents
from text_recognizer.data.text.sources import download_text, load_documents
from text_recognizer.hand.samples import Samples
from text_recognizer.hand.sheet.layout import CHARACTERS, COPIES, PHRASES, Sheet
from text_recognizer.hand.sheet.photo import find_sheet

TEXTS = TextMix(as_is=0.45, capitals=0.15, title_case=0.08, single_words=0.12, digits=0.1, dates_and_codes=0.1)
LONGEST = 24
"""Characters of a line."""
X_HEIGHT = 12.0
"""Of a line that a pen writes, in pixels."""
ALIKE = COPIES + 2
"""Glyphs of similar look that an EMNIST hand has of a character; ``COPIES`` of them are given to learn from."""
CANDIDATES = 30
"""Glyphs of which the one that most others are like is chosen for them to be like: a hand repeats itself."""
_MANY = 999_999
SPLIT_SEED = 42
"""Of EMNIST and the texts; the official test part of EMNIST is the same for every seed."""


@dataclass(frozen=True, eq=False)
class Lines:
    """Pictures of lines, uint8 (h, w), dark on light, and their texts."""

    pictures: list[np.ndarray]
    texts: list[str]

    def __getitem__(self, chosen: slice) -> Lines:
        return Lines(self.pictures[chosen], self.texts[chosen])

    def __add__(self, other: Lines) -> Lines:
        return Lines(self.pictures + other.pictures, self.texts + other.texts)


@dataclass(frozen=True, eq=False)
class Hand:
    """One simulated person.

    Attributes:
        name: Such as ``pen 4``.
        samples: What is given to learn from.
        lines: Lines that the same hand wrote, of a text (Brown) and of instances of characters that are not among them.
    """

    name: str
    samples: Samples
    lines: Lines


def simulate_hand(number: int, count: int) -> Hand:
    """Hand ``number``, with ``count`` new lines."""
    rng = np.random.default_rng([number, 11])
    odd = number % 4 >= 2
    texts = _texts(number, count)
    if number % 2 == 0:
        writer = odd_writer(number) if odd else Writer.of(number)
        return Hand(f"pen {number}", _from_sheet(writer), _on_paper(written(writer, texts, rng), texts))
    style = hand_style(rng, odd)
    *given, kept = similar_glyphs(_glyphs(), rng, odd)
    phrases = [text for row in PHRASES for text in row]
    characters = [_cut_from(bank, CHARACTERS, style, k) for k, bank in enumerate(given)]
    samples = Samples(tuple(chain(*characters)), tuple(_cut_from(given[0], phrases, style, COPIES)))
    return Hand(f"EMNIST {number}", samples, _on_paper(_composed(kept, texts, style, number), texts))


def many_hands(count: int) -> Lines:
    """Lines of which each is in a style of its own, and each character of another writer of EMNIST's test part."""
    texts = _texts(_MANY, count)
    return _on_paper(_composed(_glyphs(), texts, HandwritingStyle(), _MANY), texts)


def odd_writer(seed: int) -> Writer:
    """A writer whose letters lean, bend and crowd as few people's do."""
    rng = np.random.default_rng([seed, 12])
    return replace(
        Writer.of(seed),
        bend=rng.uniform(0.3, 0.4),
        slant=rng.choice([rng.uniform(-0.5, -0.3), rng.uniform(0.5, 0.8)]),
        width=rng.uniform(0.6, 0.9),
        letter_gap=rng.uniform(0.05, 0.2),
    )


def hand_style(rng: np.random.Generator, odd: bool) -> HandwritingStyle:
    """A style of one hand: what differs from person to person is fixed, what differs from letter to letter is not."""

    def fixed(low: float, high: float) -> tuple[float, float]:
        value = rng.uniform(low, high)
        return value, value

    slant = rng.choice([rng.uniform(-0.5, -0.3), rng.uniform(0.5, 0.8)]) if odd else rng.uniform(-0.1, 0.3)
    return HandwritingStyle(
        x_height=fixed(10, 13),
        capital_height=fixed(1.4, 1.8),
        ascender_height=fixed(0.95, 1.1),
        descender_depth=fixed(0.5, 0.75),
        width=fixed(0.6, 0.8) if odd else fixed(0.8, 1.15),
        slant=(slant, slant),
        stroke_width=fixed(0.15, 0.3),
        letter_gap=fixed(0.0, 0.1) if odd else fixed(0.1, 0.4),
        wide_share=0.0,
        gap_jitter=fixed(0.04, 0.1),
        word_gap=fixed(0.6, 1.1),
        size_jitter=(0.04, 0.04),
        small_capitals_share=0.0,
        dotted_capital_share=0.0,
    )


def similar_glyphs(bank: GlyphBank, rng: np.random.Generator, odd: bool) -> list[GlyphBank]:
    """``COPIES`` banks of one glyph of each character and one of the others; ``odd``: all are unlike most."""
    alike = []
    for character in CHARACTERS:
        soft = np.stack([cv2.GaussianBlur(image, (0, 0), 1.5).ravel() for image in bank.of(character)]).astype(float)
        soft /= np.linalg.norm(soft, axis=1, keepdims=True)
        usual = np.argsort(soft @ soft.mean(0))
        likeness = soft @ soft[rng.permutation(usual[: len(usual) // 4] if odd else usual)[:CANDIDATES]].T
        best = np.sort(likeness, axis=0)[-ALIKE:].mean(0).argmax()
        nearest = rng.permutation(np.argsort(-likeness[:, best])[:ALIKE])
        alike.append(bank.offsets[ALPHABET.index(character)] + nearest)
    numbers = np.stack(alike, axis=1)  # (ALIKE, characters)
    parts = [*numbers[:COPIES], numbers[COPIES:].ravel()]
    return [GlyphBank.from_arrays(bank.images[part], bank.indices[part]) for part in parts]


@cache
def _glyphs() -> GlyphBank:
    return load_glyphs("emnist", SPLIT_SEED)["test"]


@cache
def _corpus() -> Corpus:
    download_text("brown")
    return split_documents(load_documents("brown", SPLIT_SEED), SPLIT_SEED)["test"]


def _texts(seed: int, count: int) -> list[str]:
    codes, _ = draw_texts(_corpus(), "test", max_chars=LONGEST, seed=seed, indices=np.arange(count), mix=TEXTS)
    return [ALPHABET.decode(row) for row in codes]


def _from_sheet(writer: Writer) -> Samples:
    """What is found on a photograph of a sheet that a writer filled in."""
    sheet = Sheet()
    page = return_sheet(sheet, fill(sheet, writer), writer)
    return Samples.from_boxes(find_sheet(Camera.of(writer.seed).photograph(page)).boxes)


def written(writer: Writer, texts: Sequence[str], rng: np.random.Generator) -> list[np.ndarray]:
    """Ink of lines by a pen, uint8 (LINE_HEIGHT, w), 255 on 0."""
    return [_line(writer.write(text, rng), writer) for text in texts]


def _line(strokes: list[Stroke], writer: Writer) -> np.ndarray:
    points = np.concatenate(strokes)
    margin = writer.pen_width
    low, high = points.min(0) - margin, points.max(0) + margin
    scale = min(X_HEIGHT / writer.x_height, LINE_HEIGHT / (high[1] - low[1]))
    spare = LINE_HEIGHT / scale - (high[1] - low[1])
    shape = (LINE_HEIGHT, int(np.ceil((high[0] - low[0]) * scale)))
    return draw_ink([strokes], writer.pen_width, shape, scale, (-low[0], spare / 2 - low[1]))


def _composed(bank: GlyphBank, texts: Sequence[str], style: HandwritingStyle, seed: int) -> list[np.ndarray]:
    """Ink of lines of glyphs, uint8 (LINE_HEIGHT, w), 255 on 0."""
    images, widths, _ = compose_handwriting(
        bank, *encode_texts(texts), seed=seed, indices=np.arange(len(texts)), style=style
    )
    return [image[:, :width] for image, width in zip(images, widths, strict=True)]


def _cut_from(
    bank: GlyphBank, texts: Sequence[str], style: HandwritingStyle, seed: int
) -> list[tuple[str, np.ndarray]]:
    """Texts and their ink, about as large as it is cut from a sheet."""
    inks = [cv2.resize(ink, None, fx=2, fy=2) for ink in _composed(bank, texts, style, seed)]
    return list(zip(texts, inks, strict=True))


def _on_paper(inks: list[np.ndarray], texts: list[str]) -> Lines:
    """Pictures of lines of ink, dark on white."""
    return Lines([np.pad(255 - ink, 4, constant_values=255) for ink in inks], texts)

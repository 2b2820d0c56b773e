"""A hand to learn: characters of pen strokes in boxes, and words; and a training that takes seconds."""

from __future__ import annotations

import base64
from typing import Any

import cv2
import numpy as np

from text_recognizer.data.glyphs.strokes import draw_glyphs
from text_recognizer.data.synthesis.compose import LineStyle, compose_lines, encode_texts
from text_recognizer.hand.file import About, Figures, HandFile, Written
from text_recognizer.hand.learning import Recipe
from text_recognizer.hand.samples import Samples
from text_recognizer.hand.sheet.layout import CHARACTERS, COPIES
from text_recognizer.reading.model_file import DEFAULT_MODEL, LineModel, Metadata
from text_recognizer.training.export import read_model, weights_of

TINY = Recipe(steps=2, own_lines=2, other_lines=1, copies=5, choosing_lines=4, testing_lines=3)


def write_samples(seed: int = 0, copies: int = COPIES) -> Samples:
    """All characters as a pen draws them, and two lines of words."""
    bank = draw_glyphs(CHARACTERS, copies, seed)
    boxes = [
        (bank.alphabet[int(index)], cv2.resize(image, (48, 48)))
        for index, image in zip(bank.indices, bank.images, strict=True)
    ]
    texts = ["Meet me at 12:30", "over a lazy dog"]
    lines = compose_lines(bank, *encode_texts(texts), LineStyle("handwriting"), seed=seed, indices=np.arange(2))
    words = [image[:, :width] for image, width in zip(lines.images, lines.widths, strict=True)]
    return Samples(tuple(boxes), tuple(zip(texts, words, strict=True)))


def written_on_a_page(samples: Samples) -> dict[str, Any]:
    """What a page sends of it."""
    characters: dict[str, list[str]] = {}
    for text, ink in samples.characters:
        characters.setdefault(text, []).append(_base64(ink))
    return {
        "characters": characters,
        "lines": [{"text": text, "picture": _base64(ink)} for text, ink in samples.lines],
    }


def _base64(ink: np.ndarray) -> str:
    return base64.b64encode(cv2.imencode(".png", 255 - ink)[1].tobytes()).decode()


def shipped_weights() -> dict[str, np.ndarray]:
    """The weights of the reader that ships."""
    return weights_of(read_model(DEFAULT_MODEL))


def reader_metadata() -> Metadata:
    """What the reader that learns hands says of itself."""
    return LineModel(DEFAULT_MODEL, shipped_weights()).metadata


def hand_of(weights: dict[str, np.ndarray], before: float = 0.2, after: float = 0.05) -> HandFile:
    """A hand whose reader has these weights."""
    blank = cv2.imencode(".png", np.full((12, 10), 255, np.uint8))[1].tobytes()
    written = Written(("a",), 10, 12, 1, blank)
    return HandFile(About(Figures(before, after), 0, written, written, reader_metadata()), weights)

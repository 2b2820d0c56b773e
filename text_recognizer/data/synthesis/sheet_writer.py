"""Text of the characters of a sheet, as the hand that filled it in might write it."""

from __future__ import annotations

from collections import defaultdict

import cv2
import numpy as np

from text_recognizer.data.glyphs.sheet import SheetGlyphs
from text_recognizer.data.synthesis.ink import Ink, RasterInk, bend

_BAND = 22
"""Rows of the x-height in which ink is drawn."""


class SheetWriter:
    """Writes any text of the characters that a sheet holds: each varied, on one baseline, in one slant and spacing."""

    def __init__(self, glyphs: SheetGlyphs) -> None:
        self.scale = _BAND / glyphs.x_height
        self.baseline = glyphs.baseline * self.scale
        self.copies: dict[str, list[np.ndarray]] = defaultdict(list)
        for character, image in zip(glyphs.characters.tolist(), glyphs.images, strict=True):
            size = max(1, round(image.shape[1] * self.scale)), max(1, round(image.shape[0] * self.scale))
            self.copies[character].append(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
        self.characters = frozenset(self.copies) | {" "}

    def write(self, text: str, rng: np.random.Generator) -> Ink | None:
        """The text, or None if it is empty or the sheet lacks one of its characters."""
        if not text.strip() or not self.characters.issuperset(text):
            return None
        track, gap = rng.uniform(-0.06, 0.3) * _BAND, rng.uniform(0.5, 1.4) * _BAND
        slant, jitter = rng.normal(0, 0.18), rng.uniform(0, 0.06) * _BAND
        height = round(6 * _BAND)
        base = round(3.4 * _BAND)
        canvas = np.zeros((height, round((len(text) + 2) * 3.5 * _BAND)), np.uint8)
        boxes = np.zeros((len(text), 2), np.float32)
        x = 1.5 * _BAND
        for place, character in enumerate(text):
            if character == " ":
                boxes[place] = x, x + gap
                x += gap * rng.uniform(0.8, 1.25)
                continue
            copies = self.copies[character]
            glyph, top = self._varied(copies[int(rng.integers(len(copies)))], slant, rng)
            left, row = round(x), round(base + top + rng.normal(0, jitter))
            part = canvas[row : row + glyph.shape[0], left : left + glyph.shape[1]]
            np.maximum(part, glyph[: part.shape[0], : part.shape[1]], out=part)
            boxes[place] = left, left + glyph.shape[1]
            x = left + glyph.shape[1] + track * rng.uniform(0.6, 1.4) + 0.06 * _BAND
        picture = bend(canvas[:, : round(x + _BAND)], rng, rng.uniform(0, 0.1) * _BAND, rng.uniform(0.6, 2.5) * _BAND)
        return RasterInk.from_picture(text, boxes, _inked(picture, rng))

    def _varied(self, image: np.ndarray, slant: float, rng: np.random.Generator) -> tuple[np.ndarray, float]:
        """A glyph turned, leant and stretched about where it stands, cut to its ink, and its top above the baseline."""
        height, width = image.shape
        turn, lean = rng.normal(0, 0.07), slant + rng.normal(0, 0.08)
        across, up = np.exp(rng.normal(0, 0.13, 2))
        linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ np.array(
            [[across, -lean], [0, up]]
        )
        room = _BAND
        foot = np.array([width / 2, self.baseline])
        matrix = np.hstack([linear, (foot + room - linear @ foot)[:, None]])
        drawn = cv2.warpAffine(image, matrix, (width + 2 * room, height + 2 * room), flags=cv2.INTER_LINEAR)
        x, y, w, h = cv2.boundingRect((drawn > 64).astype(np.uint8))
        return drawn[y : y + h, x : x + w], y - room - self.baseline


def _inked(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same with a thicker or thinner pen."""
    sigma, level = rng.uniform(0.5, 1.6), rng.uniform(70, 150)
    soft = cv2.GaussianBlur(picture, (0, 0), sigma).astype(np.float32)
    return np.asarray(np.clip(4 * (soft - level) + 127, 0, 255).astype(np.uint8))

"""One person's characters as glyphs in EMNIST's form, and more of each in the same hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.glyphs.bank import GLYPH_SIZE, GlyphBank

BORDER = 2
"""Empty pixels around a glyph, as in EMNIST."""
_WIDEST_PEN = (GLYPH_SIZE - 2 * BORDER) / 4
"""Nothing is enlarged so far that the pen becomes wider than this, in pixels of a glyph: a dot stays a dot."""
_OPEN = "ltvxyACHIJKLMNTUVXYZ147/"
"""Characters of few strokes that stay apart."""
_SIZE = 64
"""Larger side of the ink where it is varied, in pixels."""


Characters = Sequence[tuple[str, np.ndarray]]


@dataclass(frozen=True)
class Variation:
    """How far copies of a character differ from the one that was written; standard deviations, and a range.

    Attributes:
        turn: Rotation, in radians.
        shear: Lean, as the tangent of its angle.
        stretch: Logarithm of width and height.
        warp: Displacement of the points of a coarse grid, as a share of the size.
        level: Lowest and highest level at which blurred ink begins, as a share of full ink. Low levels fill small
            letters of a thick pen.
    """

    turn: float = 0.06
    shear: float = 0.12
    stretch: float = 0.08
    warp: float = 0.024
    level: tuple[float, float] = (0.45, 0.65)


def glyph_bank(characters: Characters, copies: int = 0, seed: int = 0) -> GlyphBank:
    """Glyphs of written characters, each as it is, and varied copies.

    Args:
        characters: Characters and their pictures, uint8 (h, w), ink 255 on 0, all to one scale.
        copies: Glyphs of each character that is written less often than that, varied copies included.
        seed: Seed of the variation.
    """
    pen = pen_width(characters)
    glyphs, indices = [], []
    for character in dict.fromkeys(character for character, _ in characters):
        index = ALPHABET.index(character)
        rng = np.random.default_rng((seed, index))
        written = [cut(picture) for one, picture in characters if one == character]
        more = max(copies - len(written), 0)
        glyphs += [to_glyph(ink, pen) for ink in written]
        glyphs += [to_glyph(*varied(written[k % len(written)], pen, rng)) for k in range(more)]
        indices += [index] * (len(written) + more)
    images = np.stack([image for image, _ in glyphs]) if glyphs else np.empty((0, GLYPH_SIZE, GLYPH_SIZE), np.uint8)
    return GlyphBank.from_arrays(images, np.array(indices, np.int64), np.array([one for _, one in glyphs]))


def pen_width(characters: Characters) -> float:
    """Width of the strokes in characters, in pixels: twice the ink's area over the length of its edges.

    Measured where strokes do not run together, however thick the pen is.
    """
    widths = []
    for wanted in (_OPEN, ALPHABET):
        for character, picture in characters:
            ink = np.pad(picture > 127, 1)
            crossings = np.count_nonzero(np.diff(ink, axis=0)) + np.count_nonzero(np.diff(ink, axis=1))
            if crossings and character in wanted:
                widths.append(2 * np.count_nonzero(ink) / (crossings * np.pi / 4))
        if widths:
            return float(np.median(widths))
    return 1.0


def sheared(ink: np.ndarray, by: float) -> np.ndarray:
    """A picture of ink, leant to the right by the tangent of an angle."""
    height, width = ink.shape
    room = int(np.ceil(abs(by) * height / 2)) + 1
    matrix = np.array([[1, -by, room + by * height / 2], [0, 1, 0]])
    return cv2.warpAffine(ink, matrix, (width + 2 * room, height), flags=cv2.INTER_LINEAR)


def to_glyph(ink: np.ndarray, pen: float) -> tuple[np.ndarray, float]:
    """Ink in EMNIST's form: cut, centred in a square with a border, resampled, its darkest pixel full.

    Args:
        ink: uint8 (h, w), ink 255 on 0, cut to its ink.
        pen: Width of the pen's strokes in it, in pixels.

    Returns:
        uint8 (28, 28), and the width of the pen in it.
    """
    room = GLYPH_SIZE - 2 * BORDER
    scale = min(room / max(ink.shape), _WIDEST_PEN / pen)
    height, width = (min(max(round(side * scale), 1), room) for side in ink.shape)
    small = cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    glyph = np.zeros((GLYPH_SIZE, GLYPH_SIZE), np.float32)
    top, left = (GLYPH_SIZE - height) // 2, (GLYPH_SIZE - width) // 2
    glyph[top : top + height, left : left + width] = small
    return np.rint(glyph * (255 / max(float(glyph.max()), 1))).astype(np.uint8), pen * scale


def varied(
    ink: np.ndarray, pen: float, rng: np.random.Generator, variation: Variation = Variation()
) -> tuple[np.ndarray, float]:
    """The same character as the same hand might write it another time.

    Args:
        ink: uint8 (h, w), ink 255 on 0, cut to its ink.
        pen: Width of the pen's strokes in it, in pixels.
        rng: Where all randomness comes from.
        variation: How different it may be.

    Returns:
        uint8 (h', w'), cut to its ink, at another scale, and the width of the pen in it.
    """
    scale = _SIZE / max(ink.shape)
    side = 2 * _SIZE
    turn, shear = variation.turn * rng.normal(), variation.shear * rng.normal()
    stretch_x, stretch_y = np.exp(variation.stretch * rng.normal(size=2)) / scale
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    back = turned @ np.array([[stretch_x, shear / scale], [0, stretch_y]])  # from the new picture to the ink
    grid = (variation.warp * max(ink.shape) * rng.normal(size=(5, 5, 2))).astype(np.float32)
    warp = cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:side, :side].astype(np.float32) - (side - 1) / 2
    from_x = back[0, 0] * x + back[0, 1] * y + warp[..., 0] + (ink.shape[1] - 1) / 2
    from_y = back[1, 0] * x + back[1, 1] * y + warp[..., 1] + (ink.shape[0] - 1) / 2
    drawn = cv2.remap(ink, from_x.astype(np.float32), from_y.astype(np.float32), cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(drawn, (0, 0), pen * scale / 4)
    level = 255 * rng.uniform(*variation.level)
    sharp = np.clip(4 * (soft.astype(np.float32) - level) + 127, 0, 255).astype(np.uint8)
    return (cut(sharp), pen * scale) if (sharp > 127).any() else (ink, pen)


def cut(ink: np.ndarray) -> np.ndarray:
    """A picture cut to its ink."""
    x, y, width, height = cv2.boundingRect((ink > 127).astype(np.uint8))
    return ink[y : y + height, x : x + width] if width else ink

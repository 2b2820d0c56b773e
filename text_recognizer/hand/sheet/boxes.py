"""The boxes of a sheet, cut out of its straightened picture: the ink alone, and whether it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from text_recognizer.hand.sheet.layout import BASELINE, X_HEIGHT, Box, Sheet
from text_recognizer.hand.sheet.straighten import MARGIN, PIXELS_PER_MM

State = Literal["ok", "empty", "doubtful"]

_INSET = 0.5
"""From the middle of a box's frame to where its picture begins, in mm."""
_PAPER_SHARE = 0.8
"""Share of the boxes' pixels that are paper, at least."""
_LEAST_NOISE, _MOST_NOISE = 0.05, 0.35
"""Darkness taken for noise: at least this, from 0 to 1, and at most this share of the ink's."""
_PALEST_INK = 0.15
"""Darkness, from 0 to 1, that ink reaches at least."""
_EDGE = 0.1
"""Share of the sheet's ink at which a piece of ink ends."""
_SPECK, _DOT = 0.15, 1.5
"""Area of pieces, in square mm: up to the first they are no ink, up to the second they may be dots."""
_CORE, _CORE_OF_DOT = 0.25, 0.11
"""Share of the sheet's ink that a piece reaches, smoothed; what stays below is noise, a guide or show-through."""
_GAIN = 5.0
"""By which ink is darkened at most: blur makes thin lines paler than others, and dots most of all."""
_NEAR = 0.25
"""Half of the width of a stroke, in mm: so near a pale place there is the darkest of its stroke."""
_SMOOTHING = 0.15
"""Standard deviation, in mm."""
_RIM = 0.3
"""Width of the strip along the frame that may hold a rest of the frame, in mm."""
_FAINT = 0.6
"""Share of the sheet's ink below which the ink of a box is faint."""
_FAR = 1.6
"""Gap between two pieces of a character, in mm, above which they are two characters."""
_UNLIKE = 2.0
"""Ratio of a character's width, height or ink to that of its other boxes above which it is unlike them."""
_SHORTEST_ADVANCE = 0.9
"""Width that a character of copied words takes up at least, in mm."""


@dataclass(frozen=True, eq=False)
class FilledBox:
    """What was found in a box.

    Attributes:
        box: The box of the sheet.
        image: uint8 (h, w), ink 255 on 0, ``PIXELS_PER_MM`` pixels a millimetre, without the box's frame and guides.
        state: ``ok``, ``empty``, or ``doubtful``: there is ink, but perhaps not (all of) what belongs there.
        reason: Why it is doubtful, such as ``touches the frame``; empty otherwise.
    """

    box: Box
    image: np.ndarray
    state: State
    reason: str = ""

    @property
    def text(self) -> str:
        """What belongs into the box: one character, or words to copy."""
        return self.box.text

    @property
    def is_character(self) -> bool:
        """Whether that is one character."""
        return len(self.box.text) == 1

    baseline = (BASELINE - _INSET) * PIXELS_PER_MM
    """From the top of ``image`` to the line that was to be written on, in pixels."""
    x_height = X_HEIGHT * PIXELS_PER_MM
    """What small letters were to reach above that line, in pixels."""


def cut_boxes(picture: np.ndarray, sheet: Sheet) -> tuple[FilledBox, ...]:
    """Cut all boxes out of a straightened picture, uint8, paper 255 (see :func:`straighten.straighten`)."""
    cuts = _without_guides([1 - crop(picture, box) / np.float32(255) for box in sheet.boxes])
    noise, full = _levels(cuts)
    pale = [_clean(np.clip((cut - noise) / (full - noise), 0, 1)) for cut in cuts]
    images = [np.rint(255 * _evenly_dark(ink)).astype(np.uint8) for ink in pale]
    alike: dict[str, list[np.ndarray]] = {box.text: [] for box in sheet.boxes}
    for box, image in zip(sheet.boxes, images, strict=True):
        alike[box.text].append(image)
    return tuple(
        FilledBox(box, image, *_judge(box, ink, image, alike[box.text]))
        for box, ink, image in zip(sheet.boxes, pale, images, strict=True)
    )


def crop(picture: np.ndarray, box: Box) -> np.ndarray:
    """The part of a straightened picture that is within the frame of a box, (h, w)."""
    left, top = (round((side + MARGIN + _INSET) * PIXELS_PER_MM) for side in (box.x, box.y))
    width, height = (round((side - 2 * _INSET) * PIXELS_PER_MM) for side in (box.width, box.height))
    return picture[top : top + height, left : left + width]


def _without_guides(cuts: list[np.ndarray]) -> list[np.ndarray]:
    """Subtract what is dark in the same rows of most boxes, near the guides."""
    rows = np.median([np.quantile(cut, 0.4, axis=1) for cut in cuts], axis=0)
    y = (np.arange(len(rows)) + 0.5) / PIXELS_PER_MM + _INSET
    near = np.minimum(abs(y - BASELINE), abs(y - BASELINE + X_HEIGHT)) < 0.6
    guides = np.where(near, rows, 0)[:, None].astype(np.float32)
    return [np.maximum(cut - guides, 0) for cut in cuts]


def _levels(cuts: list[np.ndarray]) -> tuple[float, float]:
    """How dark noise on the paper is, and the pen's ink, on this sheet, from 0 to 1."""
    paper = 1.7 * float(np.quantile(np.concatenate([cut.ravel() for cut in cuts]), _PAPER_SHARE))
    noise = max(paper, _LEAST_NOISE)
    inks = [cut[cut > max(2 * noise, _PALEST_INK)] for cut in cuts]
    darkest = [np.quantile(ink, 0.85) for ink in inks if len(ink) > _SPECK * PIXELS_PER_MM**2]
    full = float(np.median(darkest)) if darkest else 1.0
    return min(noise, _MOST_NOISE * full), full


def _clean(ink: np.ndarray) -> np.ndarray:
    """The pieces of ink with their soft edges, float32 (h, w), 0 to 1, without noise, specks and rests of the frame."""
    pieces, boxes = _pieces(ink)
    smooth = cv2.GaussianBlur(ink, (0, 0), _SMOOTHING * PIXELS_PER_MM)
    rim = round(_RIM * PIXELS_PER_MM)
    height, width = ink.shape
    keep = np.zeros(len(boxes), bool)
    for piece in range(1, len(boxes)):
        x, y, w, h, area = boxes[piece]
        at_frame = x + w <= rim or y + h <= rim or x >= width - rim or y >= height - rim
        core = _CORE_OF_DOT if area <= _DOT * PIXELS_PER_MM**2 else _CORE
        large = area > _SPECK * PIXELS_PER_MM**2
        keep[piece] = large and not at_frame and smooth[pieces == piece].max() >= core
    return ink * cv2.dilate(keep[pieces].astype(np.uint8), np.ones((3, 3), np.uint8))


def _evenly_dark(ink: np.ndarray) -> np.ndarray:
    """Darken strokes and dots that are paler than the rest."""
    size = 2 * round(_NEAR * PIXELS_PER_MM) + 1
    darkest = cv2.dilate(ink, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))
    return np.minimum(ink / np.clip(darkest, 1 / _GAIN, 1), 1)


def _pieces(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pieces of ink that hang together: the number of each pixel's, and left, top, width, height and area of each."""
    _, pieces, boxes, _ = cv2.connectedComponentsWithStats((ink > _EDGE).astype(np.uint8))
    return pieces, boxes


def _judge(box: Box, ink: np.ndarray, image: np.ndarray, alike: list[np.ndarray]) -> tuple[State, str]:
    """The state of a box and the reason; ``ink`` is as dark as it was, ``alike`` are the character's pictures."""
    if not (image > 127).any():
        return "empty", ""
    rim = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    if (rim > 127).any():
        return "doubtful", "touches the frame"
    if np.quantile(ink[ink > _EDGE], 0.85) < _FAINT and _amount(image) > _DOT * PIXELS_PER_MM**2:
        return "doubtful", "faint"
    columns = np.flatnonzero((image > 127).any(0))
    if len(box.text) > 1:
        short = np.ptp(columns) < _SHORTEST_ADVANCE * PIXELS_PER_MM * len(box.text)
        return ("doubtful", "less than was to be copied") if short else ("ok", "")
    if box.text != '"' and np.diff(columns).max(initial=0) > _FAR * PIXELS_PER_MM:
        return "doubtful", "pieces far apart"
    measures = np.array([_measures(other) for other in alike if _amount(other)])
    if len(measures) > 2:
        ratio = _measures(image) / np.median(measures, axis=0)
        if max(ratio.max(), 1 / ratio.min()) > _UNLIKE:
            return "doubtful", "unlike the others"
    return "ok", ""


def _amount(image: np.ndarray) -> float:
    """Ink, in pixels."""
    return float(image.sum()) / 255


def _measures(image: np.ndarray) -> np.ndarray:
    """Width and height of the ink, a millimetre added so that thin strokes and dots compare, and its amount."""
    extent = [np.ptp(np.flatnonzero((image > 127).any(axis))) if (image > 127).any() else 0 for axis in (0, 1)]
    return np.array([*(side + PIXELS_PER_MM for side in extent), _amount(image) + PIXELS_PER_MM**2 / 4])

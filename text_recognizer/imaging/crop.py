"""What the reader sees of a line: a grey crop at one band height, its paper left in."""

from __future__ import annotations

import cv2
import numpy as np

from text_recognizer.imaging.normalization import NormalizedLine
from text_recognizer.imaging.sheet.line import FoundLine
from text_recognizer.imaging.sheet.plane import Plane

CROP_HEIGHT = 40
CROP_UNIT = 16
"""Rows of a line's band in its crop."""
CROPPED = {"height": CROP_HEIGHT, "unit": CROP_UNIT, "version": 3}
"""What a model file states about the lines that it was trained on."""
FINDER_STRIDE = 4
"""Pixels per cell of the maps in which the finder of lines answers."""
_LOW, _HIGH = 0.005, 0.95
_READING_UNIT = 16.7  # rows of a band in a crop: chosen on the development pictures, a little more than in training
_MARGIN = 1.4  # band heights of paper on both sides of a crop
_REMAP_COLUMNS = 8192  # OpenCV remaps at most 32,767
LEAST_CONTRAST = 12
"""Grey levels between ink and paper; less is no writing."""


def crop(picture: np.ndarray, line: FoundLine, plane: Plane | None = None) -> NormalizedLine | None:
    """A line cut out of a picture that is dark on light, level and at one size, its paper left in.

    Args:
        picture: uint8 (h, w).
        line: Where it is in the picture, or in the level view of it.
        plane: That view.

    Returns:
        The line; None where the paper is bare.
    """
    scale = _READING_UNIT / line.height
    shrink = min(1.0, 1.5 * scale)
    if shrink >= 0.9:
        shrink, small, near = 1.0, picture, line
    else:
        size = (max(1, round(picture.shape[1] * shrink)), max(1, round(picture.shape[0] * shrink)))
        small, near = cv2.resize(picture, size, interpolation=cv2.INTER_AREA), line.scaled(shrink)
    closer = scale / shrink
    margin = _MARGIN * near.height
    width = small.shape[1] if plane is None else plane.shape[1] * shrink
    left, right = max(-0.5, near.left - margin, near.reach[0]), min(width - 0.5, near.right + margin, near.reach[1])
    columns = max(1, int((right - left) * closer))
    rows = ((np.arange(CROP_HEIGHT) + 0.5 - CROP_HEIGHT / 2) / closer).astype(np.float32)
    across = (left + (np.arange(columns) + 0.5) / closer).astype(np.float32)
    middle = near.centre(across).astype(np.float32)
    parts = []
    for start in range(0, columns, _REMAP_COLUMNS):
        x = across[start : start + _REMAP_COLUMNS]
        map_y = middle[start : start + _REMAP_COLUMNS][None] + rows[:, None]
        map_x = np.ascontiguousarray(np.broadcast_to(x, map_y.shape))
        if plane is not None:
            points = plane.place((np.stack([map_x, map_y], axis=-1) + 0.5) / shrink) * shrink - 0.5
            map_x, map_y = (np.ascontiguousarray(points[..., k], np.float32) for k in (0, 1))
        parts.append(cv2.remap(small, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
    whole = np.concatenate(parts, axis=1)
    if int(whole.max()) - int(whole.min()) < LEAST_CONTRAST:
        return None
    return NormalizedLine(
        stretch_contrast(whole), scale, (left + 0.5) / shrink, (middle + 0.5) / shrink, plane, line.cell
    )


def stretch_contrast(picture: np.ndarray) -> np.ndarray:
    """Dark ink on light paper, uint8 (h, w), to ink near 255 on paper near 0, whatever the light."""
    low, high = _levels(picture, _LOW, _HIGH)
    low = min(low, high - LEAST_CONTRAST)
    table = np.clip((high - np.arange(256)) * (255 / (high - low)), 0, 255)
    return cv2.LUT(picture, np.rint(table).astype(np.uint8))


def even_contrast(picture: np.ndarray) -> np.ndarray:
    """Grey uint8 (h, w) with its darkest pixels near 0 and its paper near 255; polarity stays."""
    low, high = _levels(picture, 0.005, 0.99)
    low = min(low, high - LEAST_CONTRAST)
    table = np.clip((np.arange(256) - low) * (255 / (high - low)), 0, 255)
    return cv2.LUT(picture, table.astype(np.uint8))


def _levels(picture: np.ndarray, *shares: float) -> list[int]:
    """The grey levels that these shares of the pixels do not exceed."""
    counts = np.cumsum(cv2.calcHist([picture], [0], None, [256], [0, 256]).ravel())
    found: list[int] = np.searchsorted(counts, counts[-1] * np.array(shares)).tolist()
    return found

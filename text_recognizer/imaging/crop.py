"""What the reader sees of a line: a grey crop at one band height, its paper left in."""

from __future__ import annotations

import cv2
import numpy as np

CROP_HEIGHT = 40
CROP_UNIT = 16
"""Rows of a line's band in its crop."""
CROPPED = {"height": CROP_HEIGHT, "unit": CROP_UNIT, "version": 3}
"""What a model file states about the lines that it was trained on."""
FINDER_STRIDE = 4
"""Pixels per cell of the maps in which the finder of lines answers."""
_LOW, _HIGH = 0.005, 0.95
LEAST_CONTRAST = 12
"""Grey levels between ink and paper; less is no writing."""


def stretch_contrast(picture: np.ndarray) -> np.ndarray:
    """Dark ink on light paper, uint8 (h, w), to ink near 255 on paper near 0, whatever the light."""
    counts = np.cumsum(cv2.calcHist([picture], [0], None, [256], [0, 256]).ravel())
    low, high = np.searchsorted(counts, counts[-1] * np.array([_LOW, _HIGH]))
    low = min(int(low), int(high) - LEAST_CONTRAST)
    table = np.clip((int(high) - np.arange(256)) * (255 / (int(high) - low)), 0, 255)
    return cv2.LUT(picture, np.rint(table).astype(np.uint8))


def even_contrast(picture: np.ndarray) -> np.ndarray:
    """Grey uint8 (h, w) with its darkest pixels near 0 and its paper near 255; polarity stays."""
    low, high = np.percentile(picture, (0.5, 99))
    if high - low < LEAST_CONTRAST:
        low = high - LEAST_CONTRAST
    bright = np.clip((picture.astype(np.float32) - low) * (255 / (high - low)), 0, 255)
    return np.asarray(bright.astype(np.uint8))

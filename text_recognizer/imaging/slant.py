"""How far writing slants. It is upright where its ink stands in the fewest columns.

After Vinciarelli and Luettin, "A new normalization technique for cursive handwritten words", 2001.
"""

from __future__ import annotations

import cv2
import numpy as np

MOST_SLANT = 1.0
"""Tangent of the greatest angle that is looked for, to either side."""
_STEP = 0.1
_MOST_COLUMNS = 8192


def slant_of(ink: np.ndarray) -> float:
    """The slant of writing to the right, as the tangent of the angle; at most about ``MOST_SLANT``.

    Args:
        ink: uint8 (h, w), 255 on 0, of one line's height; of a long line, its beginning counts.
    """
    height, width = ink.shape[0] // 2, min(ink.shape[1], _MOST_COLUMNS) // 2
    small = cv2.GaussianBlur(ink[:, : 2 * width], (0, 0), 1.0)
    small = cv2.resize(small, (width, height), interpolation=cv2.INTER_AREA)
    room = height  # on both sides, for what is moved there

    def sharpness(slant: float) -> float:
        upright = np.array([[1, slant, room - slant * (height - 1) / 2], [0, 1, 0]])
        moved = cv2.warpAffine(small, upright, (width + 2 * room, height), flags=cv2.INTER_LINEAR)
        return float(cv2.norm(cv2.reduce(moved, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32F), cv2.NORM_L2SQR))

    coarse = np.arange(-MOST_SLANT, MOST_SLANT + _STEP, 2 * _STEP)
    best = float(max(coarse, key=sharpness))
    before, peak, after = (sharpness(best + side * _STEP) for side in (-1, 0, 1))
    bend = 2 * peak - before - after
    offset = (after - before) / (2 * bend) if bend > 0 else np.sign(after - before)
    return best + _STEP * float(np.clip(offset, -1, 1))

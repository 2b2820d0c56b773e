"""The band of a line: the straight strip in which most of its ink lies, from which its size is told.

For lower-case writing it is about the x-height band, for capitals and digits about their height. It depends on the ink
alone, not on the text, so that it can be found in pictures whose text nobody knows yet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_PASSES = 3
_REACH = 0.9  # ink further from the centre than so many band heights is an ascender, a descender or a neighbour
_SLOPE = 0.06  # expected rise of a line that was meant to be level
_BINS = 64


@dataclass(frozen=True)
class Band:
    """A strip ``height`` high around the line y = ``centre`` + ``slope`` * x, y downwards."""

    centre: float
    slope: float
    height: float


def fit_band(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Band:
    """The band of ink at points.

    The centre line and the spread of the ink around it are fitted together, then again without what lies far off.
    Ink spread evenly over a height h has the variance h * h / 12. The slope has a normal prior, so that the ascender of
    a short word does not tilt it.

    Args:
        x, y: float (N,), where the ink is.
        weights: float (N,), how much of it is there.
    """
    width = max(float(np.ptp(x)), 1e-6)
    low, high = _densest_rows(y, weights)
    kept = weights * ((y >= low) & (y <= high))
    height = max(high - low, 1e-3 * width)
    middle = float(x.min()) + width / 2
    run = x - middle
    for _ in range(_PASSES):
        total = max(float(kept.sum()), 1e-9)
        centre_y, centre_x = float(kept @ y) / total, float(kept @ run) / total
        spread = float(kept @ (run - centre_x) ** 2) / total
        covariance = float(kept @ ((run - centre_x) * (y - centre_y))) / total
        samples = max(1.0, width / height)  # about the letters: the middle of each is known to 0.3 of its height
        slope = covariance / (spread + (0.3 * height / _SLOPE) ** 2 / samples)
        offset = y - centre_y - slope * (run - centre_x)
        variance = float(kept @ offset**2) / total
        height = max(float(np.sqrt(12 * variance)), 0.005 * width, 1e-3)
        kept = weights * (np.abs(offset) < _REACH * height)
    return Band(centre_y - slope * (centre_x + middle), slope, height)


def _densest_rows(y: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """The rows around the peak of the profile of the ink that are not nearly empty."""
    counts, edges = np.histogram(y, _BINS, weights=weights)
    counts = np.convolve(counts, np.ones(5) / 5, mode="same")
    peak = int(np.argmax(counts))
    empty = counts < 0.15 * counts[peak]
    top = peak - int(np.argmax(np.append(empty[peak::-1], True))) + 1
    bottom = peak + int(np.argmax(np.append(empty[peak:], True)))
    return float(edges[max(top, 0)]), float(edges[min(bottom, _BINS)])

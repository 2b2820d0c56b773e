"""Ink: a line of writing on nothing yet, from a pen, a font or single characters, ready to be drawn at any size.

Every piece of ink is measured in its own band (:mod:`text_recognizer.imaging.band`): its centre line is y = 0, its band
one unit high, and x runs from 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import cv2
import numpy as np

from text_recognizer.imaging.band import Band, fit_band

SUPERSAMPLING = 2
RASTER_BAND = 24
"""Rows of the band of ink that is a picture."""

_THIN, _THIN_ALONE, _LEAST, _MIDDLE = 0.2, 0.45, 0.3, 0.75
"""Shares of the height of ink. A thinner band is one stroke across, in a line and in one character alone; the least
that a band is; what is taken in place of a thin one."""
_ALONE = 2  # times as wide as high, ink is seldom one character
_SMALLEST = 0.3  # of a band height: the least band of a dash alone
_SHIFT = 4
_NARROW = frozenset("iljtfrI1.,:;'!|()[]{} `")
_WIDE = frozenset("mwMWQO@%&")


class Ink(Protocol):
    """A line of writing.

    Attributes:
        text: What it says.
        boxes: float32 (L, 2), where each character begins and ends along the centre line.
        width: Its length in band heights.
    """

    @property
    def text(self) -> str: ...

    @property
    def boxes(self) -> np.ndarray: ...

    @property
    def width(self) -> float: ...

    def draw(self, matrix: np.ndarray, size: tuple[int, int], pen: float) -> np.ndarray:
        """Draw it.

        Args:
            matrix: (2, 3), from the ink's units to pixels.
            size: (height, width) of the picture.
            pen: Width of the stroke in pixels; a picture of ink keeps its own.

        Returns:
            uint8 (height, width), ink 255.
        """
        ...


@dataclass(frozen=True, eq=False)
class StrokeInk:
    """Ink as the way of a pen: ``strokes``, each float32 (points, 2)."""

    text: str
    boxes: np.ndarray
    width: float
    strokes: list[np.ndarray]

    @classmethod
    def from_strokes(cls, text: str, boxes: np.ndarray, strokes: list[np.ndarray]) -> StrokeInk:
        """Strokes in units of about a band height, laid in their band; ``boxes`` (L, 2) in the same units."""
        middles = np.concatenate([(s[1:] + s[:-1]) / 2 if len(s) > 1 else s for s in strokes])
        lengths = [np.hypot(*np.diff(s, axis=0).T) if len(s) > 1 else np.full(1, 0.05) for s in strokes]
        band = _band(middles[:, 0], middles[:, 1], np.concatenate(lengths) + 1e-4, _SMALLEST)
        left = float(middles[:, 0].min())
        placed = []
        for stroke in strokes:
            level = np.empty_like(stroke)
            level[:, 0] = (stroke[:, 0] - left) / band.height
            level[:, 1] = (stroke[:, 1] - band.centre - band.slope * stroke[:, 0]) / band.height
            placed.append(level)
        width = float(middles[:, 0].max() - left) / band.height
        return cls(text, ((boxes - left) / band.height).astype(np.float32), width, placed)

    def draw(self, matrix: np.ndarray, size: tuple[int, int], pen: float) -> np.ndarray:
        height, width = size
        canvas = np.zeros((height * SUPERSAMPLING, width * SUPERSAMPLING), np.uint8)
        fine = matrix * SUPERSAMPLING
        fine[:, 2] += (SUPERSAMPLING - 1) / 2
        points = np.concatenate(self.strokes) @ fine[:, :2].T + fine[:, 2]
        fixed = np.rint(points * (1 << _SHIFT)).astype(np.int32)
        ends = np.cumsum([len(stroke) for stroke in self.strokes])
        lines = np.split(fixed, ends[:-1])
        thickness = max(1, round(pen * SUPERSAMPLING))
        cv2.polylines(canvas, lines, False, 255, thickness, cv2.LINE_AA, _SHIFT)
        for line in lines:
            if len(line) == 1 or int(np.ptp(line, axis=0).max()) < thickness << _SHIFT:
                centre = line.mean(axis=0).astype(int)
                cv2.circle(
                    canvas, tuple(centre.tolist()), int(thickness * 0.6 * (1 << _SHIFT)), 255, -1, cv2.LINE_AA, _SHIFT
                )
        picture = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
        thinner = pen * SUPERSAMPLING / thickness
        return picture if thinner >= 1 else cv2.convertScaleAbs(picture, alpha=thinner)


@dataclass(frozen=True, eq=False)
class RasterInk:
    """Ink as a picture: uint8 (h, w), ink 255; ``to_units`` (3, 3) takes its pixels to the ink's units."""

    text: str
    boxes: np.ndarray
    width: float
    picture: np.ndarray
    to_units: np.ndarray

    @classmethod
    def from_picture(cls, text: str, boxes: np.ndarray, picture: np.ndarray) -> RasterInk | None:
        """A picture of ink at any size with ``boxes`` (L, 2) in its pixels; None if it is empty."""
        columns = np.flatnonzero(picture.max(0) > 64)
        if not len(columns):
            return None
        left, right = int(columns[0]), int(columns[-1]) + 1
        y, x = np.nonzero(picture > 64)
        band = _band(x.astype(np.float64), y.astype(np.float64), picture[y, x].astype(np.float64), 3.0)
        start = max(0, left - 2)
        to_units = np.array(
            [
                [1, 0, start - left],
                [-band.slope, 1, -band.centre - band.slope * start],
                [0, 0, band.height],
            ]
        )
        units = ((boxes - left) / band.height).astype(np.float32)
        return cls(text, units, (right - left) / band.height, picture[:, start : right + 2], to_units / band.height)

    def draw(self, matrix: np.ndarray, size: tuple[int, int], pen: float) -> np.ndarray:
        picture, to_units = self.picture, self.to_units
        scale = float(matrix[1, 1] * to_units[1, 1])
        if scale < 0.6:  # bilinear sampling would skip rows
            shrunk = (max(1, round(picture.shape[1] * scale / 0.6)), max(1, round(picture.shape[0] * scale / 0.6)))
            to_units = to_units @ np.diag([picture.shape[1] / shrunk[0], picture.shape[0] / shrunk[1], 1])
            picture = cv2.resize(picture, shrunk, interpolation=cv2.INTER_AREA)
        to_pixels = matrix @ to_units
        return cv2.warpAffine(picture, to_pixels, size[::-1], flags=cv2.INTER_LINEAR)


def _band(x: np.ndarray, y: np.ndarray, weights: np.ndarray, smallest: float) -> Band:
    """The band of a line without neighbours; most of the ink's height where that is one stroke across, as in an F."""
    band = fit_band(x, y, weights)
    ink = float(np.ptp(y - band.slope * x))
    if band.height < ink * (_THIN_ALONE if np.ptp(x) < _ALONE * ink else _THIN):
        return Band(float(y.min() + y.max()) / 2, 0.0, max(_MIDDLE * float(np.ptp(y)), smallest))
    return replace(band, height=max(band.height, _LEAST * ink, smallest))


def character_boxes(text: str, left: float, right: float) -> np.ndarray:
    """Where the characters of a word stand between its ends, float32 (L, 2), guessed from how wide they are."""
    shares = np.array([0.55 if c in _NARROW else 1.4 if c in _WIDE else 1.0 for c in text])
    edges = left + (right - left) * np.concatenate([[0], np.cumsum(shares)]) / shares.sum()
    return np.stack([edges[:-1], edges[1:]], axis=1).astype(np.float32)


def bend(picture: np.ndarray, rng: np.random.Generator, amount: float, size: float) -> np.ndarray:
    """Displace a picture smoothly by about ``amount`` pixels, differently every ``size`` pixels."""
    height, width = picture.shape
    grid = (max(2, round(width / size) + 1), max(2, round(height / size) + 1))
    maps = []
    for base in np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)):
        noise = rng.normal(0, amount, grid[::-1]).astype(np.float32)
        maps.append(base + cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC))
    return cv2.remap(picture, maps[0], maps[1], cv2.INTER_LINEAR)

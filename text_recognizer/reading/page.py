"""A page or paragraph into its lines, in reading order.

Letters are connected components of ink. Along the page's skew, the ink's row profile peaks once per line. Each
component goes to the nearest line, so a line's picture holds its own ascenders and descenders and none of its
neighbours'. Columns of text are parted first, at gaps through the whole page (Nagy, Seth and Viswanathan, "A prototype
document image analysis system for technical journals", Computer 1992).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from text_recognizer.imaging.normalization import ink_of

_COLUMN_GAP = 3.0  # letter heights
_LINES_OF_A_COLUMN = 3
_SLOPES = np.linspace(-0.1, 0.1, 41)


class PageLine(NamedTuple):
    """A line of a page.

    Attributes:
        picture: uint8 (h, w), its ink dark on white.
        x: Where it begins in the page, in pixels.
        y: Where it begins from the top, in pixels.
    """

    picture: np.ndarray
    x: int
    y: int


class _Components(NamedTuple):
    """Connected components of ink."""

    labels: np.ndarray  # int32 (h, w), 0 for paper
    numbers: np.ndarray  # (n,), their labels
    boxes: np.ndarray  # (n, 4), x, y, width, height
    areas: np.ndarray  # (n,), pixels

    @property
    def centres(self) -> tuple[np.ndarray, np.ndarray]:
        """x and y of the middles of the boxes."""
        return self.boxes[:, 0] + self.boxes[:, 2] / 2, self.boxes[:, 1] + self.boxes[:, 3] / 2

    def chosen(self, which: np.ndarray) -> _Components:
        return _Components(self.labels, self.numbers[which], self.boxes[which], self.areas[which])


def split_lines(page: np.ndarray) -> list[PageLine]:
    """Find the lines of a page.

    Args:
        page: uint8 (h, w) grey.

    Returns:
        The lines from top to bottom, column by column; none for blank paper.
    """
    ink = ink_of(page)
    if ink is None:
        return []
    components = _components(_without_rules(ink))
    if not len(components.numbers):
        return []
    letter = _letter_height(components)
    components = components.chosen(components.areas >= (letter / 8) ** 2)
    slope = _skew(components, letter)
    columns = _columns(components, letter)
    return [_cut(ink, line, letter) for column in columns for line in _lines(column, letter, slope)]


def _without_rules(ink: np.ndarray) -> np.ndarray:
    """Whether each pixel is ink (uint8 0 or 1), without lines ruled across a good part of the page."""
    mask = (ink > 110).astype(np.uint8)
    runs = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((1, 30), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(runs, connectivity=8)
    long = stats[:, 2] > np.maximum(0.3 * ink.shape[1], 10 * stats[:, 3])
    long[0] = False
    if not long.any():
        return mask
    mask[cv2.dilate(long[labels].astype(np.uint8), np.ones((3, 1), np.uint8)) > 0] = 0
    mended = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((7, 1), np.uint8))
    return mended * (ink > 110)


def _components(mask: np.ndarray) -> _Components:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return _Components(labels, np.arange(1, len(stats)), stats[1:, :4], stats[1:, 4])


def _letter_height(components: _Components) -> float:
    """The height at which half of the ink lies in lower components: specks and dots weigh little."""
    heights = components.boxes[:, 3]
    order = np.argsort(heights)
    middle = np.searchsorted(np.cumsum(components.areas[order]), components.areas.sum() / 2)
    return float(heights[order][middle])


def _skew(components: _Components, letter: float) -> float:
    """The slope at which the middles of the components fall most nearly on few rows."""
    x, y = components.centres
    sharpness = []
    for slope in _SLOPES:
        rows = np.rint((y - slope * x) / (letter / 3)).astype(int)
        profile = np.bincount(rows - rows.min(), weights=components.areas)
        sharpness.append((profile**2).sum())
    best = np.flatnonzero(np.array(sharpness) >= 0.98 * max(sharpness))
    return float(_SLOPES[best[np.argmin(np.abs(_SLOPES[best]))]])


def _columns(components: _Components, letter: float) -> list[_Components]:
    """Part the page at wide gaps that run from top to bottom, where both sides hold several lines."""
    left, right = components.boxes[:, 0], components.boxes[:, 0] + components.boxes[:, 2]
    order = np.argsort(left)
    reach = np.maximum.accumulate(right[order])
    gaps = np.flatnonzero(left[order][1:] - reach[:-1] > _COLUMN_GAP * letter)
    for gap in gaps:
        sides = [components.chosen(np.sort(order[: gap + 1])), components.chosen(np.sort(order[gap + 1 :]))]
        if min(np.ptp(side.centres[1]) for side in sides) > _LINES_OF_A_COLUMN * 1.5 * letter:
            return [sides[0], *_columns(sides[1], letter)]
    return [components]


def _lines(components: _Components, letter: float, slope: float) -> list[_Components]:
    """Give each component to the nearest peak of the row profile; one that reaches over two lines is cut."""
    peaks = _peaks(components, letter, slope)
    components = _cut_between(components, peaks, slope)
    x, y = components.centres
    nearest = np.abs((y - slope * x)[:, None] - peaks).argmin(1)
    return [components.chosen(nearest == number) for number in range(len(peaks)) if np.any(nearest == number)]


def _peaks(components: _Components, letter: float, slope: float) -> np.ndarray:
    """Rows of the lines' middles, top to bottom, where x is 0."""
    x, _ = components.centres
    tops = components.boxes[:, 1] - slope * x
    origin = int(np.floor(tops.min())) - int(letter)
    first = np.rint(tops).astype(int) - origin
    height = components.boxes[:, 3]
    density = components.areas / height
    size = int((first + height).max() + 2 * letter)
    steps = np.bincount(first, density, size) - np.bincount(first + height, density, size)
    reach = max(1, round(letter / 2))
    window = np.hanning(2 * reach + 3)[1:-1]
    profile = np.convolve(np.cumsum(steps), window / window.sum(), mode="same")
    rising = np.diff(profile, prepend=0.0, append=0.0)
    found = np.flatnonzero((rising[:-1] > 0) & (rising[1:] <= 0) & (profile > 0.1 * profile.max()))
    kept: list[int] = []
    for peak in found.tolist():
        if kept and _is_same_line(profile, kept[-1], peak, letter):
            kept[-1] = max(kept[-1], peak, key=lambda row: profile[row])
        else:
            kept.append(peak)
    return np.array(kept) + origin


def _is_same_line(profile: np.ndarray, upper: int, lower: int, letter: float) -> bool:
    valley = profile[upper:lower].min()
    return lower - upper < letter or bool(valley > 0.7 * min(profile[upper], profile[lower]))


def _cut_between(components: _Components, peaks: np.ndarray, slope: float) -> _Components:
    """Cut components that hold the middles of two lines, halfway between these."""
    labels, boxes, areas = components.labels.copy(), [*components.boxes], [*components.areas]
    numbers = components.numbers.tolist()
    new = int(labels.max()) + 1
    for index in range(len(numbers)):
        x, y, width, height = boxes[index]
        drop = slope * (x + width / 2)
        inside = peaks[(peaks + drop > y) & (peaks + drop < y + height)]
        for border in np.rint((inside[1:] + inside[:-1]) / 2 + drop).astype(int).tolist():
            below = labels[border : y + height, x : x + width]
            area = np.count_nonzero(below == numbers[index])
            below[below == numbers[index]] = new
            boxes[index] = np.array([x, boxes[index][1], width, border - boxes[index][1]])
            areas[index] -= area
            boxes.append(np.array([x, border, width, y + height - border]))
            areas.append(area)
            numbers.append(new)
            new += 1
    return _Components(labels, np.array(numbers), np.array(boxes), np.array(areas))


def _cut(ink: np.ndarray, line: _Components, letter: float) -> PageLine:
    """The line's own ink, with a margin, dark on white."""
    margin = round(letter / 2)
    x0, y0 = np.maximum(line.boxes[:, :2].min(0) - margin, 0)
    x1, y1 = (line.boxes[:, :2] + line.boxes[:, 2:]).max(0) + margin
    own = np.zeros(int(line.labels.max()) + 1, np.uint8)
    own[line.numbers] = 255
    mask = cv2.dilate(own[line.labels[y0:y1, x0:x1]], np.ones((3, 3), np.uint8))
    return PageLine(255 - cv2.min(ink[y0:y1, x0:x1], mask), int(x0), int(y0))

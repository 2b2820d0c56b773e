"""Normalization: any picture of one line becomes ink 255 on 0 at one height, size and place.

The size comes from the writing itself. The ink's centre line (a smooth curve, so skew and a wandering baseline are
followed) and its vertical spread around that line are estimated together, with ink far off the line trimmed away; so
neither the picture's height nor ascenders, specks or pieces of neighbouring lines decide. The spread is scaled to that
of letters ``X_HEIGHT`` high, and the centre line is laid on the middle row. At last, writing that slants more or less
than most is sheared to slant as most does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import cv2
import numpy as np

from text_recognizer.imaging.sheet.grid import Grid
from text_recognizer.imaging.sheet.plane import Plane
from text_recognizer.imaging.slant import slant_of

HEIGHT = 40
X_HEIGHT = 18
MARGIN = 6
SLANTS = (0.1, 0.3)
"""Least and greatest slant to the right of a normalized line, as tangents of the angle."""
NORMALIZATION = {"height": HEIGHT, "core_height": X_HEIGHT, "margin": MARGIN, "leans": list(SLANTS), "version": 2}
"""What a model file states about the lines it was trained on."""

_WAVES = (0.06, 0.02, 0.015, 0.01)
"""Expected rise of a centre line's slope, sag and waves (Legendre polynomials 1 to 4) over half its width."""
_MIN_CONTRAST = 0.12 * 255
_RULE_COVERAGE = 0.85
_MIN_X_HEIGHT = 4.0  # pixels; smaller letters cannot be read
_SHORTEST_SLANTED = 5 * X_HEIGHT  # columns; fewer letters do not tell their slant
_REMAP_COLUMNS = 8192  # OpenCV remaps at most 32,767
_SINGLE_PASS_HEIGHT = 160
_HEIGHT_OF_PAGES = 400
_COARSE_HEIGHT, _COARSE_WIDTH = 800, 4000


@dataclass(frozen=True, eq=False)
class NormalizedLine:
    """A normalized line.

    Attributes:
        image: uint8 (HEIGHT, W), ink 255 on 0.
        scale: Prepared pixels per picture pixel.
        left: Where column 0 of ``image`` begins in the picture, in picture pixels.
        rows: float (W,), where the middle row of ``image`` lies in the picture at each column, in picture pixels; None
            where that is not known.
        plane: Where the sheet lies askew, its level view, of which ``scale``, ``left`` and ``rows`` tell then.
        cell: The table in which it stands, and the number of its cell there; in pixels of ``plane`` or the picture.
    """

    image: np.ndarray
    scale: float
    left: float
    rows: np.ndarray | None = None
    plane: Plane | None = None
    cell: tuple[Grid, int] | None = None

    def to_picture(self, x: np.ndarray) -> np.ndarray:
        """Map x in the normalized line to x in the picture, along the middle row."""
        return self.places(x, np.zeros(np.shape(x)))[..., 0]

    def places(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Where points are in the picture, float (..., 2) as x and y.

        Args:
            x: float (...), columns of the normalized line.
            y: float (...), rows below its middle row.
        """
        middle = 0.0 if self.rows is None else np.interp(x, np.arange(len(self.rows)) + 0.5, self.rows)
        points = np.stack([np.asarray(x) / self.scale + self.left, middle + np.asarray(y) / self.scale], axis=-1)
        return np.asarray(points) if self.plane is None else self.plane.place(points)

    def within(self, part: NormalizedLine | None) -> NormalizedLine | None:
        """A line that was prepared from ``image``, in terms of the picture."""
        if part is None:
            return None
        scale, left = part.scale * self.scale, self.left + part.left / self.scale
        whole = replace(self, image=part.image, scale=scale, left=left, rows=None)
        if self.rows is None:
            return whole
        columns = np.arange(part.image.shape[1]) + 0.5
        rows = np.interp(part.to_picture(columns), np.arange(len(self.rows)) + 0.5, self.rows)
        return replace(whole, rows=rows)

    def from_picture(self, x: np.ndarray) -> np.ndarray:
        """Map x in the picture to x in the normalized line, along the middle row."""
        if self.plane is None:
            return (np.asarray(x) - self.left) * self.scale
        columns = np.arange(self.image.shape[1] + 1.0)
        return np.asarray(np.interp(x, self.to_picture(columns), columns))


def normalize(picture: np.ndarray) -> NormalizedLine | None:
    """Normalize a picture of one line.

    Args:
        picture: uint8 (h, w) grey, dark writing on light or light on dark.

    Returns:
        The line, or None where the picture holds no writing.
    """
    height, width = picture.shape
    if height <= _SINGLE_PASS_HEIGHT:
        return _normalize_close(picture)
    factor = min(1.0, _COARSE_HEIGHT / height, _COARSE_WIDTH / width)
    ink = ink_of(_resize(picture, factor))
    if ink is None:
        return None
    top, bottom = _strongest_band(np.mean(ink > 127, axis=1))
    extent = (bottom - top) / factor
    top, bottom = max(0, int(top / factor - extent)), int(np.ceil(bottom / factor + extent))
    shrink = min(1.0, 2 * X_HEIGHT / extent)
    line = _normalize_close(_resize(picture[top:bottom], shrink))
    return line and NormalizedLine(line.image, line.scale * shrink, line.left / shrink)


def normalize_lines(images: np.ndarray, widths: Sequence[int] | np.ndarray) -> list[NormalizedLine | None]:
    """Normalize composed lines, the way of a picture.

    Args:
        images: uint8 (B, H, W), ink 255 on 0.
        widths: The columns of each line that count, integers (B,).

    Returns:
        One normalized line per image (None for an empty one); ``from_picture`` maps character boxes into it.
    """
    use_one_thread_per_line()
    return [normalize(255 - image[:, :width]) for image, width in zip(images, widths, strict=True)]


def use_one_thread_per_line() -> None:
    """Keep OpenCV, process-wide, from sharing out one small line among threads: that costs more than it gains."""
    cv2.setNumThreads(1)


def ink_of(picture: np.ndarray) -> np.ndarray | None:
    """How much ink each pixel holds, whatever the paper, the light and the polarity.

    Args:
        picture: uint8 (h, w) grey.

    Returns:
        uint8 (h, w), ink 255 on 0, or None where nothing stands out of the paper.
    """
    if light_on_dark(picture):
        picture = cv2.bitwise_not(picture)
    ink = cv2.bitwise_not(cv2.divide(picture, _paper(picture), scale=255))
    counts = cv2.calcHist([ink], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    low, middle = np.searchsorted(np.cumsum(counts), counts.sum() * np.array([0.05, 0.35]))
    noise = (middle - low) / 1.26  # standard deviations of normal noise between its quantiles 0.05 and 0.35
    floor = int(middle + 4 * noise)
    threshold, high = _otsu(np.where(np.arange(256) > floor, counts, 0))
    if high - middle < max(_MIN_CONTRAST, 7 * noise):
        return None
    floor = min(floor, threshold)
    contrast = np.clip((np.arange(256) - floor) * (255 / (high - floor)), 0, 255)
    return cv2.LUT(ink, contrast.astype(np.uint8))


def light_on_dark(picture: np.ndarray) -> bool:
    """Whether the writing, being the rarer of both, is the lighter: the sign of the skewness once the light is even."""
    height, width = picture.shape
    rows, down = (25, 0.5) if height < _HEIGHT_OF_PAGES else (400, 8)  # 25 rows miss a line on an empty sheet
    sample = picture[:: 1 + height // rows, :: 1 + width // 400].astype(np.float32)
    blocks = max(1, round(down * sample.shape[1] / sample.shape[0])), max(1, round(down))
    light = cv2.resize(sample, blocks, interpolation=cv2.INTER_AREA)
    sample -= cv2.resize(light, sample.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return float(np.vdot(sample, sample * sample)) > 0


def _paper(picture: np.ndarray) -> np.ndarray:
    """The light of the paper at each pixel: dark strokes closed over on a coarse grid, then smoothed."""
    height, width = picture.shape
    step = 4
    coarse = cv2.dilate(picture, np.ones((step, step), np.uint8))[::step, ::step]
    size = min(41, max(5, height // 5 | 1))
    coarse = cv2.blur(cv2.morphologyEx(coarse, cv2.MORPH_CLOSE, np.ones((size, size), np.uint8)), (5, 5))
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)


def _otsu(counts: np.ndarray) -> tuple[int, float]:
    """Otsu's threshold of a histogram (256,) and the mean of what lies above it (Otsu 1979)."""
    below, mass = np.cumsum(counts), np.cumsum(counts * np.arange(256))
    above = below[-1] - below
    mean_above = (mass[-1] - mass) / np.maximum(above, 1)
    between = below * above * (mass / np.maximum(below, 1) - mean_above) ** 2
    threshold = int(np.argmax(between))
    return threshold, float(mean_above[threshold])


@dataclass(frozen=True)
class _CentreLine:
    """The curve along the middle of the writing as points x, y, and the height of its letters, all in pixels."""

    x: np.ndarray
    y: np.ndarray
    x_height: float


def _centre_line(ink: np.ndarray, left: int, right: int) -> _CentreLine:
    """Fit the centre line and the spread of the ink around it, then again without what lies far off.

    Slope, sag and waves have normal priors, so a long line follows its ink while a short word, whose ascenders would
    tilt it, stays nearly level: the middle of n letters of height c is known to about 0.3 c / sqrt(n).
    """
    height, width = ink.shape[0], right - left
    step = max(1, min(10, width // 4), width // 256)
    count = width // step
    strong = cv2.threshold(ink[:, left : left + count * step], 100, 255, cv2.THRESH_TOZERO)[1]
    strips = cv2.resize(strong, (count, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    basis = _legendre(count)
    prior = np.diag([0, *(1 / (np.array(_WAVES) * width / 2) ** 2)])
    y = np.arange(height, dtype=np.float32)
    powers = np.stack([np.ones_like(y), y, y * y])
    top, bottom = _strongest_band(strips.mean(1))
    kept, x_height = np.zeros_like(strips), float(bottom - top)
    kept[top:bottom] = strips[top:bottom]
    for _ in range(2):
        mass, first, second = (powers @ kept).astype(np.float64)
        total = mass.sum()
        precision = max(1.0, width / x_height) / (0.3 * x_height) ** 2 / total
        coefficients = np.linalg.solve(precision * (basis * mass) @ basis.T + prior, precision * basis @ first)
        centre = coefficients @ basis
        variance = (second - 2 * centre * first + centre**2 * mass).sum() / total
        x_height = float(np.sqrt(12 * max(variance, 0) + 1))
        kept = strips * (np.abs(y[:, None] - centre.astype(np.float32)) < 0.9 * x_height)
    return _CentreLine(left + (np.arange(count) + 0.5) * step - 0.5, centre, x_height)


@lru_cache(maxsize=256)
def _legendre(count: int) -> np.ndarray:
    """The Legendre polynomials of the centre line at ``count`` points across it."""
    return np.polynomial.legendre.legvander((2 * np.arange(count) + 1) / count - 1, len(_WAVES)).T


def _strongest_band(profile: np.ndarray) -> tuple[int, int]:
    """The rows (top, bottom) around the peak of a row profile (h,) of ink that are not nearly empty."""
    size = min(5, max(1, len(profile) // 16)) | 1
    profile = np.convolve(profile, np.full(size, 1 / size, np.float32), mode="same")
    peak = int(np.argmax(profile))
    empty = profile < 0.1 * profile[peak]
    top = peak - int(np.argmax(np.append(empty[peak::-1], True))) + 1
    bottom = peak + int(np.argmax(np.append(empty[peak:], True)))
    return top, bottom


def _ink_columns(ink: np.ndarray) -> tuple[int, int] | None:
    """First and last column (exclusive) that hold ink."""
    columns = np.flatnonzero(ink.max(0) > 127)
    return (int(columns[0]), int(columns[-1]) + 1) if columns.size else None


def _normalize_close(picture: np.ndarray) -> NormalizedLine | None:
    """Prepare a picture that holds little but the line."""
    ink = ink_of(picture)
    if ink is not None:
        ink = _without_rules(ink)
    columns = None if ink is None else _ink_columns(ink)
    if ink is None or columns is None:
        return None
    line = _centre_line(ink, *columns)
    x_height = max(line.x_height, _MIN_X_HEIGHT)
    if columns[1] - columns[0] < 4 * x_height:  # too short to tell letters from a dash or a dot
        x_height = max(x_height, 3 * _stroke_width(ink))
    scale = X_HEIGHT / x_height
    image = _warp(ink, columns, line, scale)
    shear = _shear_to_usual(image)
    if not shear:
        return NormalizedLine(image, scale, columns[0] - MARGIN / scale)
    wider = int(np.ceil(abs(shear) * HEIGHT / 2 / scale))
    image = _warp(ink, (columns[0] - wider, columns[1] + wider), line, scale, shear)
    first, last = _ink_columns(image) or (0, image.shape[1])
    first = max(first - MARGIN, 0)
    return NormalizedLine(image[:, first : last + MARGIN], scale, columns[0] - wider + (first - MARGIN) / scale)


def _shear_to_usual(image: np.ndarray) -> float:
    """By how much a normalized line must be sheared to the right to slant as most do; 0 if it does, or is too short."""
    if image.shape[1] < _SHORTEST_SLANTED:
        return 0.0
    slant = slant_of(image)
    return min(max(slant, SLANTS[0]), SLANTS[1]) - slant


def _stroke_width(ink: np.ndarray) -> float:
    """Mean length of the runs of ink, down or across, whichever is shorter, in pixels."""
    mask = np.pad(ink > 127, 1)
    down = np.count_nonzero(mask & ~np.roll(mask, 1, 0))
    across = np.count_nonzero(mask & ~np.roll(mask, 1, 1))
    return int(np.count_nonzero(mask)) / max(1, int(down), int(across))


def _without_rules(ink: np.ndarray) -> np.ndarray:
    """Remove ruled lines: nearly straight, nearly level, through the gaps of the writing from edge to edge.

    A rule's pixels stay where a stroke meets them from above or below.
    """
    height, width = ink.shape
    count = width // 8
    if width < 2 * height or height < 8 or (ink.max(0) > 80).mean() < _RULE_COVERAGE:
        return ink
    runs = cv2.erode(ink[:, : count * 8], np.ones((1, 9), np.uint8))
    runs = cv2.dilate(runs, np.ones((3, 1), np.uint8)).reshape(height, count, 8).max(2) > 80
    if runs.any(0).mean() < _RULE_COVERAGE:
        return ink
    ink = ink.copy()
    reach = max(3, height // 20)
    slopes = np.linspace(-0.06, 0.06, 25)
    strip_drop = np.rint(slopes[:, None] * (np.arange(count) - count / 2) * 8).astype(int)  # (slope, strip)
    row = np.clip(np.arange(height)[:, None, None] + strip_drop, 0, height - 1)  # (y, slope, strip)
    coverage = runs[row, np.arange(count)].mean(2)
    while coverage.max() >= _RULE_COVERAGE:
        y, slope = np.unravel_index(np.argmax(coverage), coverage.shape)
        path = np.rint(y + slopes[slope] * (np.arange(width) - width / 2)).astype(int)
        _erase_along(ink, path, reach)
        coverage[max(0, y - 2 * reach) : y + 2 * reach + 1] = 0
    return ink


def _erase_along(ink: np.ndarray, path: np.ndarray, reach: int) -> None:
    """Erase ink around a path of rows (w,), except where ink goes on for ``reach`` rows up or down."""
    last = ink.shape[0] - 1
    columns = np.arange(ink.shape[1])
    offsets = np.arange(1, reach + 1)[:, None]
    above, below = (ink[np.clip(path + side * offsets, 0, last), columns].min(0) for side in (-1, 1))
    free = columns[np.maximum(above, below) < 100]
    rows = path[free] + np.arange(1 - reach, reach)[:, None]
    inside = (rows >= 0) & (rows <= last)
    ink[rows[inside], np.broadcast_to(free, rows.shape)[inside]] = 0


def _warp(ink: np.ndarray, columns: tuple[int, int], line: _CentreLine, scale: float, shear: float = 0.0) -> np.ndarray:
    """Lay the centre line level on the middle row, at ``scale``, sheared, cut to ``columns`` and a margin."""
    left, right = columns
    width = int(np.ceil((right - left) * scale)) + 2 * MARGIN
    down = (np.arange(HEIGHT) + 0.5 - HEIGHT / 2)[:, None] / scale
    x = left + (np.arange(width) + 0.5 - MARGIN) / scale - 0.5 + shear * down
    y = np.interp(x, line.x, line.y) + down
    if not 0.8 < scale < 1.5:  # too far for bilinear interpolation alone
        size = (max(1, round(ink.shape[1] * scale)), max(1, round(ink.shape[0] * scale)))
        ink = cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        x, y = (x + 0.5) * scale - 0.5, (y + 0.5) * scale - 0.5
    x, y = x.astype(np.float32), y.astype(np.float32)
    if max(width, ink.shape[1]) <= _REMAP_COLUMNS:
        return cv2.remap(ink, x, y, cv2.INTER_LINEAR)
    pieces = []
    for start in range(0, width, _REMAP_COLUMNS):
        part_x, part_y = x[:, start : start + _REMAP_COLUMNS], y[:, start : start + _REMAP_COLUMNS]
        first, last = max(0, int(part_x.min()) - 2), int(part_x.max()) + 3
        pieces.append(cv2.remap(ink[:, first:last], part_x - first, part_y, cv2.INTER_LINEAR))
    return np.hstack(pieces)


def _resize(picture: np.ndarray, factor: float) -> np.ndarray:
    if factor >= 1:
        return picture
    height, width = picture.shape
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)

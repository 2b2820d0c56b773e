"""Paper and camera: ink as a photograph or a scan shows it, with all else that is on a sheet.

Everything is measured in band heights of the line (``unit`` pixels), so that the same sheet can be seen at any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from text_recognizer.data.synthesis.ink import Ink

SHEETS: dict[str, float] = {
    "plain": 0.44,
    "rule": 0.12,
    "underline": 0.07,
    "dashes": 0.08,
    "rules": 0.08,
    "grid": 0.05,
    "frame": 0.07,
    "comb": 0.06,
    "table": 0.03,
}
"""Shares of what is printed on the sheet around a line."""
PATCHED_SHARE = 0.1
"""Share of lines without neighbours whose words were cut out and set on bare paper, as the IAM database does."""


@dataclass(frozen=True)
class View:
    """What part of a sheet is seen, and how large.

    Attributes:
        size: (height, width) in pixels.
        matrix: (2, 3), from the line's units to pixels.
        unit: Pixels per band height.
        end: Length of the line in units.
    """

    size: tuple[int, int]
    matrix: np.ndarray
    unit: float
    end: float

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Pixel of a point in units; what is printed does not lean with the writing."""
        m = self.matrix
        return float(m[0, 0] * x + m[0, 2]), float(m[1, 0] * x + m[1, 1] * y + m[1, 2])


def photograph(
    ink: Ink | None, neighbours: Sequence[tuple[Ink, np.ndarray]], view: View, rng: np.random.Generator
) -> np.ndarray:
    """A picture of a line on its sheet.

    Args:
        ink: The line, or None for a sheet without writing.
        neighbours: Other lines that may be in view, each with its own matrix from its units to pixels.
        view: What is seen.
        rng: Decides everything.

    Returns:
        uint8 (height, width), grey, dark ink on light paper.
    """
    size = view.size
    pen = _pen(rng) * view.unit
    written = np.zeros(size, np.uint8)
    for other, matrix in neighbours:
        written = np.maximum(written, other.draw(matrix, size, pen * rng.uniform(0.8, 1.2)))
    own = np.zeros(size, np.uint8) if ink is None else ink.draw(view.matrix, size, pen)
    written = np.maximum(written, own)
    coverage = written.astype(np.float32) / 255
    paper, printed = _light(size, view.unit, rng), _printed(ink, view, rng)
    page = paper * (1 - printed)
    if rng.random() < 0.08 and neighbours:
        page *= 1 - rng.uniform(0.03, 0.15) * _bleed_through(neighbours, view, pen, rng)
    tone = paper * (1 - rng.uniform(0.25, 1.0) ** 0.6)
    coverage = np.clip(coverage * rng.uniform(0.8, 1.15), 0, 1) * _grain(size, view.unit, rng)
    page = page * (1 - coverage) + np.minimum(tone, page) * coverage
    if ink is not None and not neighbours and rng.random() < PATCHED_SHARE:
        page = _patched(page, ink, view, own > 0, rng)
    return camera(page, view.unit, rng)


def _pen(rng: np.random.Generator) -> float:
    """Width of the stroke in band heights: most are pens, some fine ones, some markers."""
    kind = rng.random()
    if kind < 0.15:
        return float(rng.uniform(0.03, 0.08))
    return float(rng.uniform(0.06, 0.18) if kind < 0.78 else rng.uniform(0.15, 0.28))


def _light(size: tuple[int, int], unit: float, rng: np.random.Generator) -> np.ndarray:
    """Brightness of the bare paper, float32 in [0, 1]: uneven light, shadows with soft or hard edges, dark borders."""
    height, width = size
    level = rng.uniform(0.5, 1.0)
    if rng.random() < 0.3:
        return np.full(size, min(1.0, level + 0.3), np.float32)
    grid = (max(2, round(width / (8 * unit)) + 2), 3)
    light = level + cv2.resize(
        rng.normal(0, rng.uniform(0, 0.08), grid[::-1]).astype(np.float32),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    if rng.random() < 0.14:
        edge = np.zeros(size, np.float32)
        x = rng.uniform(0, width)
        lean = rng.uniform(-1.5, 1.5)
        corners = np.array([[x, 0], [x + lean * height, height], [width + 9, height], [width + 9, 0]], np.int32)
        cv2.fillPoly(edge, [corners], 1.0)
        if rng.random() < 0.5:
            edge = 1 - edge
        light = light * (1 - edge_blur(edge, rng.uniform(0.05, 0.8) * unit) * rng.uniform(0.08, 0.45))
    if rng.random() < 0.06:
        light = _with_border(light, unit, rng)
    return np.asarray(np.clip(light, 0.05, 1.0))


def edge_blur(mask: np.ndarray, sigma: float) -> np.ndarray:
    """A mask with soft edges."""
    return cv2.GaussianBlur(mask, (0, 0), max(0.3, sigma))


def _with_border(light: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """The end of the sheet on one side, and what it lies on: darker, seldom lighter."""
    light = light.copy()
    across = max(1, int(rng.uniform(0.05, 0.5) * unit))
    tone = rng.uniform(0.1, 1.05)
    side = rng.integers(4)
    part = (light[:across], light[-across:], light[:, : 2 * across], light[:, -2 * across :])[side]
    part *= tone
    return light


def _printed(ink: Ink | None, view: View, rng: np.random.Generator) -> np.ndarray:
    """How dark what is printed on the sheet is, float32 (h, w) in [0, 1]."""
    kind = rng.choice(list(SHEETS), p=np.array(list(SHEETS.values())) / sum(SHEETS.values()))
    canvas = _Rules(view, rng.uniform(0.02, 0.085))
    height, end = view.size[0] / view.unit, view.end
    base = 0.5 + rng.normal(0.05, 0.12)
    tilt = rng.normal(0, 0.008)
    if kind == "rule":
        canvas.level(base, tilt=tilt)
    elif kind == "underline":
        canvas.level(base + rng.uniform(0.02, 0.5), -rng.uniform(0, 0.4), end + rng.uniform(0, 0.4), tilt=2 * tilt)
        if rng.random() < 0.15:
            canvas.level(base + 0.7, 0.0, end, tilt=2 * tilt)
    elif kind == "dashes":
        dash = (rng.uniform(0.04, 0.6), rng.uniform(0.08, 0.45))
        for line in range(1 if rng.random() < 0.8 else 2):
            canvas.level(base + 2.2 * line, tilt=tilt, dash=dash)
    elif kind == "rules":
        step = rng.uniform(1.6, 3.0)
        for row in np.arange(base - 4 * step, base + 4.5 * step, step):
            canvas.level(row, tilt=tilt)
    elif kind == "grid":
        step = rng.uniform(0.4, 1.6)
        for row in np.arange(-height, height, step):
            canvas.level(row, tilt=tilt)
        for column in np.arange(-3, end + 4, step):
            canvas.upright(column)
    elif kind in ("frame", "table"):
        _draw_frame(canvas, end, rng, wide=kind == "table")
    elif kind == "comb" and ink is not None and len(ink.text) < 24:
        _draw_comb(canvas, ink, rng)
    if rng.random() < 0.04:
        canvas.upright(rng.choice((-1, 1)) * rng.uniform(0.3, 1.5) + (end if rng.random() < 0.2 else 0))
    return canvas.picture() * float(rng.uniform(0.12, 0.9))


class _Rules:
    """Straight lines on a sheet, placed in units."""

    def __init__(self, view: View, thickness: float) -> None:
        self.view = view
        self.canvas = np.zeros((view.size[0] * 2, view.size[1] * 2), np.uint8)
        self.thickness = max(1, round(2 * thickness * view.unit))
        self.empty = True

    def _segment(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        points = [tuple(round(32 * v) for v in self.view.point(*p)) for p in (start, stop)]
        cv2.line(self.canvas, points[0], points[1], 255, self.thickness, cv2.LINE_AA, 4)
        self.empty = False

    def level(
        self,
        y: float,
        left: float = -30.0,
        right: float | None = None,
        *,
        tilt: float = 0.0,
        dash: tuple[float, float] | None = None,
    ) -> None:
        """A line across, by default beyond both ends of the view."""
        right = self.view.end + 30.0 if right is None else right
        middle = self.view.end / 2
        if dash is None:
            self._segment((left, y + tilt * (left - middle)), (right, y + tilt * (right - middle)))
            return
        left, right = max(left, -4.0), min(right, self.view.end + 4.0)
        for x in np.arange(left, right, sum(dash)):
            self._segment((x, y + tilt * (x - middle)), (x + dash[0], y + tilt * (x + dash[0] - middle)))

    def upright(self, x: float, top: float = -30.0, bottom: float = 30.0) -> None:
        """A line from top to bottom."""
        self._segment((x, top), (x, bottom))

    def picture(self) -> np.ndarray:
        """What was drawn, float32 (h, w) in [0, 1]."""
        if self.empty:
            return np.zeros(self.view.size, np.float32)
        return cv2.resize(self.canvas, self.view.size[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _draw_frame(canvas: _Rules, end: float, rng: np.random.Generator, *, wide: bool) -> None:
    top, bottom = -rng.uniform(0.75, 1.25), rng.uniform(0.7, 1.25)
    left, right = -rng.uniform(0.15, 1.2), end + rng.uniform(0.15, 2.0)
    if wide:
        for y in (top, bottom):
            canvas.level(y)
        canvas.upright(left)
        canvas.upright(right)
        return
    for y in (top, bottom):
        canvas.level(y, left, right)
    for x in (left, right):
        canvas.upright(x, top, bottom)


def _draw_comb(canvas: _Rules, ink: Ink, rng: np.random.Generator) -> None:
    """A cell for each character: uprights in the middle of each gap, whole or as teeth."""
    boxes = ink.boxes
    edges = [float(boxes[0, 0]) - 0.3, *((boxes[:-1, 1] + boxes[1:, 0]) / 2).tolist(), float(boxes[-1, 1]) + 0.3]
    bottom = rng.uniform(0.65, 1.2)
    top = -rng.uniform(0.7, 1.25) if rng.random() < 0.6 else bottom - rng.uniform(0.3, 0.8)
    for x in edges:
        canvas.upright(x, top, bottom)
    canvas.level(bottom, edges[0], edges[-1])
    if rng.random() < 0.5:
        canvas.level(top, edges[0], edges[-1])


def _patched(page: np.ndarray, ink: Ink, view: View, written: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each word in its own rectangle of the scan, all else one tone; ``written`` bool (h, w) says where ink is."""
    starts = [i for i, character in enumerate(ink.text) if character != " " and (i == 0 or ink.text[i - 1] == " ")]
    stops = [*starts[1:], len(ink.text)]
    kept = np.zeros(view.size, bool)
    margin = max(1, round(rng.uniform(0.0, 0.15) * view.unit))
    for start, stop in zip(starts, stops, strict=True):
        stop = start + len(ink.text[start:stop].rstrip())
        left = max(0, int(view.point(float(ink.boxes[start, 0]), 0)[0]) - margin)
        right = int(view.point(float(ink.boxes[stop - 1, 1]), 0)[0]) + margin + 1
        rows = np.flatnonzero(written[:, left:right].any(1))
        if len(rows):
            kept[max(0, rows[0] - margin) : rows[-1] + margin + 1, left:right] = True
    return np.where(kept | written, page, np.float32(rng.uniform(0.75, 1.0) if rng.random() < 0.5 else 1.0))


def _bleed_through(
    neighbours: Sequence[tuple[Ink, np.ndarray]], view: View, pen: float, rng: np.random.Generator
) -> np.ndarray:
    """Writing on the other side of the sheet, mirrored and faint."""
    other = neighbours[int(rng.integers(len(neighbours)))][0]
    matrix = view.matrix.copy()
    matrix[0, 0] *= -1
    matrix[0, 2] = view.size[1] * rng.uniform(0.5, 1.2)
    matrix[1, 2] += rng.normal(0, 0.8) * view.unit
    return edge_blur(other.draw(matrix, view.size, pen).astype(np.float32) / 255, 0.06 * view.unit)


def _grain(size: tuple[int, int], unit: float, rng: np.random.Generator) -> np.ndarray | float:
    """What a pencil or a dry pen leaves out, as a factor of the ink."""
    if rng.random() > 0.22:
        return 1.0
    noise = cv2.GaussianBlur(rng.random(size, np.float32), (0, 0), max(0.5, rng.uniform(0.02, 0.06) * unit))
    low, high = noise.min(), noise.max()
    return np.asarray(np.clip(1 - (noise - low) / max(high - low, 1e-6) * rng.uniform(0.2, 1.0), 0, 1))


def camera(page: np.ndarray, unit: float, rng: np.random.Generator) -> np.ndarray:
    """What a camera makes of a page, float32 (h, w) in [0, 1]: blur, few pixels, tones, noise, JPEG; uint8."""
    height, width = page.shape
    if rng.random() < 0.5:
        page = cv2.GaussianBlur(page, (0, 0), rng.uniform(0.02, 0.075) * unit)
    if rng.random() < 0.35:
        small = max(0.25, min(1.0, rng.uniform(5.5, 12) / unit))
        shrunk = cv2.resize(page, None, fx=small, fy=small, interpolation=cv2.INTER_AREA)
        page = cv2.resize(
            shrunk, (width, height), interpolation=cv2.INTER_CUBIC if rng.random() < 0.5 else cv2.INTER_LINEAR
        )
    if rng.random() < 0.4:
        page = np.clip(page, 0, 1) ** np.float32(rng.uniform(0.65, 1.6))
    if rng.random() < 0.5:
        page = page + rng.standard_normal(page.shape, np.float32) * np.float32(rng.uniform(0, 0.035))
    picture = np.clip(page * 255, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = int(rng.integers(25, 90))
        picture = cv2.imdecode(
            cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_GRAYSCALE
        )
    if rng.random() < 0.05:
        dark, light = np.percentile(picture, (1, 90))
        picture = np.where(picture > dark + rng.uniform(0.4, 0.7) * (light - dark), 255, 0).astype(np.uint8)
    return np.asarray(picture)

"""Pieces of written sheets and where their lines are, to train the finder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np

from text_recognizer.data.sets.paper_lines import PaperLineDataset
from text_recognizer.data.synthesis.desk import boxed, on_desk
from text_recognizer.data.synthesis.ink import Ink
from text_recognizer.data.synthesis.paper import View, photograph
from text_recognizer.imaging.crop import FINDER_STRIDE, even_contrast

SHAPES = ((64, 256), (64, 448), (64, 640), (192, 320), (256, 256), (320, 448), (448, 320))
"""Heights and widths of the pieces: three as pictures of lines are, the others as parts of pages."""
LINE_HEIGHT = 64
"""Height of the pieces that are as pictures of lines."""
_LINE_SHARE = 0.45
_BATCH_AREA = 64 * 448  # pixels of a piece at which a batch has the size asked for
_BLANK, _ON_DESK, _BOXED, _INVERTED = 0.03, 0.4, 0.12, 0.06


class Sheets(NamedTuple):
    """A batch of pieces of sheets.

    Attributes:
        images: uint8 (B, H, W), grey.
        bands: float32 (B, 3, H / 4, W / 4): 1 inside a band and 0 outside, -1 where it does not count; logarithm of the
            band's height; band heights down to the centre line.
    """

    images: Any
    bands: Any


@dataclass(frozen=True)
class _Layout:
    """Where lines go on a piece: its shape, and the sheet on it as (left, top, right, bottom) in pixels."""

    shape: tuple[int, int]
    sheet: tuple[float, float, float, float]
    unit: float
    slope: float

    @property
    def is_page(self) -> bool:
        return self.shape[0] > LINE_HEIGHT

    @property
    def on_desk(self) -> bool:
        return self.sheet != (0, 0, self.shape[1], self.shape[0])


class SheetDataset:
    """Pieces of sheets with lines of a :class:`PaperLineDataset`; piece ``i`` is the same bytes anywhere."""

    def __init__(self, lines: PaperLineDataset, seed: int) -> None:
        self.lines, self.seed = lines, seed

    def batch(self, index: int, size: int) -> Sheets:
        """Batch ``index`` of pieces of one shape: ``size`` of the usual area, fewer of larger ones."""
        rng = np.random.default_rng((self.seed, index))
        kind = SHAPES[:3] if rng.random() < _LINE_SHARE else SHAPES[3:]
        shape = kind[int(rng.integers(len(kind)))]
        size = min(size, max(2, size * _BATCH_AREA // (shape[0] * shape[1])))
        pieces = [self.piece(index * 1000 + k, shape) for k in range(size)]
        return Sheets(np.stack([image for image, _ in pieces]), np.stack([bands for _, bands in pieces]))

    def piece(self, index: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Piece ``index``: picture uint8 (H, W) and bands float32 (3, H / 4, W / 4)."""
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self.seed, 7, index))
        layout = _layout(shape, rng)
        placed = [] if layout.is_page and rng.random() < _BLANK else self._place(rng, index, layout)
        picture = _photographed(placed, layout, rng)
        if placed and layout.is_page and rng.random() < _BOXED:
            picture = boxed(picture, placed, rng)
        if layout.on_desk:
            picture = on_desk(picture, layout.sheet, layout.slope, rng)
        if rng.random() < _INVERTED:
            picture = 255 - picture
        return even_contrast(picture), band_maps(placed, shape)

    def _place(self, rng: np.random.Generator, index: int, layout: _Layout) -> list[tuple[Ink, np.ndarray]]:
        """Lines and their matrices: one or more of one size below each other, seldom in two columns."""
        left, top, right, bottom = layout.sheet
        alone = not layout.is_page and rng.random() < 0.45
        shear, stretch = rng.uniform(-0.2, 0.45), float(np.exp(rng.normal(0, 0.1)))
        spacing = layout.unit * rng.uniform(1.9, 4.0)
        first = (top + bottom) / 2 + rng.normal(0, 0.12) * (bottom - top)
        reach = -1.2 if layout.on_desk else 1.2
        rows = [first] if alone else [first + k * spacing for k in range(-12, 13)]
        rows = [row for row in rows if top - reach * layout.unit < row < bottom + reach * layout.unit]
        columns = [left]
        if layout.is_page and rng.random() < 0.3:
            columns.append(left + (right - left) * rng.uniform(0.45, 0.6))
        placed = []
        for column, end in zip(columns, [*columns[1:], right], strict=True):
            must_fit = layout.on_desk or end < right
            margin = column + (rng.uniform(0.02, 0.3) if layout.on_desk else rng.uniform(-0.15, 0.25)) * (end - column)
            for k, row in enumerate(rows):
                if rng.random() < 0.08 and len(rows) > 1:
                    continue
                start = margin + rng.normal(0, 0.5) * layout.unit
                size = layout.unit * float(np.exp(rng.normal(0, 0.06)))
                number = index * 64 + k + (32 if column > left else 0)
                ink = self._ink(rng, number, (end - start) / size, must_fit)
                if ink is None:
                    continue
                fitting = 1.0
                if alone and rng.random() < 0.8:  # a crop that fits the line
                    start = left + rng.uniform(0.1, 2.0) * layout.unit
                    room = right - start - layout.unit
                    fitting = float(np.clip(room / (ink.width * size * stretch), 0.6, 1.0))
                tilt = layout.slope * size * stretch * fitting
                down = row + rng.normal(0, 0.05) * layout.unit + layout.slope * (start - (left + right) / 2)
                matrix = np.array([[size * stretch * fitting, -shear * size, start], [tilt, size, down]])
                placed.append((ink, matrix))
        return placed

    def _ink(self, rng: np.random.Generator, number: int, room: float, must_fit: bool) -> Ink | None:
        """Writing for one line; None if the one drawn is empty, or does not fit into ``room`` band heights."""
        for again in range(6 if must_fit else 1):
            plan = self.lines.plan(number + (again << 40))
            if must_fit and plan.width > 0.8 * room:
                continue
            ink = self.lines.ink(plan, rng)
            if ink is not None and ink.width >= 0.2 and not (must_fit and ink.width > 0.9 * room):
                return ink
        return None


def _layout(shape: tuple[int, int], rng: np.random.Generator) -> _Layout:
    """How large the writing on a piece is, how it is tilted, and how much of the piece is paper."""
    height, width = shape
    is_page = height > LINE_HEIGHT
    sizes = (8, 24) if is_page and rng.random() < 0.7 else (6, 44) if is_page else (5, 34)
    if not is_page and rng.random() < 0.7:
        sizes = (11, 30)
    unit = float(np.exp(rng.uniform(*np.log(sizes))))
    slope = rng.normal(0, 0.03) if rng.random() < 0.8 else rng.normal(0, 0.1)
    sheet = (0.0, 0.0, float(width), float(height))
    if is_page and rng.random() < _ON_DESK:
        cut = rng.uniform(0.04, 0.4, 4) * (rng.random(4) < 0.6)
        sheet = (cut[0] * width, cut[1] * height, width * (1 - cut[2] * 0.9), height * (1 - cut[3] * 0.9))
        unit = min(unit, (sheet[3] - sheet[1]) / 5)
    return _Layout(shape, sheet, unit, slope)


def _photographed(placed: list[tuple[Ink, np.ndarray]], layout: _Layout, rng: np.random.Generator) -> np.ndarray:
    """The lines on paper, uint8 (H, W)."""
    if not placed:
        unit = layout.unit
        matrix = np.array([[unit, 0, 0], [0, unit, layout.shape[0] / 2]])
        return photograph(None, [], View(layout.shape, matrix, unit, layout.shape[1] / unit), rng)
    main, matrix = placed[int(rng.integers(len(placed)))]
    others = [(ink, other) for ink, other in placed if ink is not main]
    return photograph(main, others, View(layout.shape, matrix, layout.unit, main.width), rng)


def band_maps(placed: list[tuple[Ink, np.ndarray]], shape: tuple[int, int]) -> np.ndarray:
    """What the finder is to give for lines placed on a picture, float32 (3, H / 4, W / 4)."""
    rows, columns = shape[0] // FINDER_STRIDE, shape[1] // FINDER_STRIDE
    y = (np.arange(rows)[:, None] + 0.5) * FINDER_STRIDE - 0.5
    x = (np.arange(columns)[None] + 0.5) * FINDER_STRIDE - 0.5
    maps = np.zeros((3, rows, columns), np.float32)
    nearest = np.full((rows, columns), np.inf, np.float32)
    for ink, matrix in placed:
        along = (x - matrix[0, 2]) / matrix[0, 0]
        down = (matrix[1, 0] * along + matrix[1, 2] - y) / matrix[1, 1]  # band heights to the centre line
        distance = np.abs(down)
        beside = (along >= -0.15) & (along <= ink.width + 0.15)
        inside = beside & (distance < nearest)
        nearest[inside] = distance[inside]
        maps[0] = np.where(inside & (distance < 0.5), 1, maps[0])
        maps[0] = np.where(inside & (distance >= 0.42) & (distance < 0.62), -1, maps[0])
        maps[1] = np.where(inside, np.log(matrix[1, 1]), maps[1])
        maps[2] = np.where(inside, down, maps[2])
    return maps

"""Pieces of written sheets and where their lines are, to train the finder."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np

from text_recognizer.data.sets.paper_lines import PaperLineDataset
from text_recognizer.data.synthesis.ink import Ink
from text_recognizer.data.synthesis.paper import View, photograph
from text_recognizer.imaging.crop import FINDER_STRIDE, even_contrast

SHAPES = ((64, 256), (64, 448), (64, 640), (192, 320), (256, 256))
"""Heights and widths of the pieces: three as pictures of lines are, two as parts of pages."""


class Sheets(NamedTuple):
    """A batch of pieces of sheets.

    Attributes:
        images: uint8 (B, H, W), grey.
        bands: float32 (B, 3, H / 4, W / 4): 1 inside a band and 0 outside, -1 where it does not count; logarithm of the
            band's height; band heights down to the centre line.
    """

    images: Any
    bands: Any


class SheetDataset:
    """Pieces of sheets with lines of a :class:`PaperLineDataset`; piece ``i`` is the same bytes anywhere."""

    def __init__(self, lines: PaperLineDataset, seed: int) -> None:
        self.lines, self.seed = lines, seed

    def batch(self, index: int, size: int) -> Sheets:
        """Batch ``index`` of ``size`` pieces of one shape."""
        shape = SHAPES[int(np.random.default_rng((self.seed, index)).integers(len(SHAPES)))]
        pieces = [self.piece(index * 1000 + k, shape) for k in range(size)]
        return Sheets(np.stack([image for image, _ in pieces]), np.stack([bands for _, bands in pieces]))

    def piece(self, index: int, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Piece ``index``: picture uint8 (H, W) and bands float32 (3, H / 4, W / 4)."""
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self.seed, 7, index))
        is_page = shape[0] > 64
        unit = float(np.exp(rng.uniform(np.log(5), np.log(14 if is_page else 34))))
        if not is_page and rng.random() < 0.7:
            unit = float(np.exp(rng.uniform(np.log(11), np.log(30))))
        placed = self._place(rng, index, shape, unit, is_page)
        if not placed:
            view = View(shape, np.array([[unit, 0, 0], [0, unit, shape[0] / 2]]), unit, shape[1] / unit)
            return even_contrast(photograph(None, [], view, rng)), band_maps([], shape)
        main, matrix = placed[int(rng.integers(len(placed)))]
        others = [(ink, other) for ink, other in placed if ink is not main]
        view = View(shape, matrix, unit, main.width)
        picture = photograph(main, others, view, rng)
        if rng.random() < 0.06:
            picture = 255 - picture
        return even_contrast(picture), band_maps(placed, shape)

    def _place(
        self, rng: np.random.Generator, index: int, shape: tuple[int, int], unit: float, is_page: bool
    ) -> list[tuple[Ink, np.ndarray]]:
        """Lines and their matrices: one or more of one size below each other, seldom in two columns."""
        height, width = shape
        slope = rng.normal(0, 0.03) if rng.random() < 0.8 else rng.normal(0, 0.1)
        shear, stretch = rng.uniform(-0.2, 0.45), float(np.exp(rng.normal(0, 0.1)))
        spacing = unit * rng.uniform(1.9, 4.0)
        alone = not is_page and rng.random() < 0.45
        first = height / 2 + rng.normal(0, 0.12) * height
        if alone:
            rows = [first]
        else:
            rows = [
                first + k * spacing for k in range(-9, 10) if -1.2 * unit < first + k * spacing < height + 1.2 * unit
            ]
        columns = [0.0] if not is_page or rng.random() < 0.7 else [0.0, width * rng.uniform(0.45, 0.6)]
        placed = []
        for column in columns:
            margin = rng.uniform(-0.15, 0.25) * width + column
            for k, row in enumerate(rows):
                if rng.random() < 0.08 and len(rows) > 1:
                    continue
                plan = self.lines.plan(index * 64 + k + (32 if column else 0))
                ink = self.lines.ink(plan, rng)
                if ink is None or ink.width < 0.2:
                    continue
                left = margin + rng.normal(0, 0.5) * unit
                size = unit * float(np.exp(rng.normal(0, 0.06)))
                fitting = 1.0
                if alone and rng.random() < 0.8:  # a crop that fits the line
                    left = rng.uniform(0.1, 2.0) * unit
                    fitting = float(np.clip((width - left - unit) / (ink.width * size * stretch), 0.6, 1.0))
                tilt = slope * size * stretch * fitting
                matrix = np.array(
                    [
                        [size * stretch * fitting, -shear * size, left],
                        [tilt, size, row + rng.normal(0, 0.05) * unit + slope * (left - width / 2)],
                    ]
                )
                placed.append((ink, matrix))
        return placed


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

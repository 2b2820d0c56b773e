"""Lines of a page in the cells of its tables."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from operator import itemgetter

import cv2
import numpy as np

from text_recognizer.imaging.sheet.grid import Grid
from text_recognizer.imaging.sheet.line import FoundLine

_SIDE = 1280  # pixels of the longer side of the map of cells
_STEP = 0.25  # band heights between the points at which a line is asked for its cell
_LEAST = 0.6  # band heights of a line in a cell; less runs over from the next
_INSIDE = 0.5  # share of a line in cells, from which on it belongs to the table
_INSET = 0.15  # band heights of rule that are left out of a crop


def in_cells(lines: list[FoundLine], grids: list[Grid], shape: tuple[int, int]) -> list[FoundLine]:
    """Lines told their cells, and those that go through several cells cut up.

    Args:
        lines: In a view of ``shape``, rows and columns.
        grids: The tables there.
    """
    if not grids:
        return lines
    cells = _CellMap(grids, shape)
    return [piece for line in lines for piece in _pieces(line, cells)]


class _CellMap:
    """Which cell covers which place of a view."""

    def __init__(self, grids: list[Grid], shape: tuple[int, int]) -> None:
        self.cells = [(grid, number) for grid in grids for number in range(len(grid.cells))]
        self._scale = min(1.0, _SIDE / max(shape))
        self._labels = np.full([round(side * self._scale) + 1 for side in shape], -1, np.int32)
        for label, (grid, number) in enumerate(self.cells):
            corners = np.rint(grid.cells[number].corners * self._scale).astype(np.int32)
            cv2.fillConvexPoly(self._labels, corners, label)

    def at(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Places in ``cells``, int (N,); -1 for none."""
        places = (np.rint(one * self._scale).astype(int) for one in (y, x))
        rows, columns = (np.clip(one, 0, side - 1) for one, side in zip(places, self._labels.shape, strict=True))
        return np.asarray(self._labels[rows, columns])

    def span(self, label: int, y: float) -> tuple[float, float]:
        """From where to where a cell reaches on a row."""
        row = min(max(round(y * self._scale), 0), len(self._labels) - 1)
        columns = np.flatnonzero(self._labels[row] == label)
        return (columns[0] / self._scale, columns[-1] / self._scale) if len(columns) else (np.inf, -np.inf)


def _pieces(line: FoundLine, cells: _CellMap) -> list[FoundLine]:
    """A line, or what of it is in each cell."""
    runs = _runs(line, cells)
    if sum(right - left for _, left, right in runs) < _INSIDE * (line.right - line.left):
        return [line]
    inset = _INSET * line.height
    pieces = []
    for label, left, right in runs:
        piece = line if len(runs) == 1 else _part(line, left, right)
        start, end = cells.span(label, float(line.centre(np.array([(left + right) / 2]))[0]))
        reach = min(start + inset, piece.left), max(end - inset, piece.right)
        pieces.append(replace(piece, reach=reach, cell=cells.cells[label]))
    return pieces


def _runs(line: FoundLine, cells: _CellMap) -> list[tuple[int, float, float]]:
    """Which cells a line goes through, from where to where; what runs over a little belongs to the cell beside."""
    x = np.arange(line.left, line.right, _STEP * line.height)
    runs = []
    for label, run in groupby(zip(cells.at(x, line.centre(x)).tolist(), x.tolist(), strict=True), key=itemgetter(0)):
        places = [place for _, place in run]
        if label >= 0:
            runs.append((label, places[0], min(places[-1] + _STEP * line.height, line.right)))
    least = min(_LEAST * line.height, 0.5 * (line.right - line.left))
    return [run for run in runs if run[2] - run[1] >= least]


def _part(line: FoundLine, left: float, right: float) -> FoundLine:
    """The line from ``left`` to ``right``."""
    x = np.linspace(left, right, 12)
    along = np.linspace(-1, 1, 12)
    curve = np.polynomial.legendre.legfit(along, line.centre(x), len(line.curve) - 1)
    weight = line.weight * (right - left) / (line.right - line.left)
    return replace(line, left=left, right=right, curve=curve, weight=weight)

"""Tables with ruled lines around their cells: where the cells are, in which row and column."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_RULE = 3.0  # band heights: what is straight for so long is a rule
_LEAST_CELL = (1.3, 1.0)  # width and height of a cell in band heights
_SMALL_SQUARES = 4.5  # band heights: squares below that are paper
_FILLED = 0.75  # of the rectangle around a cell
_WHOLE, _TWICE = 0.6, 0.1  # share of a table's places that have a cell, and that have two
_PEN = 0.5  # band heights: rules are thinner
_DARKER = 14  # levels of 255 by which a rule is darker than what is on both sides
_ALIKE = 0.6  # of one side of a cell to the other
_SAME_EDGE = 0.35  # of a usual cell, by which edges of one row or column differ


@dataclass(frozen=True, eq=False)
class Cell:
    """A cell of a table.

    Attributes:
        row, column: From 0.
        rows, columns: How many it takes up.
        corners: float64 (4, 2), clockwise from the upper left.
    """

    row: int
    column: int
    rows: int
    columns: int
    corners: np.ndarray


@dataclass(frozen=True, eq=False)
class Grid:
    """A table: its cells row by row, and how many rows and columns they make.

    Attributes:
        corners: float64 (4, 2), of all of it.
    """

    rows: int
    columns: int
    cells: tuple[Cell, ...]
    corners: np.ndarray

    def scaled(self, factor: float) -> Grid:
        """The same in a picture ``factor`` times as large."""
        cells = tuple(Cell(one.row, one.column, one.rows, one.columns, one.corners * factor) for one in self.cells)
        return Grid(self.rows, self.columns, cells, self.corners * factor)


def find_grids(picture: np.ndarray, unit: float) -> list[Grid]:
    """The tables of a level page.

    Args:
        picture: uint8 (h, w), dark on light, of even contrast.
        unit: Height of the band of its lines in pixels.
    """
    rules = _rules(picture, unit)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(rules, connectivity=8)
    grids = []
    for number in range(1, count):
        left, top, width, height, _ = stats[number].tolist()
        if width > 2 * _RULE * unit and height > _RULE * unit:
            part = (labels[top : top + height, left : left + width] == number).astype(np.uint8)
            grid = _grid(part, np.array([left, top], np.float64), unit)
            if grid is not None:
                grids.append(grid)
    return grids


def _rules(picture: np.ndarray, unit: float) -> np.ndarray:
    """Where long thin straight lines run, level or upright within about four degrees, uint8 (h, w) of 0 and 1."""
    length, thin = max(20, round(_RULE * unit)), max(5, round(_PEN * unit)) | 1
    rules = np.zeros_like(picture)
    for across in (True, False):

        def kernel(long: int, wide: int = 1, across: bool = across) -> np.ndarray:
            return np.ones((wide, long) if across else (long, wide), np.uint8)

        hollow = cv2.morphologyEx(picture, cv2.MORPH_BLACKHAT, kernel(1, thin))
        dark = cv2.dilate((hollow > _DARKER).astype(np.uint8), kernel(1, 5))
        straight = cv2.morphologyEx(dark, cv2.MORPH_OPEN, kernel(length))
        rules |= cv2.morphologyEx(straight, cv2.MORPH_CLOSE, kernel(length // 2))
    return np.asarray(cv2.dilate(rules, np.ones((3, 3), np.uint8)))


def _grid(rules: np.ndarray, origin: np.ndarray, unit: float) -> Grid | None:
    """The table that connected rules make, uint8 (h, w) at ``origin``; None if they make none."""
    contours, tree = cv2.findContours(np.pad(rules, 1), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    holes = [one for one, node in zip(contours, tree[0], strict=True) if node[3] >= 0]
    quads = [quad for one in holes if (quad := _quad(one)) is not None and _is_large(quad, unit)]
    if len(quads) < 4:
        return None
    outer = _corners(np.concatenate(quads))
    straight = cv2.getPerspectiveTransform(outer.astype(np.float32), _rectangle(outer).astype(np.float32))
    level = cv2.perspectiveTransform(np.array(quads), straight)  # (N, 4, 2)
    low, high = level.min(axis=1), level.max(axis=1)
    width, height = np.median(high - low, axis=0)
    if width < _SMALL_SQUARES * unit and 0.7 < width / height < 1.4:
        return None
    columns = _edges(np.concatenate([low[:, 0], high[:, 0]]), _SAME_EDGE * width)
    rows = _edges(np.concatenate([low[:, 1], high[:, 1]]), _SAME_EDGE * height)
    if min(len(columns), len(rows)) < 3:
        return None
    spans = [
        [np.abs(edges - side).argmin() for edges, side in zip((columns, rows) * 2, (*a, *b), strict=True)]
        for a, b in zip(low, high, strict=True)
    ]
    cells = [
        Cell(int(row), int(column), int(max(below - row, 1)), int(max(right - column, 1)), quad + origin - 1)
        for (column, row, right, below), quad in zip(spans, quads, strict=True)
    ]
    if not _is_whole(cells, (len(rows) - 1, len(columns) - 1)):
        return None
    cells.sort(key=lambda cell: (cell.row, cell.column))
    return Grid(len(rows) - 1, len(columns) - 1, tuple(cells), outer + origin - 1)


def _is_whole(cells: list[Cell], shape: tuple[int, int]) -> bool:
    """Whether cells cover most of a table of so many rows and columns, and hardly any place twice."""
    covered = np.zeros(shape, int)
    for cell in cells:
        covered[cell.row : cell.row + cell.rows, cell.column : cell.column + cell.columns] += 1
    return bool((covered > 0).mean() > _WHOLE and (covered > 1).mean() < _TWICE)


def _quad(contour: np.ndarray) -> np.ndarray | None:
    """The corners of a hole, float64 (4, 2), if it is nearly a rectangle."""
    corners = _corners(contour[:, 0].astype(np.float64))
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    if min(sides[:2] / sides[2:].clip(1e-6)) < _ALIKE or min(sides[2:] / sides[:2].clip(1e-6)) < _ALIKE:
        return None
    return corners if cv2.contourArea(contour) > _FILLED * cv2.contourArea(corners.astype(np.float32)) else None


def _corners(points: np.ndarray) -> np.ndarray:
    """The points, of (N, 2), that lie farthest to the upper left, upper right, lower right and lower left."""
    total, difference = points.sum(axis=1), points[:, 0] - points[:, 1]
    return points[[total.argmin(), difference.argmax(), total.argmax(), difference.argmin()]]


def _rectangle(corners: np.ndarray) -> np.ndarray:
    """The upright rectangle of about the size of four corners, float64 (4, 2)."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    width, height = max(sides[0], sides[2]), max(sides[1], sides[3])
    return np.array([(0, 0), (width, 0), (width, height), (0, height)])


def _is_large(quad: np.ndarray, unit: float) -> bool:
    width, height = _rectangle(quad)[2]
    return bool(width > _LEAST_CELL[0] * unit and height > _LEAST_CELL[1] * unit)


def _edges(values: np.ndarray, apart: float) -> np.ndarray:
    """The middles of groups of values, which are more than ``apart`` from each other."""
    ordered = np.sort(values)
    groups = np.split(ordered, 1 + np.flatnonzero(np.diff(ordered) > apart))
    return np.array([group.mean() for group in groups])

"""Where on its page each line, word and character stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

import numpy as np

from text_recognizer.errors import UserError
from text_recognizer.imaging.crop import CROP_UNIT
from text_recognizer.imaging.sheet.grid import Grid
from text_recognizer.imaging.sheet.plane import Plane
from text_recognizer.reading.recognizer import Character, Reading

Kind = Literal["line", "page"]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom, in pixels of the page."""
Polygon = tuple[tuple[int, int], ...]
"""Points (x, y) in pixels of the page."""
Rival = tuple[str, float]
"""What else could stand there, and how probable it is."""

_ASCENT, _DESCENT = 1.1, 1.0  # reach of letters above and below the middle of their band, in band heights
_BASELINE = 0.45  # below the middle of the band, in band heights
_SAMPLES_APART = 8.0  # band heights between the points of a polygon


@dataclass(eq=False)
class ReadPage:
    """A page that was read, or what is wrong with it.

    Attributes:
        file: As it was given.
        number: Of the page in its file, from 1.
        count: Pages of the file.
        width, height: Of the page as it was read, upright, in pixels.
        resolution: Pixels per inch where they are known: of a PDF.
        kind: Whether it was read as one line or as a page.
        turned: By how many degrees it was turned clockwise to be read: 0, 90, 180 or 270.
        readings: Its lines, in reading order.
        doubts: Sentences on what was left out or looks wrong.
        error: Why it could not be read.
        grey: uint8 (height, width), while it is needed.
        jpeg: The same, compressed, where it is kept for a PDF.
    """

    file: str
    number: int = 1
    count: int = 1
    width: int = 0
    height: int = 0
    resolution: int | None = None
    kind: Kind = "line"
    turned: int = 0
    readings: list[Reading] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    error: UserError | None = None
    grey: np.ndarray | None = None
    jpeg: bytes | None = None

    @property
    def name(self) -> str:
        """What to call it: the file, and the page where there are several."""
        file = "standard input" if self.file == "-" else self.file
        return f"{file}, page {self.number}" if self.count > 1 else file

    @property
    def written(self) -> list[Reading]:
        """The readings that hold text."""
        return [reading for reading in self.readings if reading.text]

    @property
    def text(self) -> str:
        """All lines, one a row."""
        return "\n".join(reading.text for reading in self.readings)

    @property
    def confidence(self) -> float:
        """Mean over the characters, 0 without any."""
        count = sum(len(reading.text) for reading in self.readings)
        return sum(reading.confidence * len(reading.text) for reading in self.readings) / max(count, 1)


@dataclass(frozen=True)
class Glyph:
    """A character on its page."""

    text: str
    confidence: float
    box: Box
    alternatives: tuple[Rival, ...]


@dataclass(frozen=True)
class Word:
    """Characters between spaces. Its confidence is their mean.

    Attributes:
        polygon: Its four corners on the page, clockwise from the upper left, tilted as the line is there.
    """

    text: str
    confidence: float
    box: Box
    polygon: Polygon
    glyphs: tuple[Glyph, ...]


@dataclass(frozen=True)
class Line:
    """A line on its page.

    Attributes:
        polygon: Around the line, clockwise from its upper left corner: (x, y) in pixels of the page.
        baseline: On which the letters stand, from left to right.
    """

    text: str
    confidence: float
    box: Box
    polygon: Polygon
    baseline: Polygon
    words: tuple[Word, ...]
    alternatives: tuple[Rival, ...]


@dataclass(frozen=True)
class TableCell:
    """A cell of a table.

    Attributes:
        row, column: From 0.
        rows, columns: How many it takes up.
        polygon: Its corners, clockwise from the upper left.
        lines: What is written in it, by their places among the lines of the page.
    """

    row: int
    column: int
    rows: int
    columns: int
    polygon: Polygon
    lines: tuple[int, ...]

    @property
    def box(self) -> Box:
        """Around its corners."""
        return _box_of(self.polygon)


@dataclass(frozen=True)
class Table:
    """A table with ruled lines: how many rows and columns it has, its corners, and its cells, row by row."""

    rows: int
    columns: int
    polygon: Polygon
    cells: tuple[TableCell, ...]

    @property
    def box(self) -> Box:
        """Around its corners."""
        return _box_of(self.polygon)

    @property
    def lines(self) -> list[int]:
        """The lines in it, by their places among the lines of the page, which stand one after the other."""
        return [line for cell in self.cells for line in cell.lines]


def tables_of(page: ReadPage) -> list[Table]:
    """The tables of a page in which something is written, in reading order."""
    tables: dict[Grid, dict[int, list[int]]] = {}
    planes: dict[Grid, Plane | None] = {}
    for place, reading in enumerate(page.written):
        assert reading.prepared is not None
        if reading.prepared.cell is not None:
            grid, cell = reading.prepared.cell
            tables.setdefault(grid, {}).setdefault(cell, []).append(place)
            planes[grid] = reading.prepared.plane
    return [_table(grid, inside, page, planes[grid]) for grid, inside in tables.items()]


def _table(grid: Grid, inside: dict[int, list[int]], page: ReadPage, plane: Plane | None) -> Table:
    def polygon(corners: np.ndarray) -> Polygon:
        placed = corners if plane is None else plane.place(corners)
        return _points(np.clip(placed, 0, (page.width, page.height)))

    cells = tuple(
        TableCell(one.row, one.column, one.rows, one.columns, polygon(one.corners), tuple(inside.get(number, ())))
        for number, one in enumerate(grid.cells)
    )
    return Table(grid.rows, grid.columns, polygon(grid.corners), cells)


def blocks_of(page: ReadPage) -> list[Table | range]:
    """A page's tables, and between them its lines as ranges of their places, in reading order."""
    blocks: list[Table | range] = []
    start = 0
    for table in tables_of(page):
        places = table.lines
        blocks += [range(start, places[0]), table]
        start = places[-1] + 1
    blocks.append(range(start, len(page.written)))
    return [block for block in blocks if isinstance(block, Table) or block]


def lines_of(page: ReadPage) -> list[Line]:
    """The lines of a page that hold text, in reading order."""
    return [_line(reading, page) for reading in page.written]


def box_around(boxes: Sequence[Box]) -> Box:
    """The least box that holds all of ``boxes``, of which there is at least one."""
    left, top, right, bottom = np.array(boxes).T
    return int(left.min()), int(top.min()), int(right.max()), int(bottom.max())


def _box_of(polygon: Polygon) -> Box:
    return box_around([(*point, *point) for point in polygon])


def _line(reading: Reading, page: ReadPage) -> Line:
    place = _Place(reading, page)
    words = tuple(
        _word(list(characters), place)
        for is_space, characters in groupby(reading.characters, key=lambda one: one.character.isspace())
        if not is_space
    )
    upper, baseline, lower = place.outline(reading.characters[0].x0, reading.characters[-1].x1)
    polygon = (*upper, *lower[::-1])
    return Line(reading.text, reading.confidence, _box_of(polygon), polygon, baseline, words, reading.alternatives)


def _word(characters: list[Character], place: _Place) -> Word:
    glyphs = tuple(
        Glyph(one.character, one.confidence, place.box(one.x0, one.x1), one.alternatives) for one in characters
    )
    confidence = sum(one.confidence for one in characters) / len(characters)
    text = "".join(one.character for one in characters)
    upper, _, lower = place.outline(characters[0].x0, characters[-1].x1)
    polygon = (upper[0], upper[-1], lower[-1], lower[0])
    return Word(text, confidence, box_around([glyph.box for glyph in glyphs]), polygon, glyphs)


class _Place:
    """From columns of a reading to places on its page. Where its rows are not known, it is as high as the page."""

    def __init__(self, reading: Reading, page: ReadPage) -> None:
        assert reading.prepared is not None
        self._line, self._page = reading.prepared, page
        self._band = CROP_UNIT / self._line.scale

    def box(self, left: float, right: float) -> Box:
        upper, _, lower = self._edges(np.array([left, right]))
        low, high = (corner(np.concatenate([upper, lower]), 0) for corner in (np.min, np.max))
        x0, x1 = self._within(low[0], high[0], self._page.width)
        y0, y1 = self._within(low[1], high[1], self._page.height)
        return x0, y0, x1, y1

    def outline(self, left: float, right: float) -> tuple[Polygon, ...]:
        """Upper edge, baseline and lower edge, each from left to right."""
        count = 2 + int((right - left) / (_SAMPLES_APART * self._band))
        edges = self._edges(np.linspace(left, right, count))
        return tuple(_points(np.clip(edge, 0, (self._page.width, self._page.height))) for edge in edges)

    def _edges(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Upper edge, baseline and lower edge at columns ``x`` of the page, each float (N, 2)."""
        if self._line.rows is None:
            upper, lower = (np.stack([x, np.full(x.shape, row)], axis=1) for row in (0, self._page.height))
            return upper, lower, lower
        columns = self._line.from_picture(x)
        upper, middle, lower = (
            self._line.places(columns, np.full(x.shape, reach * CROP_UNIT)) for reach in (-_ASCENT, _BASELINE, _DESCENT)
        )
        return upper, middle, lower

    @staticmethod
    def _within(low: float, high: float, size: int) -> tuple[int, int]:
        """Whole pixels of a page ``size`` wide or high, at least one."""
        first = min(max(int(np.floor(low)), 0), size - 1)
        return first, min(max(int(np.ceil(high)), first + 1), size)


def _points(edge: np.ndarray) -> Polygon:
    return tuple((x, y) for x, y in np.rint(edge).astype(int).tolist())

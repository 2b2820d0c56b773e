"""Composes photographs of pages, reads them, and says what was found: ``python benchmarks/page_drill.py``.

The pages hold prose, two columns, lists, notes in the margin and tables, on plain, ruled and squared paper, with
frames, margins, brackets, struck-out and circled words; they lie on desks, in shadow, tilted up to 15 degrees, in
perspective and turned by quarters. Writers, fonts and texts are those of the test split. A line is found if its polygon
and the polygon of what was written there share half of their union.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from report import machine, write

from text_recognizer.command_line import run_safely
from text_recognizer.data.sets.paper_lines import InkShares, PaperLineDataset, PaperLines
from text_recognizer.data.synthesis.desk import on_desk
from text_recognizer.data.synthesis.ink import Ink
from text_recognizer.data.synthesis.paper import View, photograph
from text_recognizer.documents.layout import ReadPage, lines_of
from text_recognizer.documents.reader import DocumentReader
from text_recognizer.reading.recognizer import TextRecognizer

KINDS = ("prose", "columns", "list", "notes", "table")
ORDERED = ("columns", "list")
"""Kinds of which the reading order is measured."""
OVERLAP = 0.5
ASCENT, DESCENT = 1.1, 1.0
"""Reach of a line's polygon above and below the middle of its band, in band heights."""
MOST_TILT = 15.0
_TRIES = 12


@dataclass(eq=False)
class Composed:
    """A photograph of a page.

    Attributes:
        picture: uint8 (h, w).
        kind: One of ``KINDS``.
        lines: float32 (N, 4, 2), corners of its lines in pixels of the picture, in reading order.
    """

    picture: np.ndarray
    kind: str
    lines: np.ndarray


@dataclass(eq=False)
class _Sheet:
    """A page while it is written: where its lines go, and strokes drawn besides, as points with their widths."""

    shape: tuple[int, int]
    unit: float
    placed: list[tuple[Ink, np.ndarray]] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    strokes: list[tuple[np.ndarray, float]] = field(default_factory=list)

    def stroke(self, points: object, width: float) -> None:
        self.strokes.append((np.asarray(points, np.float64), width))


class Composer:
    """Composes page ``i`` of a seed, the same bytes anywhere."""

    def __init__(self, lines: PaperLineDataset, seed: int = 0) -> None:
        self._lines, self._seed = lines, seed

    def page(self, index: int) -> Composed:
        rng = np.random.default_rng((self._seed, 11, index))
        kind = KINDS[index % len(KINDS)]
        width = int(rng.integers(800, 1300))
        sheet = _Sheet((int(width * rng.uniform(1.2, 1.5)), width), width / rng.uniform(45, 75))
        texts = self._texts(rng, index)
        getattr(self, f"_write_{kind}")(sheet, texts, rng)
        _decorate(sheet, kind, rng)
        return _photographed(sheet, kind, rng)

    def _texts(self, rng: np.random.Generator, index: int) -> Callable[[float], Ink | None]:
        """Gives writing that fits into so many band heights."""
        numbers = itertools.count(index << 20)

        def fitting(room: float) -> Ink | None:
            for number in itertools.islice(numbers, _TRIES):
                plan = self._lines.plan(number)
                if len(plan.text) < 3 or plan.width > room or sum(map(str.isalnum, plan.text)) < 3:
                    continue
                ink = self._lines.ink(plan, rng)
                if ink is not None and 2 < ink.width < room:
                    return ink
            return None

        return fitting

    @staticmethod
    def _rows(sheet: _Sheet, rng: np.random.Generator, top: float = 0.08, bottom: float = 0.95) -> list[float]:
        pitch = sheet.unit * rng.uniform(2.4, 3.6)
        return np.arange(top * sheet.shape[0], bottom * sheet.shape[0], pitch).tolist()

    def _column(
        self, sheet: _Sheet, texts: Callable[[float], Ink | None], rng: np.random.Generator, span: tuple[float, float]
    ) -> None:
        """Lines below each other between two columns of pixels, some rows left out."""
        for row in self._rows(sheet, rng):
            if rng.random() > 0.1:
                _put(sheet, texts, rng, span[0] + rng.normal(0, 0.3) * sheet.unit, row, span[1])

    def _write_prose(self, sheet: _Sheet, texts: Callable[[float], Ink | None], rng: np.random.Generator) -> None:
        self._column(sheet, texts, rng, (rng.uniform(0.08, 0.2) * sheet.shape[1], 0.95 * sheet.shape[1]))

    def _write_columns(self, sheet: _Sheet, texts: Callable[[float], Ink | None], rng: np.random.Generator) -> None:
        middle = rng.uniform(0.48, 0.54)
        for start, end in ((0.06, middle - 0.03), (middle + 0.03, 0.96)):
            self._column(sheet, texts, rng, (start * sheet.shape[1], end * sheet.shape[1]))

    def _write_list(self, sheet: _Sheet, texts: Callable[[float], Ink | None], rng: np.random.Generator) -> None:
        left, mark = rng.uniform(0.08, 0.2) * sheet.shape[1], int(rng.integers(3))
        for row in self._rows(sheet, rng):
            start = left + int(rng.choice(3, p=(0.6, 0.25, 0.15))) * 3 * sheet.unit
            if not _put(sheet, texts, rng, start, row, 0.95 * sheet.shape[1]) or mark == 2:
                continue
            bullet = start - 1.2 * sheet.unit
            end = bullet + (0.6 if mark else 0.1) * sheet.unit
            sheet.stroke([(bullet, row), (end, row)], (0.12 if mark else 0.3) * sheet.unit)

    def _write_notes(self, sheet: _Sheet, texts: Callable[[float], Ink | None], rng: np.random.Generator) -> None:
        """Prose beside a ruled margin that holds a few short notes."""
        edge = rng.uniform(0.22, 0.3) * sheet.shape[1]
        sheet.stroke([(edge, 0), (edge, sheet.shape[0])], 0.08 * sheet.unit)
        for row in self._rows(sheet, rng):
            if rng.random() < 0.2:
                _put(sheet, texts, rng, 0.03 * sheet.shape[1], row, edge - sheet.unit)
            _put(sheet, texts, rng, edge + 1.5 * sheet.unit, row, 0.96 * sheet.shape[1])

    def _write_table(self, sheet: _Sheet, texts: Callable[[float], Ink | None], rng: np.random.Generator) -> None:
        height, width = sheet.shape
        columns = np.cumsum([0.0, *rng.uniform(0.7, 1.4, int(rng.integers(2, 5)))])
        columns = (0.07 + 0.86 * columns / columns[-1]) * width
        rows = np.arange(0.1 * height, rng.uniform(0.5, 0.9) * height, sheet.unit * rng.uniform(3.0, 4.2))
        pen = sheet.unit * rng.uniform(0.06, 0.14)
        for x in columns:
            sheet.stroke([(x, rows[0]), (x, rows[-1])], pen)
        for y in rows:
            sheet.stroke([(columns[0], y), (columns[-1], y)], pen)
        for (top, bottom), (left, right) in itertools.product(itertools.pairwise(rows), itertools.pairwise(columns)):
            if rng.random() < 0.85:
                _put(sheet, texts, rng, left + sheet.unit, (top + bottom) / 2, right - 0.6 * sheet.unit)


def _put(
    sheet: _Sheet, texts: Callable[[float], Ink | None], rng: np.random.Generator, left: float, row: float, end: float
) -> bool:
    """A line from ``left`` at ``row`` that ends before ``end``, if a text fits."""
    size = sheet.unit * float(np.exp(rng.normal(0, 0.05)))
    ink = texts((end - left) / size)
    if ink is None:
        return False
    slope = rng.normal(0, 0.006)
    sheet.placed.append((ink, np.array([[size, -rng.uniform(-0.1, 0.35) * size, left], [slope * size, size, row]])))
    return True


def _decorate(sheet: _Sheet, kind: str, rng: np.random.Generator) -> None:
    """Rules or squares, a frame, a margin, a bracket, struck-out and circled words; each on some pages."""
    (height, width), unit = sheet.shape, sheet.unit
    paper = rng.choice(("plain", "ruled", "squared"), p=(0.4, 0.3, 0.3))
    if paper != "plain" and kind != "table":
        step = unit * rng.uniform(1.2, 3.0)
        for y in np.arange(0.05 * height, 0.97 * height, step):
            sheet.stroke([(0, y), (width, y)], 0.05 * unit)
        for x in np.arange(step, width, step) if paper == "squared" else ():
            sheet.stroke([(x, 0), (x, height)], 0.05 * unit)
    if rng.random() < 0.2:
        x0, y0, x1, y1 = 0.03 * width, 0.03 * height, 0.98 * width, 0.98 * height
        sheet.stroke([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], 0.1 * unit)
    if rng.random() < 0.25 and kind in ("prose", "list"):
        sheet.stroke([(0.05 * width, 0), (0.05 * width, height)], 0.08 * unit)
    if rng.random() < 0.25 and kind in ("prose", "list") and len(sheet.placed) > 4:
        ends = sorted(float(sheet.placed[k][1][1, 2]) for k in (1, 4))
        x = 0.06 * width
        top, bottom = ends[0] - unit, ends[1] + unit
        sheet.stroke([(x + 0.4 * unit, top), (x, top), (x, bottom), (x + 0.4 * unit, bottom)], 0.12 * unit)
    for ink, matrix in sheet.placed:
        if ink.width > 8 and rng.random() < 0.06:
            _strike(sheet, ink, matrix, rng)


def _strike(sheet: _Sheet, ink: Ink, matrix: np.ndarray, rng: np.random.Generator) -> None:
    """A stroke through a part of a line, or a ring around it."""
    first = rng.uniform(0, ink.width - 5)
    last = first + rng.uniform(2.5, 5)
    if rng.random() < 0.7:
        points = np.array([(first, 0.1, 1), (last, -0.1, 1)])
    else:
        angles = np.linspace(0, 6.6, 40)
        ring = np.cos(angles) * (last - first) * 0.65, np.sin(angles) * 1.2
        points = np.stack([(first + last) / 2 + ring[0], ring[1], np.ones(40)], axis=1)
    level = np.array([[matrix[0, 0], 0, matrix[0, 2]], matrix[1]])
    sheet.stroke(points @ level.T, 0.12 * sheet.unit)


def _photographed(sheet: _Sheet, kind: str, rng: np.random.Generator) -> Composed:
    unit, shape = sheet.unit, sheet.shape
    main, matrix = sheet.placed[0]
    picture = photograph(None, sheet.placed, View(shape, matrix, unit, main.width), rng)
    picture = _drawn(picture, sheet.strokes, rng)
    if rng.random() < 0.3:
        picture = _shadowed(picture, rng)
    corners = np.stack([_corners(ink, matrix) for ink, matrix in sheet.placed])
    edge = int(rng.uniform(0.05, 0.2) * shape[1]) if rng.random() < 0.6 else 0
    view, size = _view(shape, edge, rng)
    if edge:
        around = int(0.5 * max(shape))
        padded = cv2.copyMakeBorder(picture, around, around, around, around, cv2.BORDER_REPLICATE)
        picture = on_desk(padded, (around, around, around + shape[1], around + shape[0]), 0.0, rng)
        moved = view @ np.array([[1, 0, -around], [0, 1, -around], [0, 0, 1]])
    else:
        moved = view
    seen = cv2.warpPerspective(picture, moved, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    corners = np.asarray(cv2.perspectiveTransform(corners.reshape(-1, 1, 2), view)).reshape(-1, 4, 2)
    for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.2 else 0):
        corners = np.stack([corners[..., 1], seen.shape[1] - corners[..., 0]], axis=-1)
        seen = np.rot90(seen)
    return Composed(np.ascontiguousarray(seen), kind, corners.astype(np.float32))


def _drawn(picture: np.ndarray, strokes: list[tuple[np.ndarray, float]], rng: np.random.Generator) -> np.ndarray:
    """What was drawn besides the writing, each stroke as dark as it likes."""
    light = picture.astype(np.float32)
    for points, width in strokes:
        mask = np.zeros(picture.shape, np.uint8)
        cv2.polylines(mask, [np.rint(points * 16).astype(np.int32)], False, 255, max(1, round(width)), cv2.LINE_AA, 4)
        rows = slice(max(0, int(points[:, 1].min() - width) - 2), int(points[:, 1].max() + width) + 3)
        light[rows] *= 1 - mask[rows] * (np.float32(rng.uniform(0.25, 0.8)) / 255)
    return light.astype(np.uint8)


def _shadowed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The shadow of a hand or a phone, its edge soft."""
    height, width = picture.shape
    mask = np.zeros(picture.shape, np.float32)
    centre = (int(rng.uniform(0, width)), int(rng.uniform(0, height)))
    axes = (int(rng.uniform(0.2, 0.7) * width), int(rng.uniform(0.2, 0.6) * height))
    cv2.ellipse(mask, centre, axes, rng.uniform(0, 180), 0, 360, 1.0, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), rng.uniform(2, 40))
    return np.asarray((picture * (1 - rng.uniform(0.15, 0.5) * soft)).astype(np.uint8))


def _view(shape: tuple[int, ...], edge: int, rng: np.random.Generator) -> tuple[np.ndarray, tuple[int, int]]:
    """Tilt and perspective, float64 (3, 3), and width and height of all of the sheet and ``edge`` around it."""
    height, width = shape
    tilt = np.radians(rng.uniform(-MOST_TILT, MOST_TILT) if rng.random() < 0.7 else rng.normal(0, 1))
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    bent = corners + rng.uniform(-1, 1, (4, 2)) * rng.choice((0.0, 0.035)) * width
    bent = bent @ np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    bent += edge - bent.min(axis=0)
    size = np.ceil(bent.max(axis=0)).astype(int) + edge
    return cv2.getPerspectiveTransform(corners.astype(np.float32), bent.astype(np.float32)), (
        int(size[0]),
        int(size[1]),
    )


def _corners(ink: Ink, matrix: np.ndarray) -> np.ndarray:
    """Corners of a line, float64 (4, 2), clockwise from the upper left; it does not lean with the writing."""
    points = np.array([(0, -ASCENT), (ink.width, -ASCENT), (ink.width, DESCENT), (0, DESCENT)])
    level = np.array([[matrix[0, 0], 0], [matrix[1, 0], matrix[1, 1]]])
    return np.asarray(points @ level.T + matrix[:, 2])


@dataclass
class Tally:
    """What came of pages that were read."""

    pages: int = 0
    crashes: int = 0
    written: int = 0
    found: int = 0
    right: int = 0
    ordered: Counter[str] = field(default_factory=Counter)
    of_kind: Counter[str] = field(default_factory=Counter)

    def add(self, composed: Composed, page: ReadPage) -> None:
        """Compare what was read with what was written."""
        self.pages += 1
        self.of_kind[composed.kind] += 1
        self.written += len(composed.lines)
        if page.error is not None:
            self.crashes += 1
            return
        found = [_in_picture(line.polygon, page) for line in lines_of(page)]
        self.found += len(found)
        order = [number for number in matches(found, composed.lines) if number is not None]
        self.right += len(order)
        self.ordered[composed.kind] += order == sorted(order)

    def table(self) -> str:
        """As a table in Markdown."""
        recall, precision = self.right / max(self.written, 1), self.right / max(self.found, 1)
        rows = [
            ("pages", f"{self.pages}"),
            ("pages that could not be read", f"{self.crashes}"),
            (f"lines found, of {self.written:,}", f"{recall:.3f}"),
            (f"lines that are lines, of {self.found:,}", f"{precision:.3f}"),
            *((f"pages in order: {kind}", f"{self.ordered[kind]} of {self.of_kind[kind]}") for kind in ORDERED),
        ]
        return "\n".join(["| | |", "| --- | ---: |", *(f"| {name} | {figure} |" for name, figure in rows)])


def _in_picture(polygon: tuple[tuple[int, int], ...], page: ReadPage) -> np.ndarray:
    """A polygon of a page that was turned to be read, in the picture as it was given: float32 (N, 2)."""
    points, width, height = np.array(polygon, np.float32), page.width, page.height
    for _ in range(page.turned // 90):
        points = np.stack([points[:, 1], width - points[:, 0]], axis=1)
        width, height = height, width
    return points


def matches(found: list[np.ndarray], written: np.ndarray) -> list[int | None]:
    """For each line that was found the one that was written there, each of which is taken once; None for none."""
    shares = np.array([[_overlap(one, other) for other in written] for one in found]).reshape(len(found), len(written))
    taken: list[int | None] = [None] * len(found)
    for place in np.argsort(-shares, axis=None, kind="stable"):
        row, column = divmod(int(place), len(written))
        if shares[row, column] < OVERLAP:
            break
        if taken[row] is None and column not in taken:
            taken[row] = column
    return taken


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of the hulls of two polygons."""
    first, second = (cv2.convexHull(points.astype(np.float32)) for points in (one, other))
    shared = float(cv2.intersectConvexConvex(first, second)[0])
    return shared / max(cv2.contourArea(first) + cv2.contourArea(second) - shared, 1e-6)


def sources(ink: str) -> PaperLineDataset:
    """What pages are written with: all ink of the test split, or the fonts that ship, without a download."""
    shares = InkShares(glyphs=0) if ink == "all" else InkShares(pen_words=0, pen_characters=0, fonts=1, glyphs=0)
    data = PaperLines(
        glyphs="strokes", text="builtin", fonts="open" if ink == "all" else "builtin", shares=shares, num_train=1
    )
    data.prepare_data()
    data.setup()
    lines = data.datasets["test"]
    assert isinstance(lines, PaperLineDataset)
    return lines


def drill(lines: PaperLineDataset, numbers: Iterator[int] | range, kept: Path | None = None) -> Tally:
    """Compose and read pages; with ``kept`` draw what was found into pictures there."""
    composer, reader, tally = Composer(lines), DocumentReader(TextRecognizer()), Tally()
    for number in numbers:
        composed = composer.page(number)
        [[page]] = reader.read([(f"page {number}", composed.picture)])
        tally.add(composed, page)
        if kept is not None:
            _draw(kept / f"{number}.jpg", composed, page)
    return tally


def _draw(path: Path, composed: Composed, page: ReadPage) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = cv2.cvtColor(composed.picture, cv2.COLOR_GRAY2BGR)
    cv2.polylines(shown, [np.rint(one).astype(np.int32) for one in composed.lines], True, (0, 160, 0), 2)
    found = [_in_picture(line.polygon, page) for line in lines_of(page)]
    cv2.polylines(shown, [np.rint(one).astype(np.int32) for one in found], True, (0, 0, 255), 2)
    cv2.imwrite(str(path), shown)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=300)
    parser.add_argument("--first", type=int, default=0, help="number of the first page")
    parser.add_argument("--ink", choices=("all", "builtin"), default="all", help="builtin: the fonts that ship alone")
    parser.add_argument("--keep", type=Path, help="folder for pictures of what was written (green) and found (red)")
    parser.add_argument("--write", type=Path, help="also put the table into this file")
    arguments = parser.parse_args()

    def command() -> None:
        numbers = range(arguments.first, arguments.first + arguments.pages)
        table = f"{drill(sources(arguments.ink), numbers, arguments.keep).table()}\n\n{machine()}."
        print(table)
        if arguments.write:
            write(arguments.write, table, "page_drill")

    return run_safely(command)


if __name__ == "__main__":
    sys.exit(main())

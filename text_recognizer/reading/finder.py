"""Where the lines of writing in a picture are: from the maps of the finder's net to lines in reading order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from text_recognizer.errors import UserError
from text_recognizer.imaging.crop import FINDER_STRIDE, LEAST_CONTRAST, crop, even_contrast
from text_recognizer.imaging.normalization import NormalizedLine, light_on_dark
from text_recognizer.imaging.sheet.cells import in_cells
from text_recognizer.imaging.sheet.grid import Grid, find_grids
from text_recognizer.imaging.sheet.line import FoundLine
from text_recognizer.imaging.sheet.plane import Plane
from text_recognizer.reading.model_file import open_session

FINDER = Path(__file__).with_name("finder.onnx")
LINE_ROWS = 56
"""Rows at which a picture of one line is looked at, in the middle of the net's 64."""

MAX_LINES = 1000
"""Of a page."""
MAX_COLUMNS = 500_000
"""Of a page's lines, cut out, together."""
_TILE = 64
_MOST_COLUMNS = 2560
_FITTING_UNITS = (9.0, 36.0)  # pixels of the band at LINE_ROWS; other lines are looked at once more
_LOOK_UNIT = 16.0
_FEWEST_CELLS = 3
_SURE = 1.5  # logit that the surest cell of a line reaches
_HARDLY_SURE = 0.0  # the same where nothing else is found: one character alone
_BENDS = (0.06, 0.02, 0.015)  # expected rise of a centre line's slope, sag and wave over half its width
_MOST_RATIO, _MOST_STEP = 2.5, 0.75  # of the heights of parts of one line, and from one to the next in heights
_LINE_GAP = 12.0  # widest gap between parts of a line, in band heights, where all of a picture is one line
_COLUMN_GAP = 3.0  # the same on pages
_GUTTER = 1.5  # band heights of paper between columns, at least
_NEIGHBOURS = 10.0  # band heights above and below a line, in which others tell of a gutter
_MOST_PARTS = 2000  # of lines, before they are joined
_ASKEW = np.radians(4.0)  # lines that rise less are followed as they are
_LEVEL = np.radians(2.0)  # what may be left of a tilt
_TURNS = 3  # the net sees slopes too small, the more so the steeper they are
_LEAST_GAP = -4.0  # band heights between columns of which a line runs into the other
_TELLING = 3.0  # band heights of a line, from which on it tells how the page lies
PAGE_SIDE = 1280
"""Longer side at which a page is looked at first."""
_FITTING_ON_PAGES = (8.0, 22.0)
_MOST_PIXELS, _MOST_ENLARGED = 3_000_000, 4.0  # of a page as it is looked at again
Maps = Callable[[np.ndarray], np.ndarray]
"""The finder's net: uint8 (H, W), multiples of 64, to float32 (3, H / 4, W / 4), as models/line_finder.py has it."""


def find_line(picture: np.ndarray, maps: Maps) -> FoundLine | None:
    """The line that a picture shows, grey uint8 (h, w), dark on light; None if it holds no writing."""
    return _find_line(picture, maps, _SURE) or _find_line(picture, maps, _HARDLY_SURE)


def _find_line(picture: np.ndarray, maps: Maps, sure: float) -> FoundLine | None:
    height, width = picture.shape
    scale = min(LINE_ROWS / height, _MOST_COLUMNS / width)
    line = _main_line(_look(picture, scale, maps, _LINE_GAP, sure=sure), picture.shape)
    if line is None or _FITTING_UNITS[0] <= line.height * scale <= _FITTING_UNITS[1]:
        return line
    closer = min(_LOOK_UNIT / line.height, _MOST_COLUMNS / width)
    reach = 2 * _LOOK_UNIT / closer
    middle = float(line.centre(np.array([(line.left + line.right) / 2]))[0])
    top, bottom = max(0, int(middle - reach)), min(height, int(middle + reach) + 1)
    again = _main_line(_look(picture[top:bottom], closer, maps, _LINE_GAP, sure=sure), (bottom - top, width))
    return line if again is None else again.scaled(1.0, y=top)


def _look(
    picture: np.ndarray,
    scale: float,
    maps: Maps,
    widest_gap: float,
    plane: Plane | None = None,
    *,
    sure: float = _SURE,
) -> list[FoundLine]:
    """All lines of a picture, or of a level view of it, seen at ``scale``, in pixels of what is seen."""
    small = _seen(picture, scale, plane)
    height, width = small.shape
    if int(small.max()) - int(small.min()) < LEAST_CONTRAST:
        return []
    small = even_contrast(small)
    rows, columns = (-(-size // _TILE) * _TILE for size in small.shape)
    padded = np.full((rows, columns), int(np.median(small)), np.uint8)
    top = (rows - height) // 2
    padded[top : top + height, :width] = small
    found = lines_of(maps(padded), widest_gap, sure)
    return [line.scaled(1.0, y=-top).scaled(1 / scale) for line in found if line.left < width]


def _seen(picture: np.ndarray, scale: float, plane: Plane | None) -> np.ndarray:
    """A picture, or a level view of it, at ``scale``."""
    height, width = (max(1, round(size * scale)) for size in picture.shape)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(picture, (width, height), interpolation=interpolation)
    return small if plane is None else plane.seen(small, scale)


def find_lines(page: np.ndarray, maps: Maps) -> tuple[list[FoundLine], Plane | None]:
    """All lines of a page, grey uint8 (h, w), dark on light, in reading order.

    Returns:
        The lines, and where the page lies askew its level view, in whose pixels they are then.
    """
    lines, plane = _level(page, maps)
    if not lines:
        return [], None
    height, width = page.shape if plane is None else plane.shape
    scale = _first_scale((height, width))
    usual = _usual_height(lines) * scale
    if not _FITTING_ON_PAGES[0] <= usual <= _FITTING_ON_PAGES[1]:
        closer = scale * _LOOK_UNIT / usual
        closer = min(closer, float(np.sqrt(_MOST_PIXELS / (height * width))), _MOST_ENLARGED)
        lines = _look(page, closer, maps, _COLUMN_GAP, plane) or lines
    usual = _usual_height(lines)
    lines = [line for line in lines if line.right - line.left > 0.4 * usual < 2 * line.height]
    seen = even_contrast(_seen(page, scale, plane))
    grids = [grid.scaled(1 / scale) for grid in find_grids(seen, usual * scale)]
    return in_reading_order(in_cells(lines, grids, (height, width))), plane


def _first_scale(shape: tuple[int, ...]) -> float:
    """The scale at which a page is looked at first."""
    return min(1.0, PAGE_SIDE / max(shape))


def _level(page: np.ndarray, maps: Maps) -> tuple[list[FoundLine], Plane | None]:
    """The lines of a page at first sight, as it is or turned until they are level."""
    seen = as_it_is = _look(page, _first_scale(page.shape), maps, _COLUMN_GAP)
    tilt = turn = tilt_of(seen)
    if abs(tilt) < _ASKEW:
        return seen, None
    for _ in range(_TURNS):
        plane = Plane.turned(page.shape, turn)
        seen = _look(page, _first_scale(plane.shape), maps, _COLUMN_GAP, plane)
        tilt = tilt_of(seen)
        if abs(tilt) < _LEVEL and seen:
            return seen, plane
        turn += tilt
    return as_it_is, None


def tilt_of(lines: list[FoundLine]) -> float:
    """By how many radians lines rise to the right: half of the writing rises less."""
    long = [line for line in lines if line.right - line.left > _TELLING * line.height]
    if not long:
        return 0.0
    lengths = np.array([line.right - line.left for line in long])
    return float(np.arctan(_weighted_median(np.array([-line.slope for line in long]), lengths)))


def _usual_height(lines: list[FoundLine]) -> float:
    """The height of the band in which half of the writing is lower."""
    return _weighted_median(np.array([line.height for line in lines]), np.array([line.weight for line in lines]))


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)])


def in_reading_order(lines: list[FoundLine]) -> list[FoundLine]:
    """Lines from top to bottom, column by column where columns stand beside each other; tables row by row."""
    tables: dict[Grid, list[FoundLine]] = {}
    for line in lines:
        if line.cell is not None:
            tables.setdefault(line.cell[0], []).append(line)
    rows = {_as_line(inside): _cell_by_cell(inside) for inside in tables.values()}
    tilt = tilt_of(lines)
    level = {_levelled(line, tilt): line for line in [*rows, *(line for line in lines if line.cell is None)]}
    ordered = [level[one] for one in _column_by_column([*level])]
    return [line for one in ordered for line in rows.get(one, [one])]


def _levelled(line: FoundLine, tilt: float) -> FoundLine:
    """Where a line is, taken as straight, once its page is turned level on which lines rise by ``tilt``."""
    x = np.array([line.left, (line.left + line.right) / 2, line.right])
    y = line.centre(x)
    left, _, right = (x * np.cos(tilt) - y * np.sin(tilt)).tolist()
    middle = float(x[1] * np.sin(tilt) + y[1] * np.cos(tilt))
    return replace(line, left=left, right=right, curve=np.array([middle, 0, 0, 0]))


def _as_line(inside: list[FoundLine]) -> FoundLine:
    """What stands for a table among lines: one where those in it begin, as wide as they are."""
    left, right = min(line.left for line in inside), max(line.right for line in inside)
    return FoundLine(left, right, np.array([min(map(_middle, inside)), 0, 0, 0]), inside[0].height, 0.0)


def _cell_by_cell(lines: list[FoundLine]) -> list[FoundLine]:
    def place(line: FoundLine) -> tuple[int, float]:
        assert line.cell is not None
        return line.cell[1], _middle(line)

    return sorted(lines, key=place)


def _column_by_column(lines: list[FoundLine]) -> list[FoundLine]:
    ordered: list[FoundLine] = []
    left = sorted(lines, key=_middle)
    while left:
        columns = _columns(left)
        if columns:
            return ordered + [line for column in columns for line in _column_by_column(column)]
        row = [line for line in left if abs(_middle(line) - _middle(left[0])) < 0.5 * left[0].height]
        ordered += sorted(row, key=lambda line: line.left)
        left = [line for line in left if line not in row]
    return ordered


def _middle(line: FoundLine) -> float:
    return float(line.curve[0])


def _columns(lines: list[FoundLine]) -> tuple[list[FoundLine], list[FoundLine]] | None:
    """Lines left and right of a gap from top to bottom, if both sides have several rows beside each other.

    A gap may be a little less than nothing, as where a line of one column runs into the other, if most rows of a side
    have a partner on the other.
    """
    by_left = sorted(lines, key=lambda line: line.left)
    reach = -np.inf
    for k, line in enumerate(by_left):
        gap = (line.left - reach) / line.height
        if k and gap > _LEAST_GAP:
            sides = by_left[:k], by_left[k:]
            spans = [(min(map(_middle, side)), max(map(_middle, side))) for side in sides]
            overlap = min(spans[0][1], spans[1][1]) - max(spans[0][0], spans[1][0])
            if min(len(side) for side in sides) > 1 and overlap > 2 * line.height and (gap > 0.5 or _paired(*sides)):
                return sides
        reach = max(reach, line.right)
    return None


def _paired(left: list[FoundLine], right: list[FoundLine]) -> bool:
    """Whether most lines of the side with fewer, three at least, stand in a row with one of the other side."""
    fewer, more = sorted((left, right), key=len)
    rows = np.array([_middle(line) for line in more])
    paired = sum(bool(np.abs(rows - _middle(line)).min() < 0.6 * line.height) for line in fewer)
    return paired >= max(3, len(fewer) / 2)


def lines_of(maps: np.ndarray, widest_gap: float, sure: float = _SURE) -> list[FoundLine]:
    """The lines in the net's maps, float32 (3, rows, columns), in pixels of the net's picture.

    Made of at most ``_MOST_PARTS``, the largest, whose surest cells reach the logit ``sure``. Those that are no more
    than ``widest_gap`` band heights apart are one line.
    """
    logits, heights, offsets = maps
    _, labels, stats, _ = cv2.connectedComponentsWithStats((logits > 0).astype(np.uint8), connectivity=8)
    largest = 1 + np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[:_MOST_PARTS]
    lines = []
    for number in largest[stats[largest, cv2.CC_STAT_AREA] >= _FEWEST_CELLS].tolist():
        left, top, width, height, _ = stats[number].tolist()
        part = np.s_[top : top + height, left : left + width]
        own = labels[part] == number
        if logits[part][own].max() < sure:
            continue
        rows, columns = np.nonzero(own)
        sizes = np.exp(heights[part][rows, columns].clip(0, 8))
        x = (left + columns + 0.5) * FINDER_STRIDE - 0.5
        y = (top + rows + 0.5) * FINDER_STRIDE - 0.5 + offsets[part][rows, columns].clip(-1, 1) * sizes
        lines.append(_fit(x, y, float(np.median(sizes))))
    return _joined(lines, widest_gap)


def _fit(x: np.ndarray, y: np.ndarray, height: float) -> FoundLine:
    """A line through points of its centre, bent as little as they allow."""
    left, right = float(x.min()) - FINDER_STRIDE / 2, float(x.max()) + FINDER_STRIDE / 2
    half = (right - left) / 2
    basis = np.polynomial.legendre.legvander((x - (left + right) / 2) / half, len(_BENDS))
    noise = (0.15 * height) ** 2 * max(1.0, height / FINDER_STRIDE)  # cells of one letter err together
    prior = np.diag([0, *(1 / (np.array(_BENDS) * half) ** 2)])
    curve = np.linalg.solve(basis.T @ basis / noise + prior, basis.T @ y / noise)
    run = x - x.mean()
    slope = float(run @ y / max(run @ run, 1e-9))
    return FoundLine(left, right, curve, height, len(x) * FINDER_STRIDE**2, slope)


def _joined(lines: list[FoundLine], widest_gap: float) -> list[FoundLine]:
    """Lines of which one goes on where another ends become one."""
    lines = sorted(lines, key=lambda line: line.left)
    gutters = _Gutters(lines, widest_gap)
    whole: list[FoundLine] = []
    for line in lines:
        for k, before in enumerate(whole):
            if _goes_on(before, line, widest_gap) and not gutters.part(before, line):
                whole[k] = _together(before, line)
                break
        else:
            whole.append(line)
    return whole


class _Gutters:
    """The paper between columns: lines end before it and others begin behind it, where nothing else goes on.

    Args:
        parts: Of lines.
        widest_gap: Between parts of one line, in band heights.
    """

    def __init__(self, parts: list[FoundLine], widest_gap: float) -> None:
        self._left = np.array([part.left for part in parts])
        self._right = np.array([part.right for part in parts])
        self._middle = np.array([_middle(part) for part in parts])
        gaps = self._left - self._right[:, None]
        height = max((part.height for part in parts), default=0.0)
        near = np.argwhere((gaps > -height) & (gaps < widest_gap * height))
        pairs = [pair for pair in near.tolist() if _goes_on(parts[pair[0]], parts[pair[1]], widest_gap)]
        self._ends, self._begins = np.ones((2, len(parts)), bool)
        self._ends[[pair[0] for pair in pairs]] = False
        self._begins[[pair[1] for pair in pairs]] = False

    def part(self, before: FoundLine, after: FoundLine) -> bool:
        """Whether a gutter parts a line from what could be its next part, by several lines above and below."""
        height = max(before.height, after.height)
        if after.left - before.right < _GUTTER * height:
            return False
        near = np.abs(self._middle - _middle(after)) < _NEIGHBOURS * height
        beginning = near & self._begins & (np.abs(self._left - after.left) < _GUTTER * height)
        ending = near & self._ends & (self._right < after.left)
        crossing = near & (self._left < before.right) & (self._right > after.left)
        return bool(min(np.count_nonzero(beginning), np.count_nonzero(ending)) > 1 and not crossing.any())


def _goes_on(before: FoundLine, after: FoundLine, widest_gap: float) -> bool:
    low, high = sorted((before.height, after.height))
    gap = after.left - before.right
    if high > _MOST_RATIO * low or not -0.5 * low < gap < widest_gap * high:
        return False
    return abs(before.last - after.first) < _MOST_STEP * high


def _together(before: FoundLine, after: FoundLine) -> FoundLine:
    x = np.concatenate([np.linspace(line.left, line.right, 12) for line in (before, after)])
    y = np.concatenate([line.centre(x[k * 12 : k * 12 + 12]) for k, line in enumerate((before, after))])
    total = before.weight + after.weight
    height = (before.height * before.weight + after.height * after.weight) / total
    return replace(_fit(x, y, height), weight=total)


def _main_line(lines: list[FoundLine], shape: tuple[int, int]) -> FoundLine | None:
    """The line that a picture of one line is of: large, and near the middle."""

    def importance(line: FoundLine) -> float:
        middle = float(line.centre(np.array([(line.left + line.right) / 2]))[0])
        off = (middle - shape[0] / 2) / (shape[0] / 2)
        return line.weight * float(np.exp(-2 * off**2))

    return max(lines, key=importance, default=None)


class Finder:
    """The net that finds lines, run by ONNX Runtime on one thread per call.

    Args:
        file: Its graph; by default the one that ships with the package.
    """

    def __init__(self, file: Path = FINDER) -> None:
        self._session = open_session(file, inputs="pictures", outputs="maps")

    def maps(self, picture: np.ndarray) -> np.ndarray:
        """What the net says of a picture uint8 (H, W), multiples of 64: float32 (3, H / 4, W / 4)."""
        return np.asarray(self._session.run(["maps"], {"pictures": picture[None]})[0][0])

    def line(self, picture: np.ndarray) -> NormalizedLine | None:
        """The line that a picture shows, cut out as readers of crops are trained on.

        Args:
            picture: uint8 (h, w) grey, dark writing on light or light on dark.

        Returns:
            The line, or None where the picture holds no writing.
        """
        dark = _dark(picture)
        found = find_line(dark, self.maps)
        return None if found is None else crop(dark, found)

    def page(self, picture: np.ndarray) -> list[NormalizedLine]:
        """All lines of a page, cut out in the same way, in reading order.

        Raises:
            UserError: If there are more than ``MAX_LINES``, or they are wider than ``MAX_COLUMNS`` in all.
        """
        dark = _dark(picture)
        lines = self._cut(dark)
        if _light_on_dark(lines):  # all around the sheet is darker or lighter than it
            lines = self._cut(cv2.bitwise_not(dark))
        return lines

    def _cut(self, dark: np.ndarray) -> list[NormalizedLine]:
        columns = 0
        lines: list[NormalizedLine] = []
        found, plane = find_lines(dark, self.maps)
        for one in found:
            line = crop(dark, one, plane)
            if line is None:
                continue
            lines.append(line)
            columns += line.image.shape[1]
            if columns > MAX_COLUMNS or len(lines) > MAX_LINES:
                raise UserError(f"a page of more than {MAX_LINES} lines or {MAX_COLUMNS // 20:,} letters. Cut it up.")
        return lines


def _light_on_dark(lines: list[NormalizedLine]) -> bool:
    """Whether most of what was taken for ink, by its length, is paper."""
    votes: list[int] = [line.image.shape[1] * (1 if light_on_dark(line.image) else -1) for line in lines]
    return sum(votes) < 0


def _dark(picture: np.ndarray) -> np.ndarray:
    """The picture with dark writing on light."""
    return cv2.bitwise_not(picture) if light_on_dark(picture) else picture


@lru_cache(maxsize=1)
def finder() -> Finder:
    """The finder that ships, loaded when it is first needed."""
    return Finder()

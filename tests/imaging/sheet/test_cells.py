import numpy as np
import pytest

from text_recognizer.imaging.sheet.cells import in_cells
from text_recognizer.imaging.sheet.grid import Cell, Grid
from text_recognizer.imaging.sheet.line import FoundLine
from text_recognizer.reading.finder import in_reading_order

SHAPE = (400, 600)


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float64)


def table() -> Grid:
    """Two rows and two columns from (100, 100) to (500, 200)."""
    cells = tuple(
        Cell(row, column, 1, 1, box(100 + 200 * column, 100 + 50 * row, 300 + 200 * column, 150 + 50 * row))
        for row in range(2)
        for column in range(2)
    )
    return Grid(2, 2, cells, box(100, 100, 500, 200))


def line(left: float, right: float, y: float) -> FoundLine:
    return FoundLine(left, right, np.array([y, 0, 0, 0.0]), 16.0, 16 * (right - left))


def test_a_line_knows_its_cell() -> None:
    grid = table()
    inside, outside = in_cells([line(320, 400, 175), line(20, 500, 60)], [grid], SHAPE)
    assert inside.cell == (grid, 3)
    assert 300 < inside.reach[0] < 310
    assert 490 < inside.reach[1] < 500
    assert (outside.cell, outside.reach) == (None, (-np.inf, np.inf))


def test_a_line_through_two_cells_is_cut_at_the_rule() -> None:
    first, second = in_cells([line(150, 450, 125)], [table()], SHAPE)
    assert (first.left, second.right) == (150, 450)
    assert first.right == pytest.approx(300, abs=6)
    assert second.left == pytest.approx(300, abs=6)
    assert [one.cell and one.cell[1] for one in (first, second)] == [0, 1]


def test_what_runs_over_a_little_is_not_cut() -> None:
    [whole] = in_cells([line(150, 306, 125)], [table()], SHAPE)
    assert (whole.left, whole.right) == (150, 306)
    assert whole.cell is not None
    assert whole.reach[1] >= 306


def test_a_bent_line_stays_where_it_was() -> None:
    bent = FoundLine(150, 450, np.array([125, 6, 4, 2.0]), 16.0, 4800)
    for piece in in_cells([bent], [table()], SHAPE):
        x = np.linspace(piece.left, piece.right, 9)
        assert piece.centre(x) == pytest.approx(bent.centre(x), abs=0.01)


def test_tables_are_read_row_by_row_where_they_stand() -> None:
    """Though their columns stand beside each other as those of a page do."""
    before, after = line(100, 480, 60), line(100, 480, 250)
    rows = [line(110 + 200 * column, 200 + 200 * column, 125 + 50 * row) for row in range(2) for column in range(2)]
    lines = in_cells([after, *reversed(rows), before], [table()], SHAPE)
    read = in_reading_order(lines)
    assert [(round(one.left), round(float(one.curve[0]))) for one in read] == [
        (100, 60),
        *((110 + 200 * column, 125 + 50 * row) for row in range(2) for column in range(2)),
        (100, 250),
    ]

import cv2
import numpy as np
import pytest

from text_recognizer.imaging.sheet.grid import Grid, find_grids

UNIT = 18.0
COLUMNS, ROWS = (60, 280, 480, 640), (80, 150, 220, 290, 360)


def ruled(columns: tuple[int, ...] = COLUMNS, rows: tuple[int, ...] = ROWS, pen: int = 2) -> np.ndarray:
    page = np.full((460, 720), 235, np.uint8)
    for y in rows:
        cv2.line(page, (columns[0], y), (columns[-1], y), 70, pen)
    for x in columns:
        cv2.line(page, (x, rows[0]), (x, rows[-1]), 70, pen)
    return page


def places(grid: Grid) -> list[tuple[int, int, int, int]]:
    return [(cell.row, cell.column, cell.rows, cell.columns) for cell in grid.cells]


@pytest.mark.parametrize("pen", [1, 2, 4])
def test_cells_in_rows_and_columns(pen: int) -> None:
    [grid] = find_grids(ruled(pen=pen), UNIT)
    assert (grid.rows, grid.columns) == (4, 3)
    assert places(grid) == [(row, column, 1, 1) for row in range(4) for column in range(3)]
    assert grid.cells[4].corners == pytest.approx(np.array([(280, 150), (480, 150), (480, 220), (280, 220)]), abs=7)


def test_cells_that_take_up_several_rows_or_columns() -> None:
    page = ruled()
    page[82:149, 278:283] = 235  # the first two of the first row
    page[218:223, 484:636] = 235  # the second and third of the last column
    [grid] = find_grids(page, UNIT)
    assert (0, 0, 1, 2) in places(grid)
    assert (1, 2, 2, 1) in places(grid)
    assert len(grid.cells) == 10


@pytest.mark.parametrize("moved", [(14, -10), (-9, 12)])
def test_a_table_in_perspective(moved: tuple[int, int]) -> None:
    corners = np.array([(0, 0), (720, 0), (720, 460), (0, 460)], np.float32)
    bent = corners + np.array([(0, 0), moved, (0, 0), (-moved[0], 0)], np.float32)
    view = cv2.getPerspectiveTransform(corners, bent)
    [grid] = find_grids(cv2.warpPerspective(ruled(), view, (720, 460), borderValue=(235,)), UNIT)
    assert places(grid) == [(row, column, 1, 1) for row in range(4) for column in range(3)]


def test_writing_in_it_and_across_its_rules_does_not_harm() -> None:
    page = ruled()
    for row in range(4):
        cv2.putText(page, "jolly", (75, 128 + 70 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.3, 30, 3, cv2.LINE_AA)
    [grid] = find_grids(page, UNIT)
    assert (grid.rows, grid.columns, len(grid.cells)) == (4, 3, 12)


@pytest.mark.parametrize("step", [22, 40, 70])
def test_squared_and_ruled_paper_and_frames_are_no_tables(step: int) -> None:
    squared = ruled(tuple(range(20, 700, step)), tuple(range(20, 440, step)), pen=1)
    lines = ruled((20, 700), tuple(range(20, 440, step)), pen=1)
    frame = ruled((20, 700), (20, 440))
    assert [find_grids(page, UNIT) for page in (squared, lines, frame)] == [[], [], []]


def test_a_table_can_be_scaled() -> None:
    [grid] = find_grids(ruled(), UNIT)
    twice = grid.scaled(2)
    assert places(twice) == places(grid)
    assert twice.cells[3].corners == pytest.approx(2 * grid.cells[3].corners)

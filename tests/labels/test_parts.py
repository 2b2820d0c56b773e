from pathlib import Path

import pytest

from text_recognizer.labels.lines import LabelledLine, Part
from text_recognizer.labels.parts import deal


def line(number: int, part: Part | None = None, **groups: str) -> LabelledLine:
    return LabelledLine(f"{number}.png", Path(f"{number}.png"), "text", groups, part=part)


@pytest.mark.parametrize(("column", "how"), [("writer", "writer, no writer in two parts"), ("page", "page, no page")])
def test_units_stay_whole(column: str, how: str) -> None:
    lines = [line(number, **{column: str(number // 10)}) for number in range(100)]
    parts, said = deal(lines, seed=1)
    assert said.startswith(f"dealt by {how}")
    assert sorted(number for numbers in parts.values() for number in numbers) == list(range(100))
    units = {part: {number // 10 for number in numbers} for part, numbers in parts.items()}
    assert {part: len(found) for part, found in units.items()} == {"train": 8, "val": 1, "test": 1}
    assert len(set.union(*units.values())) == 10
    assert deal(lines, seed=1)[0] == parts
    assert deal(lines, seed=2)[0] != parts


def test_one_writer_is_dealt_by_file_and_that_is_said() -> None:
    parts, said = deal([line(number, writer="me") for number in range(50)], seed=0)
    assert "by file: the labels know no three writers or pages" in said
    assert {part: len(numbers) for part, numbers in parts.items()} == {"train": 40, "val": 5, "test": 5}


def test_pages_of_one_writer_are_dealt_by_page() -> None:
    parts, said = deal([line(number, writer="me", page=str(number // 10)) for number in range(50)], seed=0)
    assert said.startswith("dealt by page")
    assert {part: len(numbers) for part, numbers in parts.items()} == {"train": 30, "val": 10, "test": 10}


def test_a_validation_part_is_taken_of_training_where_the_labels_have_none() -> None:
    lines = [line(number, "test" if number < 20 else "train") for number in range(100)]
    parts, said = deal(lines, seed=0)
    assert parts["test"] == list(range(20))
    assert len(parts["val"]) == 8
    assert "test as the labels say; dealt by file" in said


def test_few_lines_leave_parts_empty_and_one_always_trains() -> None:
    assert deal([line(0)], seed=0)[0] == {"train": [0], "val": [], "test": []}
    assert {part: len(numbers) for part, numbers in deal([line(k) for k in range(3)], seed=0)[0].items()} == {
        "train": 1,
        "val": 1,
        "test": 1,
    }

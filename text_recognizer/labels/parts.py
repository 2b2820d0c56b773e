"""Which lines train, validate and test: what the labels say, else by writer, page or file."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

from text_recognizer.labels.lines import LabelledLine, Part

WRITERS = ("writer", "writer_id", "author", "hand")
PAGES = ("page", "form", "document", "book")
SHARES: dict[Part, float] = {"test": 0.1, "val": 0.1}
"""Of the lines; the rest trains."""
_FEWEST_UNITS = 3


def unit_of(line: LabelledLine, columns: Sequence[str] = WRITERS + PAGES) -> str | None:
    """The writer or page that a line is known to be of, the first of ``columns`` that its labels have."""
    lowered = {column.lower(): value for column, value in line.groups.items()}
    return next((f"{column} {lowered[column]}" for column in columns if lowered.get(column)), None)


def deal(lines: Sequence[LabelledLine], seed: int) -> tuple[dict[Part, list[int]], str]:
    """Deal lines to the parts.

    Args:
        lines: At least one.
        seed: Decides where the labels do not.

    Returns:
        The numbers of the lines of each part, and a sentence that says how they were dealt. A part may be empty.
    """
    parts: dict[Part, list[int]] = {part: [k for k, line in enumerate(lines) if line.part == part] for part in _PARTS}
    undealt = [k for k, line in enumerate(lines) if line.part is None]
    stated = [part for part in _PARTS if parts[part]]
    if stated and not parts["val"] and parts["train"]:
        undealt, parts["train"] = undealt + parts["train"], []
    wanted = {part: share for part, share in SHARES.items() if part not in stated}
    how, units = _units([lines[k] for k in undealt])
    for part, numbers in _dealt(units, wanted, seed).items():
        parts[part] += [undealt[number] for number in numbers]
    said = f"{', '.join(stated)} as the labels say" if stated else ""
    dealt = f"dealt by {how}" if undealt else ""
    return {part: sorted(numbers) for part, numbers in parts.items()}, "; ".join(filter(None, (said, dealt)))


_PARTS: tuple[Part, ...] = ("train", "val", "test")


def _units(lines: Sequence[LabelledLine]) -> tuple[str, list[str]]:
    """What lines are dealt by, in words, and the unit of each."""
    for how, columns in (("writer", WRITERS), ("page", PAGES)):
        found = [unit_of(line, columns) for line in lines]
        if len(set(found)) >= _FEWEST_UNITS and None not in found:
            return f"{how}, no {how} in two parts", [str(unit) for unit in found]
    return "file: the labels know no three writers or pages", [line.name for line in lines]


def _dealt(units: list[str], wanted: dict[Part, float], seed: int) -> dict[Part, list[int]]:
    """Whole units to the parts, in an order of their hashes: to each its share of the lines, at least one unit."""
    sizes = Counter(units)
    order = sorted(sizes, key=lambda unit: hashlib.sha256(f"{seed} {unit}".encode()).digest())
    part_of: dict[str, Part] = {}
    for part, share in wanted.items():
        taken = 0
        while len(order) > 1 and taken < share * len(units):
            unit = order.pop()
            part_of[unit], taken = part, taken + sizes[unit]
    numbers: dict[Part, list[int]] = defaultdict(list)
    for number, unit in enumerate(units):
        numbers[part_of.get(unit, "train")].append(number)
    return numbers

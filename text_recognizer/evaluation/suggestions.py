"""Which lines are worth correcting: those that would teach a reader most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from text_recognizer.reading.recognizer import Reading


def most_doubted(readings: Sequence[Reading], count: int) -> list[int]:
    """Numbers of the lines to correct, the one that teaches most first.

    The doubt of a line is the expected number of its wrong characters. A character that was chosen before counts less
    each time, so that the lines differ. ``python benchmarks/corrections.py`` compares them with a random choice.

    Args:
        readings: Of lines.
        count: How many to choose; all lines if there are fewer.
    """
    chosen: list[int] = []
    left = list(range(len(readings)))
    seen: Counter[str] = Counter()

    def doubt(number: int) -> float:
        return sum((1 - one.confidence) / (1 + seen[one.character]) for one in readings[number].characters)

    while left and len(chosen) < count:
        best = max(left, key=doubt)
        left.remove(best)
        chosen.append(best)
        seen.update(one.character for one in readings[best].characters)
    return chosen

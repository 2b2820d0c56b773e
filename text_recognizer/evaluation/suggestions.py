"""Which lines are worth correcting: those that would teach a reader most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from text_recognizer.reading.recognizer import Reading


def most_doubted(readings: Sequence[Reading], count: int) -> list[int]:
    """Numbers of the lines to correct, the one that teaches most first.

    The doubt of a line is the expected number of its wrong characters. A character that was chosen before counts less
    each time, so that the lines differ. ``python benchmarks/corrections.py`` compares them with a random choice.

    Args:
        readings: Of lines.
        count: How many to choose; all lines if there are fewer.
    """
    seen: Counter[str] = Counter()

    def doubt(number: int) -> float:
        return sum((1 - one.confidence) / (1 + seen[one.character]) for one in readings[number].characters)

    waiting = [(-doubt(number), number) for number in range(len(readings))]
    heapify(waiting)
    chosen: list[int] = []
    while waiting and len(chosen) < count:
        number = heappop(waiting)[1]
        now = -doubt(number), number
        if waiting and now > waiting[0]:  # doubts only fall, so one that is still above the others is the most
            heappush(waiting, now)
        else:
            chosen.append(number)
            seen.update(one.character for one in readings[number].characters)
    return chosen

"""What chance leaves open: intervals of rates, and whether two readers really differ.

Lines of one writer or page have errors in common, so whole writers or pages are drawn where the labels know them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 1000
SWAPS = 10_000
LEVEL = 0.95
FEWEST_UNITS = 10
_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Interval:
    """A rate, and the interval that holds it with a probability of ``LEVEL``; NaN where nothing is known."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} [{self.low:.4f}, {self.high:.4f}]"


@dataclass(frozen=True)
class Difference:
    """What a second reader's rate is above the first's.

    Attributes:
        rate: The difference of the rates.
        p: Probability of a difference at least as large where the two do not differ: a permutation test, in which the
            readers change places unit by unit.
    """

    rate: Interval
    p: float


def units_of(names: Sequence[str | None]) -> tuple[np.ndarray, bool]:
    """The unit of each line, int64 (N,), and whether units are writers or pages; else each line is one.

    Args:
        names: Writer or page of each line, None where it is not known.
    """
    known = {name for name in names if name is not None}
    if len(known) < FEWEST_UNITS or None in names:
        return np.arange(len(names)), False
    numbers = {name: number for number, name in enumerate(sorted(known))}
    return np.array([numbers[str(name)] for name in names]), True


def rate_of(parts: np.ndarray, wholes: np.ndarray, units: np.ndarray, seed: int = 0) -> Interval:
    """The ratio of two sums and its bootstrap interval, percentiles of ``DRAWS`` draws of units with replacement.

    Args:
        parts, wholes: Numbers of each line, (N,).
        units: int64 (N,), the unit of each line.
        seed: Of the draws.
    """
    sums = _sums(units, parts, wholes)
    drawn = np.concatenate([sums[draw].sum(1) for draw in _draws(len(sums), seed)])
    rates = _ratio(drawn[:, 0], drawn[:, 1])
    total = sums.sum(0)
    return _interval(float(_ratio(total[0], total[1])), rates)


def difference_of(
    first: np.ndarray, second: np.ndarray, wholes: np.ndarray, units: np.ndarray, seed: int = 0
) -> Difference:
    """How much more errors per whole the second reader makes than the first, in the same lines.

    Args:
        first, second: Errors of each line, (N,).
        wholes: What they are counted against, (N,).
        units: int64 (N,), the unit of each line.
        seed: Of the draws.
    """
    more = second - first
    rate = rate_of(more, wholes, units, seed)
    sums = _sums(units, more)[:, 0]
    rng = np.random.default_rng((seed, 1))
    step = max(1, _AT_ONCE // len(sums))
    signs = (rng.choice((-1.0, 1.0), (min(step, SWAPS - k), len(sums))) for k in range(0, SWAPS, step))
    swapped = np.concatenate([one @ sums for one in signs])
    larger = int((np.abs(swapped) >= abs(float(sums.sum())) - 1e-9).sum())
    return Difference(rate, (1 + larger) / (1 + SWAPS))


def _sums(units: np.ndarray, *values: np.ndarray) -> np.ndarray:
    """Sums of values by unit, float64 (units, values)."""
    return np.stack([np.bincount(units, value) for value in values], axis=1)


def _draws(count: int, seed: int) -> Iterator[np.ndarray]:
    """Numbers of units, int64 (draws, count), as many at once as memory is sure to hold."""
    rng = np.random.default_rng((seed, 0))
    step = max(1, _AT_ONCE // max(1, count))
    return (rng.integers(count, size=(min(step, DRAWS - k), count)) for k in range(0, DRAWS, step))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.asarray(whole) > 0))


def _interval(value: float, drawn: np.ndarray) -> Interval:
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(drawn, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Interval(value, float(low), float(high))

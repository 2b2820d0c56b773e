"""Settings that are ranges, drawn from once per line by compiled code."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import numpy as np
from numba import njit

from text_recognizer.data.rng import uniform

Range = tuple[float, float]
"""Lowest and highest value."""


def as_floats(settings: Any) -> tuple[Any, ...]:
    """The fields of a dataclass of numbers and ranges, all as floats, so that code is compiled for one type."""
    return tuple(tuple(map(float, v)) if isinstance(v, tuple) else float(v) for v in astuple(settings))


@njit(cache=True)
def between(state: np.ndarray, bounds: Range) -> float:
    """A number in a range."""
    return uniform(state, bounds[0], bounds[1])


@njit(cache=True)
def happens(state: np.ndarray, share: float) -> bool:
    """True with probability ``share``."""
    return uniform(state, 0.0, 1.0) < share

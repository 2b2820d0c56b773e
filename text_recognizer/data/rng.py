"""Counter-based random numbers for compiled code: line i of seed s draws the same numbers anywhere.

SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014). A generator is a
``uint64`` array of length 1 that compiled functions advance in place.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@njit(cache=True, inline="always")
def mix(value: np.uint64) -> np.uint64:
    """Scramble 64 bits: close inputs give unrelated outputs."""
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    return value ^ (value >> np.uint64(31))


@njit(cache=True)
def seed_state(state: np.ndarray, seed: int, stream: int, index: int) -> None:
    """Set ``state`` (uint64, shape (1,)) to the start of the numbers of (seed, stream, index)."""
    key = mix(np.uint64(seed) + _GOLDEN)
    key = mix(key ^ (np.uint64(stream) * _MIX_2 + _GOLDEN))
    state[0] = mix(key ^ (np.uint64(index) * _MIX_1 + _GOLDEN))


@njit(cache=True, inline="always")
def next_uint64(state: np.ndarray) -> np.uint64:
    """The next 64 random bits."""
    state[0] += _GOLDEN
    return mix(state[0])


@njit(cache=True, inline="always")
def uniform(state: np.ndarray, low: float, high: float) -> float:
    """A float in [low, high)."""
    return low + (high - low) * (np.float64(next_uint64(state) >> np.uint64(11)) * (1.0 / 9007199254740992.0))


@njit(cache=True, inline="always")
def randint(state: np.ndarray, count: int) -> int:
    """An integer in [0, count)."""
    return int(uniform(state, 0.0, 1.0) * count)


@njit(cache=True, inline="always")
def normal(state: np.ndarray) -> float:
    """A standard normal number, from the sum of four uniform ones (variance 1/12 each), so within 3.5."""
    total = uniform(state, 0.0, 1.0) + uniform(state, 0.0, 1.0) + uniform(state, 0.0, 1.0) + uniform(state, 0.0, 1.0)
    return (total - 2.0) * 1.7320508075688772


@njit(cache=True)
def uniforms(seed: int, stream: int, indices: np.ndarray) -> np.ndarray:
    """The first float in [0, 1) of each line's numbers, float64 (B,)."""
    state = np.empty(1, np.uint64)
    numbers = np.empty(len(indices))
    for i in range(len(indices)):
        seed_state(state, seed, stream, indices[i])
        numbers[i] = uniform(state, 0.0, 1.0)
    return numbers

"""A pen: draws a skeleton of strokes as a glyph, each time with another hand (compiled).

The glyph looks as EMNIST's conversion makes it (Cohen et al. 2017, "EMNIST: an extension of MNIST to handwritten
letters": blur, crop to the ink, centre in a square with a border of 2 pixels, resample to 28x28). Strokes are lines, so
this needs no large picture: the lines are scaled to the border, and each pixel takes its ink from its distance to the
nearest line, through the soft edge that blur and resampling leave.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from text_recognizer.data.glyphs.bank import GLYPH_SIZE
from text_recognizer.data.rng import normal, seed_state, uniform

BORDER = 2.0
WAVES = 3


@njit(cache=True)
def draw(
    images: np.ndarray,
    seed: int,
    streams: np.ndarray,
    counters: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    point_offsets: np.ndarray,
    stroke_offsets: np.ndarray,
    skeleton_offsets: np.ndarray,
    weights: np.ndarray,
) -> None:
    """Draw glyph ``counters[i]`` of stream ``streams[i]`` into ``images[i]``.

    Stream c has the skeletons ``skeleton_offsets[c]:skeleton_offsets[c + 1]``, skeleton k the strokes
    ``stroke_offsets[k]:stroke_offsets[k + 1]``, stroke s the points ``point_offsets[s]:point_offsets[s + 1]``.

    Args:
        images: uint8 (N, 28, 28), overwritten.
        streams, counters: int64 (N,): together with ``seed``, the source of all randomness of a glyph.
        x, y: float64 (P,): points, y down, evenly spaced along a stroke, within -0.5 and 0.5.
        weights: float64, the probability of each skeleton within its stream.
    """
    state = np.empty(1, np.uint64)
    for i in range(len(images)):
        stream = streams[i]
        seed_state(state, seed, stream, counters[i])
        k = _choose(state, weights, skeleton_offsets[stream], skeleton_offsets[stream + 1])
        strokes = point_offsets[stroke_offsets[k] : stroke_offsets[k + 1] + 1]
        first, last = strokes[0], strokes[-1]
        _draw_glyph(images[i], state, x[first:last].copy(), y[first:last].copy(), strokes - first)


@njit(cache=True)
def _choose(state: np.ndarray, weights: np.ndarray, first: int, last: int) -> int:
    left = _uniform(state, 0.0, 1.0)
    for k in range(first, last - 1):
        left -= weights[k]
        if left < 0:
            return k
    return last - 1


@njit(cache=True)
def _draw_glyph(image: np.ndarray, state: np.ndarray, x: np.ndarray, y: np.ndarray, strokes: np.ndarray) -> None:
    for s in range(len(strokes) - 1):
        _move_stroke(state, x, y, strokes[s], strokes[s + 1])
    _warp(state, x, y)
    _slant(state, x, y)
    passes = int(_uniform(state, 0.0, 22.0))
    for s in range(len(strokes) - 1):
        _round_corners(x, strokes[s], strokes[s + 1], passes)
        _round_corners(y, strokes[s], strokes[s + 1], passes)
    radius = min(max(math.exp(math.log(1.4) + 0.27 * _normal(state)), 0.6), 3.2)
    softness = _uniform(state, 0.5, 0.95)
    _fit(x, y, radius + softness)
    _ink(image, state, x, y, strokes, radius, softness)


@njit(cache=True)
def _uniform(state: np.ndarray, low: float, high: float) -> float:
    return uniform(state, low, high)


@njit(cache=True)
def _normal(state: np.ndarray) -> float:
    return normal(state)


@njit(cache=True)
def _move_stroke(state: np.ndarray, x: np.ndarray, y: np.ndarray, first: int, last: int) -> None:
    """Shift, stretch and turn one stroke a little and let its ends wander: strokes of a hand meet inexactly."""
    shift_x, shift_y = 0.02 * _normal(state), 0.02 * _normal(state)
    start_x, start_y = 0.06 * _normal(state), 0.06 * _normal(state)
    end_x, end_y = 0.06 * _normal(state), 0.06 * _normal(state)
    scale, turn = 1 + 0.07 * _normal(state), 0.06 * _normal(state)
    centre_x, centre_y = _centre(x, first, last), _centre(y, first, last)
    for i in range(first, last):
        dx, dy = x[i] - centre_x, y[i] - centre_y
        done = (i - first) / (last - first)
        start, end = (1 - done) ** 3, done**3
        x[i] = centre_x + shift_x + scale * (dx - turn * dy) + start * start_x + end * end_x
        y[i] = centre_y + shift_y + scale * (dy + turn * dx) + start * start_y + end * end_y


@njit(cache=True)
def _centre(values: np.ndarray, first: int, last: int) -> float:
    low: float = values[first]
    high: float = low
    for i in range(first, last):
        low, high = min(low, values[i]), max(high, values[i])
    return (low + high) / 2


@njit(cache=True)
def _warp(state: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Bend the plane: a random quadratic map, and random waves."""
    bend = np.empty(6)
    for j in range(6):
        bend[j] = 0.22 * _normal(state)
    waves = np.empty((WAVES, 5))
    for j in range(WAVES):
        waves[j, 0], waves[j, 1] = 0.025 * _normal(state), 0.025 * _normal(state)
        waves[j, 2], waves[j, 3] = 4.5 * _normal(state), 4.5 * _normal(state)
        waves[j, 4] = _uniform(state, 0.0, 2 * math.pi)
    for i in range(len(x)):
        xx, xy, yy = x[i] * x[i], x[i] * y[i], y[i] * y[i]
        dx = bend[0] * xx + bend[1] * xy + bend[2] * yy
        dy = bend[3] * xx + bend[4] * xy + bend[5] * yy
        for j in range(WAVES):
            wave = math.sin(waves[j, 2] * x[i] + waves[j, 3] * y[i] + waves[j, 4])
            dx += waves[j, 0] * wave
            dy += waves[j, 1] * wave
        x[i] += dx
        y[i] += dy


@njit(cache=True)
def _slant(state: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Change the aspect, shear to the right or left, and turn."""
    stretch = math.exp(0.12 + 0.2 * _normal(state))
    shear = 0.15 + 0.25 * _normal(state)
    angle = 0.08 * _normal(state)
    cosine, sine = math.cos(angle), math.sin(angle)
    for i in range(len(x)):
        sheared = stretch * x[i] - shear * y[i]
        x[i], y[i] = cosine * sheared - sine * y[i], sine * sheared + cosine * y[i]


@njit(cache=True)
def _round_corners(values: np.ndarray, first: int, last: int, passes: int) -> None:
    """Average each inner point of a stroke with its neighbours, ``passes`` times."""
    for _ in range(passes):
        before = values[first]
        for i in range(first + 1, last - 1):
            here = values[i]
            values[i] = 0.25 * before + 0.5 * here + 0.25 * values[i + 1]
            before = here


@njit(cache=True)
def _fit(x: np.ndarray, y: np.ndarray, margin: float) -> None:
    """Scale and centre in pixels, with a margin within the border."""
    centre_x, centre_y = _centre(x, 0, len(x)), _centre(y, 0, len(y))
    reach = 1e-6
    for i in range(len(x)):
        reach = max(reach, abs(x[i] - centre_x), abs(y[i] - centre_y))
    scale = (GLYPH_SIZE / 2 - BORDER - margin) / reach
    for i in range(len(x)):
        x[i] = GLYPH_SIZE / 2 + scale * (x[i] - centre_x)
        y[i] = GLYPH_SIZE / 2 + scale * (y[i] - centre_y)


@njit(cache=True)
def _ink(
    image: np.ndarray,
    state: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    strokes: np.ndarray,
    radius: float,
    softness: float,
) -> None:
    """Ink each pixel by its distance to the nearest line, the darkest one fully."""
    outside = np.full((GLYPH_SIZE, GLYPH_SIZE), 1e3)
    for s in range(len(strokes) - 1):
        first, last = strokes[s], strokes[s + 1] - 1
        pressure, phase = _uniform(state, 0.0, 0.25), _uniform(state, 0.0, 2 * math.pi)
        for i in range(first, max(last, first + 1)):
            j = min(i + 1, last)
            here = radius * (1 + pressure * math.sin(phase + 3.0 * (i - first) / (last - first + 1)))
            _line(outside, x[i], y[i], x[j], y[j], here)
    full = math.erfc(outside.min() / softness)
    for row in range(GLYPH_SIZE):
        for column in range(GLYPH_SIZE):
            ink = math.erfc(outside[row, column] / softness) / full
            image[row, column] = int(255 * ink + 0.5)


@njit(cache=True)
def _line(outside: np.ndarray, x0: float, y0: float, x1: float, y1: float, radius: float) -> None:
    """Lower ``outside``, each pixel's distance to the edge of the ink, to that of a line with round ends."""
    reach = radius + 2
    across, down = x1 - x0, y1 - y0
    squared = across * across + down * down
    for y in range(max(0, int(min(y0, y1) - reach)), min(GLYPH_SIZE, int(max(y0, y1) + reach) + 1)):
        for x in range(max(0, int(min(x0, x1) - reach)), min(GLYPH_SIZE, int(max(x0, x1) + reach) + 1)):
            dx, dy = x + 0.5 - x0, y + 0.5 - y0
            along = 0.0 if squared == 0 else min(max((dx * across + dy * down) / squared, 0.0), 1.0)
            dx, dy = dx - along * across, dy - along * down
            outside[y, x] = min(outside[y, x], math.sqrt(dx * dx + dy * dy) - radius)

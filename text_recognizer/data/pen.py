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

from text_recognizer.data.glyphs import GLYPH_SIZE
from text_recognizer.data.rng import normal, seed_state, uniform

BORDER = 2.0


@njit(cache=True)
def draw(
    images: np.ndarray,
    seed: int,
    streams: np.ndarray,
    counters: np.ndarray,
    points: np.ndarray,
    point_offsets: np.ndarray,
    stroke_offsets: np.ndarray,
    skeleton_offsets: np.ndarray,
    weights: np.ndarray,
) -> None:
    """Draw glyph ``counters[i]`` of stream ``streams[i]`` into ``images[i]``.

    Stream c chooses among skeletons ``skeleton_offsets[c]:skeleton_offsets[c + 1]`` by ``weights``; skeleton k has the
    strokes ``stroke_offsets[k]:stroke_offsets[k + 1]``, and stroke s the points ``point_offsets[s]:point_offsets[s + 1]``.

    Args:
        images: uint8 (N, 28, 28), overwritten.
        streams, counters: int64 (N,): together with ``seed``, the source of all randomness of a glyph.
        points: float64 (P, 2): x to the right and y down, evenly spaced along a stroke, within -0.5 and 0.5.
        weights: float64, one per skeleton, summing to 1 for each stream.
    """
    state = np.empty(1, np.uint64)
    longest = 0
    for k in range(len(stroke_offsets) - 1):
        longest = max(longest, point_offsets[stroke_offsets[k + 1]] - point_offsets[stroke_offsets[k]])
    path = np.empty((longest, 2))
    for i in range(len(images)):
        stream = streams[i]
        seed_state(state, seed, stream, counters[i])
        k = _choose(state, weights, skeleton_offsets[stream], skeleton_offsets[stream + 1])
        strokes = point_offsets[stroke_offsets[k] : stroke_offsets[k + 1] + 1]
        path[: strokes[-1] - strokes[0]] = points[strokes[0] : strokes[-1]]
        _draw_glyph(images[i], state, path[: strokes[-1] - strokes[0]], strokes - strokes[0])


@njit(cache=True)
def _choose(state: np.ndarray, weights: np.ndarray, first: int, last: int) -> int:
    left = uniform(state, 0.0, 1.0)
    for k in range(first, last - 1):
        left -= weights[k]
        if left < 0:
            return k
    return last - 1


@njit(cache=True)
def _draw_glyph(image: np.ndarray, state: np.ndarray, path: np.ndarray, strokes: np.ndarray) -> None:
    for s in range(len(strokes) - 1):
        _move_stroke(state, path[strokes[s] : strokes[s + 1]])
    _warp(state, path)
    _slant(state, path)
    passes = int(uniform(state, 0.0, 6.0))
    for s in range(len(strokes) - 1):
        _round_corners(path[strokes[s] : strokes[s + 1]], passes)
    radius = min(max(math.exp(math.log(1.45) + 0.33 * normal(state)), 0.6), 3.2)
    _fit(path, radius)
    _ink(image, state, path, strokes, radius)


@njit(cache=True)
def _move_stroke(state: np.ndarray, stroke: np.ndarray) -> None:
    """Shift, stretch and turn one stroke a little about its centre: strokes of a hand meet inexactly."""
    centre_x, centre_y = stroke[:, 0].mean(), stroke[:, 1].mean()
    shift_x, shift_y = 0.025 * normal(state), 0.025 * normal(state)
    scale, turn = 1 + 0.07 * normal(state), 0.06 * normal(state)
    for i in range(len(stroke)):
        x, y = stroke[i, 0] - centre_x, stroke[i, 1] - centre_y
        stroke[i, 0] = centre_x + shift_x + scale * (x - turn * y)
        stroke[i, 1] = centre_y + shift_y + scale * (y + turn * x)


@njit(cache=True)
def _warp(state: np.ndarray, path: np.ndarray) -> None:
    """Bend the plane: a random quadratic map, and two random waves in each direction."""
    quadratic = np.empty((2, 3))
    waves = np.empty((2, 2, 4))
    for axis in range(2):
        for j in range(3):
            quadratic[axis, j] = 0.22 * normal(state)
        for j in range(2):
            waves[axis, j, 0] = 0.025 * normal(state)
            waves[axis, j, 1] = 7.0 * normal(state)
            waves[axis, j, 2] = 7.0 * normal(state)
            waves[axis, j, 3] = uniform(state, 0.0, 2 * math.pi)
    for i in range(len(path)):
        x, y = path[i]
        for axis in range(2):
            bend = quadratic[axis, 0] * x * x + quadratic[axis, 1] * x * y + quadratic[axis, 2] * y * y
            for j in range(2):
                size, along_x, along_y, phase = waves[axis, j]
                bend += size * math.sin(along_x * x + along_y * y + phase)
            path[i, axis] += bend


@njit(cache=True)
def _slant(state: np.ndarray, path: np.ndarray) -> None:
    """Change the aspect, shear to the right or left, and turn."""
    stretch = math.exp(0.22 * normal(state))
    shear = 0.15 + 0.25 * normal(state)
    angle = 0.08 * normal(state)
    cosine, sine = math.cos(angle), math.sin(angle)
    for i in range(len(path)):
        x, y = path[i]
        x = stretch * x - shear * y
        path[i, 0] = cosine * x - sine * y
        path[i, 1] = sine * x + cosine * y


@njit(cache=True)
def _round_corners(stroke: np.ndarray, passes: int) -> None:
    """Average each inner point with its neighbours, ``passes`` times."""
    for _ in range(passes):
        for axis in range(2):
            before = stroke[0, axis]
            for i in range(1, len(stroke) - 1):
                here = stroke[i, axis]
                stroke[i, axis] = 0.25 * before + 0.5 * here + 0.25 * stroke[i + 1, axis]
                before = here


@njit(cache=True)
def _fit(path: np.ndarray, radius: float) -> None:
    """Scale and centre in pixels, so that lines of this radius reach the border."""
    left, right = path[:, 0].min(), path[:, 0].max()
    top, bottom = path[:, 1].min(), path[:, 1].max()
    scale = (GLYPH_SIZE - 2 * (BORDER + radius)) / max(right - left, bottom - top, 1e-6)
    for i in range(len(path)):
        path[i, 0] = GLYPH_SIZE / 2 + scale * (path[i, 0] - (left + right) / 2)
        path[i, 1] = GLYPH_SIZE / 2 + scale * (path[i, 1] - (top + bottom) / 2)


@njit(cache=True)
def _ink(image: np.ndarray, state: np.ndarray, path: np.ndarray, strokes: np.ndarray, radius: float) -> None:
    """Ink each pixel by its distance to the nearest line."""
    softness = uniform(state, 0.4, 0.9)
    outside = np.full((GLYPH_SIZE, GLYPH_SIZE), 1e3)
    for s in range(len(strokes) - 1):
        first, last = strokes[s], strokes[s + 1] - 1
        pressure, phase = uniform(state, 0.0, 0.25), uniform(state, 0.0, 2 * math.pi)
        for i in range(first, max(last, first + 1)):
            j = min(i + 1, last)
            here = radius * (1 + pressure * math.sin(phase + 3.0 * (i - first) / (last - first + 1)))
            _line(outside, path[i, 0], path[i, 1], path[j, 0], path[j, 1], here)
    for y in range(GLYPH_SIZE):
        for x in range(GLYPH_SIZE):
            ink = 0.5 - 0.5 * math.erf(outside[y, x] / softness)
            image[y, x] = int(255 * ink + 0.5)


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
            distance = math.hypot(dx - along * across, dy - along * down) - radius
            outside[y, x] = min(outside[y, x], distance)

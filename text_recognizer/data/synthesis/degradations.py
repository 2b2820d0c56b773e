"""What paper, pen, camera and file do to a line before it is read.

The pen fades, the paper has rules, specks and neighbouring lines, light falls unevenly, and a camera or scanner of some
resolution adds blur, noise and the blocks of JPEG. Line ``i`` of seed ``s`` has the same pixels whatever the batch, the
worker, the process or the order.
"""

from __future__ import annotations

import math
from collections import namedtuple
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numba import njit

from text_recognizer.data.rng import next_uint64, randint, seed_state, uniform
from text_recognizer.data.synthesis.ranges import Range, as_floats, between, happens
from text_recognizer.data.synthesis.threads import over_ranges


@dataclass(frozen=True)
class Degradations:
    """Which degradations occur, and how strong they are. A share is the probability that a line has one; a range
    (low, high) is drawn from once per line that has it. Brightness runs from 0 (black paper) to 255 (full ink).

    Attributes:
        skew_share: Lines that are turned and sheared.
        skew: Rise from the first to the last column, in pixels.
        shear: Lean to the right, as the tangent of its angle; moves ink by up to half the height times that.
        thin_share: Lines whose strokes lose their edges.
        thinning: How much of the edge is lost, as a share of full ink.
        fade_share: Lines whose ink is uneven.
        fading: Loss of ink where it is faintest, as a share of full ink.
        neighbour_share: Lines with pieces of the lines above or below at their edges.
        neighbour_rows: Rows that a neighbouring line takes up.
        rule_share: Lines on ruled paper.
        rule_level: Brightness of the rules.
        speck_share: Lines with specks.
        specks: Specks per 100 columns.
        low_resolution_share: Lines taken at a low resolution.
        ink_rows: Rows that the ink of such a line takes up in its picture.
        blur_share: Lines out of focus.
        blur: Standard deviation of the blur, in pixels of the line.
        level_share: Lines whose paper is not black or whose ink is not full.
        paper_level: Brightness of their paper.
        ink_level: Brightness of their ink.
        shadow_share: Lines with a gradient of light, or the edge of a shadow.
        shadow: Loss of light in the darkest place, as a share.
        noise_share: Lines with noise.
        noise: Standard deviation of the noise of each pixel.
        grain: Standard deviation of the noise that goes with the ink, as a share of it.
        salt_share: Lines with black and white pixels.
        salt: Share of pixels lost that way.
        jpeg_share: Lines stored as JPEG.
        jpeg_step: Quantisation step of the lowest frequency; that of the highest is 8 times as large.
    """

    skew_share: float = 0.3
    skew: Range = (-3.0, 3.0)
    shear: Range = (-0.08, 0.08)
    thin_share: float = 0.25
    thinning: Range = (0.05, 0.4)
    fade_share: float = 0.3
    fading: Range = (0.1, 0.7)
    neighbour_share: float = 0.15
    neighbour_rows: Range = (2.0, 8.0)
    rule_share: float = 0.12
    rule_level: Range = (40.0, 200.0)
    speck_share: float = 0.15
    specks: Range = (0.3, 3.0)
    low_resolution_share: float = 0.5
    ink_rows: Range = (12.0, 30.0)
    blur_share: float = 0.4
    blur: Range = (0.4, 1.3)
    level_share: float = 0.5
    paper_level: Range = (0.0, 50.0)
    ink_level: Range = (140.0, 255.0)
    shadow_share: float = 0.25
    shadow: Range = (0.05, 0.4)
    noise_share: float = 0.3
    noise: Range = (1.0, 14.0)
    grain: Range = (0.0, 0.2)
    salt_share: float = 0.05
    salt: Range = (0.0005, 0.005)
    jpeg_share: float = 0.15
    jpeg_step: Range = (3.0, 16.0)

    @classmethod
    def none(cls) -> Degradations:
        """No degradation: lines stay as they are."""
        shares: dict[str, Any] = {field.name: 0.0 for field in fields(cls) if field.name.endswith("_share")}
        return cls(**shares)


_Ranges = namedtuple("_Ranges", [field.name for field in fields(Degradations)])  # type: ignore[misc]
_LINE_STREAM = 3
_ZERO, _ONE, _FULL = np.float32(0), np.float32(1), np.float32(255)  # an int would turn sums into float64


def degrade(
    images: np.ndarray,
    widths: np.ndarray,
    *,
    seed: int,
    indices: np.ndarray,
    degradations: Degradations = Degradations(),
    parallel: bool | None = None,
) -> np.ndarray:
    """Degrade lines.

    Args:
        images: uint8 (B, H, W), ink 255 on 0.
        widths: int64 (B,), the columns that each line takes up.
        seed: Seed of all random choices.
        indices: int64 (B,), number of each line; with the seed it decides every random choice.
        degradations: Which degradations, and how strong.
        parallel: Use all cores. If not given, the main process does and worker processes do not.

    Returns:
        uint8 (B, H, W), new: ink bright on dark paper, as a picture with its grey levels inverted. From a line's width
        on, columns are 0.
    """
    out = np.zeros_like(images)
    ranges: Any = _Ranges(*as_floats(degradations))
    widths, indices = np.asarray(widths, np.int64), np.asarray(indices, np.int64)

    def degrade_range(first: int, last: int) -> None:
        _degrade_lines(images, widths, indices, seed, ranges, first, last, out)

    over_ranges(degrade_range, len(images), parallel)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def _degrade_lines(
    images: np.ndarray,
    widths: np.ndarray,
    indices: np.ndarray,
    seed: int,
    degradations: Degradations,
    first: int,
    last: int,
    out: np.ndarray,
) -> None:
    state = np.empty(1, np.uint64)
    for i in range(first, last):
        seed_state(state, seed, _LINE_STREAM, indices[i])
        line = _read(images[i], widths[i])
        _write_picture(_photograph(state, degradations, _write(state, degradations, line)), out[i], widths[i])


@njit(cache=True, error_model="numpy")
def _read(image: np.ndarray, width: int) -> np.ndarray:
    line = np.empty((len(image), width), np.float32)
    for y in range(len(image)):
        for x in range(width):
            line[y, x] = image[y, x]
    return line


@njit(cache=True, error_model="numpy")
def _write_picture(picture: np.ndarray, out: np.ndarray, width: int) -> None:
    """Enlarge to the line's size, and round."""
    if picture.shape != (len(out), width):
        picture = _resized(picture, len(out), width)
    for y in range(len(out)):
        for x in range(width):
            out[y, x] = np.uint8(min(max(picture[y, x] + np.float32(0.5), _ZERO), _FULL))


@njit(cache=True, error_model="numpy")
def _write(state: np.ndarray, degradations: Degradations, line: np.ndarray) -> np.ndarray:
    """The line on its paper."""
    if happens(state, degradations.skew_share):
        line = _skewed(line, between(state, degradations.skew), between(state, degradations.shear))
    if happens(state, degradations.thin_share):
        _thin(line, between(state, degradations.thinning))
    if happens(state, degradations.fade_share):
        _dim(state, line, between(state, degradations.fading))
    if happens(state, degradations.neighbour_share):
        line = _with_neighbour(state, line, int(between(state, degradations.neighbour_rows)))
    if happens(state, degradations.rule_share):
        _rule(state, line, between(state, degradations.rule_level))
    if happens(state, degradations.speck_share):
        _speckle(state, line, between(state, degradations.specks))
    return line


@njit(cache=True, error_model="numpy")
def _photograph(state: np.ndarray, degradations: Degradations, line: np.ndarray) -> np.ndarray:
    """The picture of a paper, in the camera's resolution."""
    if happens(state, degradations.blur_share):
        _blur(line, between(state, degradations.blur))
    if happens(state, degradations.low_resolution_share):
        line = _shrunk(line, between(state, degradations.ink_rows))
    if happens(state, degradations.level_share):
        _set_levels(line, between(state, degradations.paper_level), between(state, degradations.ink_level))
    if happens(state, degradations.shadow_share):
        _shade(state, line, between(state, degradations.shadow))
    if happens(state, degradations.noise_share):
        _add_noise(state, line, between(state, degradations.noise), between(state, degradations.grain))
    if happens(state, degradations.salt_share):
        _salt(state, line, between(state, degradations.salt))
    if happens(state, degradations.jpeg_share):
        _quantise_blocks(line, between(state, degradations.jpeg_step))
    return line


@njit(cache=True, error_model="numpy")
def _skewed(line: np.ndarray, skew: float, shear: float) -> np.ndarray:
    """The line with its right end ``skew`` pixels higher and its top moved right by ``shear`` times its height."""
    height, width = line.shape
    reach = math.ceil(abs(skew) / 2) + 1
    slanted = np.zeros((height + 2 * reach, width), np.float32)
    for y in range(height):
        shift = shear * (y - height / 2)
        column = math.floor(shift)
        part = np.float32(shift - column)
        for x in range(max(-column, 0), min(width - 1 - column, width)):
            slanted[reach + y, x] = line[y, x + column] * (_ONE - part) + line[y, x + column + 1] * part
    result = np.empty_like(line)
    rows, parts = np.empty(width, np.int64), np.empty(width, np.float32)
    for x in range(width):
        shift = reach + skew * (x / width - 0.5)
        rows[x] = int(shift)
        parts[x] = shift - rows[x]
    for y in range(height):
        for x in range(width):
            result[y, x] = slanted[y + rows[x], x] * (_ONE - parts[x]) + slanted[y + rows[x] + 1, x] * parts[x]
    return result


@njit(cache=True, error_model="numpy")
def _thin(line: np.ndarray, thinning: float) -> None:
    lost, gain = np.float32(255 * thinning), np.float32(1 / (1 - thinning))
    for row in line:
        for x in range(len(row)):
            row[x] = max((row[x] - lost) * gain, _ZERO)


@njit(cache=True, error_model="numpy")
def _dim(state: np.ndarray, line: np.ndarray, loss: float) -> None:
    """Multiply by smooth noise between 1 - ``loss`` and 1: random values on a grid, joined bilinearly."""
    height, width = line.shape
    cell = uniform(state, 3.0, 24.0)
    rows, columns = int(height / cell) + 2, int(width / cell) + 2
    grid = np.empty((rows, columns), np.float32)
    for i in range(rows):
        for j in range(columns):
            grid[i, j] = 1 - loss * uniform(state, 0.0, 1.0)
    for y in range(height):
        i, part_y = int(y / cell), np.float32(y / cell) % 1
        for x in range(width):
            if line[y, x] > 0:
                j, part_x = int(x / cell), np.float32(x / cell) % 1
                above = grid[i, j] * (_ONE - part_x) + grid[i, j + 1] * part_x
                below = grid[i + 1, j] * (_ONE - part_x) + grid[i + 1, j + 1] * part_x
                line[y, x] *= above * (_ONE - part_y) + below * part_y


@njit(cache=True, error_model="numpy")
def _with_neighbour(state: np.ndarray, line: np.ndarray, rows: int) -> np.ndarray:
    """The line with a piece of text, its own turned round and moved along, at its upper or lower edge or both."""
    height, width = line.shape
    result = line.copy()
    edges = 1 + randint(state, 3)
    top, bottom = _ink_rows(line)
    rows = min(rows, bottom - top)
    for edge in range(2):
        start, end = randint(state, width), randint(state, width)
        if edges & (1 << edge):
            for y in range(rows):
                source = line[bottom - rows + y] if edge == 0 else line[top + y]
                target = result[y] if edge == 0 else result[height - rows + y]
                for x in range(min(start, end), max(start, end)):
                    target[x] = max(target[x], source[(x + start) % width])
    return result


@njit(cache=True, error_model="numpy")
def _ink_rows(line: np.ndarray) -> tuple[int, int]:
    """First row with ink and the one after the last; (0, 0) without ink."""
    top, bottom = 0, 0
    for y in range(len(line)):
        for x in range(line.shape[1]):
            if line[y, x] > 100:
                top, bottom = (top if bottom else y), y + 1
                break
    return top, bottom


@njit(cache=True, error_model="numpy")
def _rule(state: np.ndarray, line: np.ndarray, level: float) -> None:
    """Draw a rule somewhere under the middle, and others at the distance of ruled paper."""
    height, width = line.shape
    y = uniform(state, 0.55, 0.95) * height
    distance = uniform(state, 0.6, 1.2) * height
    slope = uniform(state, -1.5, 1.5) / max(width, 1)
    radius = uniform(state, 0.2, 1.0)
    for rule in range(2):
        for x in range(width):
            middle = y - rule * distance + slope * x
            for row in range(max(int(middle - 2), 0), min(int(middle + 3), height)):
                cover = min(max(radius + 0.5 - abs(row + 0.5 - middle), 0.0), 1.0)
                line[row, x] = max(line[row, x], np.float32(level * cover))


@njit(cache=True, error_model="numpy")
def _speckle(state: np.ndarray, line: np.ndarray, density: float) -> None:
    """Draw dots of up to three pixels across."""
    height, width = line.shape
    for _ in range(math.ceil(density * width / 100)):
        middle_x, middle_y = uniform(state, 0.0, width), uniform(state, 0.0, height)
        radius, level = uniform(state, 0.1, 1.5), uniform(state, 60.0, 255.0)
        for y in range(max(int(middle_y - 2), 0), min(int(middle_y + 3), height)):
            for x in range(max(int(middle_x - 2), 0), min(int(middle_x + 3), width)):
                distance = math.hypot(x + 0.5 - middle_x, y + 0.5 - middle_y)
                cover = min(max(radius + 0.5 - distance, 0.0), 1.0)
                line[y, x] = max(line[y, x], np.float32(level * cover))


@njit(cache=True, error_model="numpy")
def _shrunk(line: np.ndarray, ink_rows: float) -> np.ndarray:
    """The line in a resolution where its ink is ``ink_rows`` high; never enlarged. Averages areas."""
    top, bottom = _ink_rows(line)
    factor = min(ink_rows / max(bottom - top, 1), 1.0)
    height, width = line.shape
    rows, columns = max(round(height * factor), 1), max(round(width * factor), 1)
    narrow = np.zeros((height, columns), np.float32)
    for x in range(columns):
        low, high = x * width / columns, (x + 1) * width / columns
        for source in range(int(low), min(math.ceil(high), width)):
            share = np.float32((min(source + 1.0, high) - max(float(source), low)) / (high - low))
            for y in range(height):
                narrow[y, x] += share * line[y, source]
    result = np.zeros((rows, columns), np.float32)
    for y in range(rows):
        low, high = y * height / rows, (y + 1) * height / rows
        for source in range(int(low), min(math.ceil(high), height)):
            share = np.float32((min(source + 1.0, high) - max(float(source), low)) / (high - low))
            for x in range(columns):
                result[y, x] += share * narrow[source, x]
    return result


@njit(cache=True, error_model="numpy")
def _blur(line: np.ndarray, deviation: float) -> None:
    """Gaussian blur in place; what lies outside is paper."""
    reach = math.ceil(2.5 * deviation)
    taps, total = np.empty(2 * reach + 1, np.float32), 0.0
    for k in range(len(taps)):
        taps[k] = math.exp(-0.5 * ((k - reach) / deviation) ** 2)
        total += taps[k]
    for k in range(len(taps)):
        taps[k] /= total
    height, width = line.shape
    across = np.zeros((height, width), np.float32)
    for y in range(height):
        for k in range(len(taps)):
            _add(across[y, max(reach - k, 0) :], line[y, max(k - reach, 0) :], taps[k])
    line[:] = 0
    for y in range(height):
        for k in range(max(reach - y, 0), min(height + reach - y, len(taps))):
            _add(line[y], across[y + k - reach], taps[k])


@njit(cache=True, error_model="numpy")
def _add(target: np.ndarray, source: np.ndarray, weight: np.float32) -> None:
    """Add a multiple of one row to another, as far as both go."""
    for x in range(min(len(target), len(source))):
        target[x] += weight * source[x]


@njit(cache=True, error_model="numpy")
def _set_levels(line: np.ndarray, paper: float, ink: float) -> None:
    gain, offset = np.float32((ink - paper) / 255), np.float32(paper)
    for row in line:
        for x in range(len(row)):
            row[x] = offset + gain * row[x]


@njit(cache=True, error_model="numpy")
def _shade(state: np.ndarray, line: np.ndarray, loss: float) -> None:
    """Take light away along a random direction: evenly, or over the edge of a shadow."""
    height, width = line.shape
    angle = uniform(state, 0.0, 2 * math.pi)
    extent = abs(math.cos(angle)) * width + abs(math.sin(angle)) * height
    step_x, step_y = math.cos(angle) / extent, math.sin(angle) / extent
    place, softness = uniform(state, 0.2, 0.8), 1.0
    if happens(state, 0.4):
        softness = uniform(state, 4.0, 30.0) / extent
    for y in range(height):
        for x in range(width):
            along = 0.5 + (x - width / 2) * step_x + (y - height / 2) * step_y
            dark = min(max(0.5 + (along - place) / softness, 0.0), 1.0)
            line[y, x] = 255 - (255 - line[y, x]) * np.float32(1 - loss * dark)


@njit(cache=True, error_model="numpy")
def _add_noise(state: np.ndarray, line: np.ndarray, deviation: float, grain: float) -> None:
    """Add noise that is nearly normal: four random bytes, summed."""
    share, scale = np.float32(grain / 255), np.float32(1 / 147.8)  # a byte's variance is (256**2 - 1) / 12
    for row in line:
        for x in range(0, len(row), 2):
            bits = next_uint64(state)
            pairs = (bits & np.uint64(0x00FF00FF00FF00FF)) + ((bits >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF))
            sums = pairs + (pairs >> np.uint64(16))
            for k in range(min(2, len(row) - x)):
                total = np.int64((sums >> np.uint64(32 * k)) & np.uint64(0xFFFF))
                noise = np.float32(total - 510) * scale
                row[x + k] += noise * (np.float32(deviation) + share * row[x + k])


@njit(cache=True, error_model="numpy")
def _salt(state: np.ndarray, line: np.ndarray, share: float) -> None:
    height, width = line.shape
    for _ in range(math.ceil(share * height * width)):
        line[randint(state, height), randint(state, width)] = 255.0 * randint(state, 2)


_COSINES = np.array(
    [
        [math.sqrt((1 if i == 0 else 2) / 8) * math.cos(math.pi * (2 * j + 1) * i / 16) for j in range(8)]
        for i in range(8)
    ],
    dtype=np.float32,
)
"""The discrete cosine transform of 8 values: row i is the wave of frequency i."""
_INVERSE = np.ascontiguousarray(_COSINES.T)


@njit(cache=True, error_model="numpy")
def _quantise_blocks(line: np.ndarray, step: float) -> None:
    """Round the cosine transform of whole 8x8 blocks as JPEG does (Wallace 1991), coarser at high frequencies."""
    height, width = line.shape[0] // 8 * 8, line.shape[1] // 8 * 8
    waves = _transformed(_transformed(line, height, width, _COSINES), width, height, _COSINES)
    for y in range(height):
        for x in range(width):
            size = np.float32(step * (1 + (x % 8 + y % 8) / 2))
            waves[y, x] = size * math.floor(waves[y, x] / size + np.float32(0.5))
    values = _transformed(_transformed(waves, height, width, _INVERSE), width, height, _INVERSE)
    for y in range(height):
        for x in range(width):
            line[y, x] = values[y, x]


@njit(cache=True, error_model="numpy")
def _transformed(values: np.ndarray, height: int, width: int, basis: np.ndarray) -> np.ndarray:
    """Each group of 8 rows multiplied by ``basis`` (8, 8), and transposed: (height, width) becomes (width, height)."""
    result = np.empty((width, height), np.float32)
    sums = np.empty(width, np.float32)
    for y in range(height):
        top = y // 8 * 8
        for x in range(width):
            sums[x] = 0
        for k in range(8):
            _add(sums, values[top + k], basis[y - top, k])
        for x in range(width):
            result[x, y] = sums[x]
    return result


@njit(cache=True, error_model="numpy")
def _resized(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    """Enlarge bilinearly."""
    rows, columns = picture.shape
    across = np.empty((height, columns), np.float32)
    for y in range(height):
        upper, lower, part = _neighbours(y, height, rows)
        for x in range(columns):
            across[y, x] = picture[upper, x] * (_ONE - part) + picture[lower, x] * part
    result = np.empty((height, width), np.float32)
    for x in range(width):
        left, right, part = _neighbours(x, width, columns)
        for y in range(height):
            result[y, x] = across[y, left] * (_ONE - part) + across[y, right] * part
    return result


@njit(cache=True, error_model="numpy")
def _neighbours(place: int, size: int, source_size: int) -> tuple[int, int, np.float32]:
    """The source pixels on both sides of one of ``size`` that replace ``source_size``, and the share of the second."""
    source = min(max((place + 0.5) * source_size / size - 0.5, 0.0), source_size - 1.0)
    before = int(source)
    return before, min(before + 1, source_size - 1), np.float32(source - before)

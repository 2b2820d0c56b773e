"""Lines as a hand writes them: every letter at the size and place it has beside its neighbours.

Glyphs of EMNIST fill a square of one size, so c and C, o, O and 0, s and S look alike. Here each is cut to its ink and
set in the zone of its letter (x-height, capital height, ascender, descender), with natural widths, uneven gaps, a
wandering baseline and one slant and pen per line. One pen has one stroke width at every scale, so a glyph is drawn from
its ``reach``: how far each pixel is from the middle of the nearest stroke.

Line ``i`` of seed ``s`` has the same pixels whatever the batch, the worker, the process or the order.
"""

from __future__ import annotations

import math
from collections import namedtuple
from dataclasses import dataclass, fields
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numba import njit

from text_recognizer.alphabet import ALPHABET, LETTERS, Alphabet
from text_recognizer.data.glyphs.bank import GLYPH_SIZE, GlyphBank
from text_recognizer.data.rng import mix, next_uint64, normal, randint, seed_state, uniform
from text_recognizer.data.synthesis.ranges import Range, as_floats, between, happens
from text_recognizer.data.synthesis.threads import over_ranges
from text_recognizer.errors import UserError

LINE_HEIGHT = 48


@dataclass(frozen=True)
class HandwritingStyle:
    """What hands may differ in. A range (low, high) is drawn from once per line, unless it says otherwise.

    Attributes:
        x_height: Height of an x, in pixels; less where the line would not fit on the canvas.
        capital_height: Height of capitals and digits, in x-heights.
        ascender_height: Height of b, d, f, h, k, l, in capital heights.
        descender_depth: Depth of g, j, p, q, y below the baseline, in x-heights.
        width: Width of letters, as a multiple of their natural width.
        slant: Lean to the right, as the tangent of its angle.
        stroke_width: Width of the pen, in x-heights; thin pens are the most frequent.
        letter_gap: Mean gap between the ink of two letters, in x-heights; letters touch below 0.
        wide_letter_gap: The same in a wide writer.
        wide_share: Probability of a wide writer.
        gap_jitter: Standard deviation of the gaps, in x-heights.
        word_gap: What a space adds to the gap, in x-heights.
        size_jitter: Standard deviation of each letter's height and width, as a share of it.
        tilt_jitter: Standard deviation of each letter's rotation, in radians.
        bending: Standard deviation of each letter's bends and tapers, as a share of half its size.
        baseline_jitter: Standard deviation of each letter's height above the baseline, in x-heights.
        wander: Amplitude of the waves of the baseline, in x-heights.
        drift: Rise of the baseline over 20 x-heights or the whole line if that is longer, in x-heights.
        repetition: Probability of a character to be drawn as the line's first choice for it, not freshly.
        small_capitals_share: Probability that an all-capitals line has large first letters and smaller others.
        small_capitals: Their height, in capital heights.
        dotted_capital_share: Probability that an all-capitals line has a dot on its I.
        margin: Empty columns before and after the line, in pixels.
    """

    x_height: Range = (9.0, 15.0)
    capital_height: Range = (1.3, 2.0)
    ascender_height: Range = (0.92, 1.2)
    descender_depth: Range = (0.45, 0.95)
    width: Range = (0.7, 1.25)
    slant: Range = (-0.25, 0.4)
    stroke_width: Range = (0.11, 0.36)
    letter_gap: Range = (-0.02, 0.45)
    wide_letter_gap: Range = (0.4, 1.3)
    wide_share: float = 0.25
    gap_jitter: Range = (0.04, 0.16)
    word_gap: Range = (0.45, 1.5)
    size_jitter: Range = (0.02, 0.12)
    tilt_jitter: Range = (0.0, 0.08)
    bending: Range = (0.0, 0.08)
    baseline_jitter: Range = (0.0, 0.09)
    wander: Range = (0.0, 0.2)
    drift: Range = (-1.0, 1.0)
    repetition: Range = (0.0, 1.0)
    small_capitals_share: float = 0.2
    small_capitals: Range = (0.65, 0.9)
    dotted_capital_share: float = 0.15
    margin: Range = (2.0, 8.0)


_Ranges = namedtuple("_Ranges", [field.name for field in fields(HandwritingStyle)])  # type: ignore[misc]


class _Hand(NamedTuple):
    """One line's draw from a style."""

    x_height: float
    capital_height: float
    ascender_height: float
    descender_depth: float
    width: float
    slant: float
    stroke_width: float
    letter_gap: float
    gap_jitter: float
    word_gap: float
    size_jitter: float
    tilt_jitter: float
    bending: float
    baseline_jitter: float
    wander: float
    wave_length: float
    wave_phase: float
    drift: float
    repetition: float
    small_capitals: float
    dotted_capitals: bool
    margin: float
    shapes: Any


class _Glyphs(NamedTuple):
    """What the kernels know of a bank.

    Attributes:
        offsets: int64 (alphabet + 1,), as in the bank.
        boxes: float32 (N, 4), left, top, right, bottom of the middle of the strokes, in glyph pixels.
        reaches: uint8 (N, 28, 28), distance from the middle of the nearest stroke, in 1/32 glyph pixel; where the pen
            is known, half its width more than the distance from the edge of the ink, which is the same along strokes
            and has no need to find their middle where they run together.
        ready: bool (N,), whether the reach of a glyph has been computed.
    """

    offsets: np.ndarray
    boxes: np.ndarray
    reaches: np.ndarray
    ready: np.ndarray


_REACH_UNIT = 32.0
_MIDDLE = 0.25
"""What counts as the middle of a stroke, to either side, in glyph pixels."""
_MAX_SCALE = 0.16
"""Height of a glyph pixel, in x-heights, at most: what is flat, as a dash, is not made high."""
_MAX_BEND = 0.3
_PLACE_SIZE = 12
_EDGE = 2.0
"""Rows above and below a line that stay free."""
_LINE_STREAM = 2
_SPACE = ALPHABET.index(" ")
_CAPITAL_I, _SMALL_I = ALPHABET.index("I"), ALPHABET.index("i")
_CAPITALS = np.array([token in LETTERS and token.isupper() for token in ALPHABET])
_SMALL_LETTERS = np.array([token in LETTERS and token.islower() for token in ALPHABET])

ZONES: dict[str, tuple[float, float, float, float, float, float]] = {
    "acemnorsuvwxz": (1, 0, 0, 0, 0, 2),
    "bdfhkl": (0, 0, 1, 0, 0, 2),
    "t": (0.25, 0, 0.65, 0, 0, 2),
    "i": (0.55, 0.5, 0, 0, 0, 1),
    "gpqy": (1, 0, 0, 0, 1, 2),
    "j": (0.55, 0.5, 0, 0, 1, 1),
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789&?": (0, 1, 0, 0, 0, 2.5),
    "!": (0, 1, 0, 0, 0, 0.5),
    "\"'": (0, 1.05, 0, 0.95, 0, 0.5),
    "#": (0, 0.95, 0, 0, 0, 2),
    "()": (0, 1.1, 0, -0.3, 0, 0.7),
    "*": (0, 1, 0, 0.75, 0, 0.8),
    "+": (1, 0, 0, 0.1, 0, 1),
    ",": (0.12, 0, 0, -0.3, 0, 0.3),
    "-": (0.7, 0, 0, 0.45, 0, 0.7),
    ".": (0.1, 0, 0, 0, 0, 0.1),
    "/": (0, 1.05, 0, -0.15, 0, 1.2),
    ":": (0.7, 0, 0, 0.05, 0, 0.3),
    ";": (0.7, 0, 0, -0.3, 0, 0.4),
}
"""Where a character stands above the baseline. Its top is the sum of shares of the x-height, the capital height and the
ascender height; its bottom is a share of the x-height less a share of the descender depth; then the largest width, in
x-heights."""


def _zones(alphabet: Alphabet) -> np.ndarray:
    zones = np.zeros((len(alphabet), 6))
    for characters, zone in ZONES.items():
        for character in characters:
            zones[alphabet.index(character)] = zone
    return zones


_ZONE_OF = _zones(ALPHABET)


def compose_handwriting(
    bank: GlyphBank,
    codes: np.ndarray,
    lengths: np.ndarray,
    *,
    seed: int,
    indices: np.ndarray,
    style: HandwritingStyle = HandwritingStyle(),
    parallel: bool | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Write lines.

    Args:
        bank: Glyphs, size-normalised as those of EMNIST, with the default alphabet.
        codes: uint8 (B, L), alphabet indices of each text; what follows a text's length is ignored.
        lengths: int64 (B,), characters of each text, 1 to L.
        seed: Seed of all random choices.
        indices: int64 (B,), number of each line; with the seed it decides every random choice.
        style: What hands may differ in.
        parallel: Use all cores. If not given, the main process does and worker processes do not.

    Returns:
        images: uint8 (B, 48, W), ink 255 on 0; W is the widest line's width, rounded up to a multiple of 8.
        widths: int64 (B,), columns that each line takes up, margins included.
        boxes: int32 (B, L, 2), first column of each character's ink and the one after the last; a space has the columns
            of its gap, what follows a text's length has (0, 0).

    Raises:
        UserError: If a text is empty, or the bank has no glyph of a character.
    """
    batch, longest = codes.shape
    places, radii, widths = _lay_out(bank, codes, lengths, seed, indices, style, parallel)
    glyphs = _glyphs_of(bank)
    _make_ready(bank, glyphs, places, parallel)
    images = np.zeros((batch, LINE_HEIGHT, -(-int(widths.max(initial=0)) // 8) * 8), np.uint8)
    boxes = np.zeros((batch, longest, 2), np.int32)
    lengths = np.asarray(lengths, np.int64)

    def draw_range(first: int, last: int) -> None:
        _draw_lines(glyphs.boxes, glyphs.reaches, places, radii, lengths, widths, first, last, images, boxes)

    over_ranges(draw_range, batch, parallel)
    return images, widths, boxes


def handwriting_widths(
    bank: GlyphBank,
    codes: np.ndarray,
    lengths: np.ndarray,
    *,
    seed: int,
    indices: np.ndarray,
    style: HandwritingStyle = HandwritingStyle(),
    parallel: bool | None = None,
) -> np.ndarray:
    """The widths that :func:`compose_handwriting` gives the same lines, int64 (B,), without drawing them."""
    return _lay_out(bank, codes, lengths, seed, indices, style, parallel)[2]


_GLYPHS: WeakKeyDictionary[GlyphBank, _Glyphs] = WeakKeyDictionary()


def _glyphs_of(bank: GlyphBank) -> _Glyphs:
    if bank not in _GLYPHS:
        boxes = np.empty((len(bank), 4), np.float32)
        _measure(bank.images, bank.pens, boxes)
        reaches = np.empty((len(bank), GLYPH_SIZE, GLYPH_SIZE), np.uint8)
        _GLYPHS[bank] = _Glyphs(bank.offsets, boxes, reaches, np.zeros(len(bank), np.bool_))
    return _GLYPHS[bank]


def _make_ready(bank: GlyphBank, glyphs: _Glyphs, places: np.ndarray, parallel: bool | None) -> None:
    """Compute the reaches of those placed glyphs that are drawn for the first time."""
    numbers = places[:, :, 0].astype(np.int64).ravel()
    wanted = np.unique(numbers[(numbers >= 0) & ~glyphs.ready[numbers]])
    over_ranges(
        lambda first, last: _find_reaches(bank.images, bank.pens, wanted, first, last, glyphs.reaches),
        len(wanted),
        parallel,
    )
    glyphs.ready[wanted] = True


def _lay_out(
    bank: GlyphBank,
    codes: np.ndarray,
    lengths: np.ndarray,
    seed: int,
    indices: np.ndarray,
    style: HandwritingStyle,
    parallel: bool | None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Choose and place the glyphs of every line.

    Returns:
        places float64 (B, L, 12), as :func:`_fit` leaves them; radii float64 (B,), half of each line's stroke width in
        pixels; widths int64 (B,).
    """
    _check(bank, codes, lengths)
    glyphs = _glyphs_of(bank)
    ranges: Any = _Ranges(*as_floats(style))
    batch, longest = codes.shape
    places = np.full((batch, longest, _PLACE_SIZE), -1.0)
    radii, widths = np.empty(batch), np.empty(batch, np.int64)
    lines = (codes, np.asarray(lengths, np.int64), np.asarray(indices, np.int64))
    over_ranges(
        lambda first, last: _place_lines(
            glyphs.offsets, glyphs.boxes, *lines, seed, ranges, first, last, places, radii, widths
        ),
        batch,
        parallel,
    )
    return places, radii, widths


def _check(bank: GlyphBank, codes: np.ndarray, lengths: np.ndarray) -> None:
    batch, longest = codes.shape
    if batch and not 1 <= np.min(lengths) <= np.max(lengths) <= longest:
        raise UserError("A line needs at least one character, but a text is empty. Give a text.")
    used = np.unique(codes[np.arange(longest) < np.asarray(lengths)[:, None]])
    missing = [bank.alphabet[int(i)] for i in used if i != _SPACE and bank.offsets[i] == bank.offsets[i + 1]]
    if missing:
        raise UserError(
            f"The glyphs hold no picture of {' '.join(missing)!r}, which a text needs. "
            "Leave the character out, or take glyphs that have it, such as the pen strokes."
        )


@njit(cache=True, nogil=True)
def _place_lines(
    offsets: np.ndarray,
    boxes: np.ndarray,
    codes: np.ndarray,
    lengths: np.ndarray,
    indices: np.ndarray,
    seed: int,
    style: HandwritingStyle,
    first: int,
    last: int,
    places: np.ndarray,
    radii: np.ndarray,
    widths: np.ndarray,
) -> None:
    state = np.empty(1, np.uint64)
    for line in range(first, last):
        text = codes[line, : lengths[line]]
        seed_state(state, seed, _LINE_STREAM, indices[line])
        writer = _draw_writer(state, style, _in_capitals(text))
        _place_text(state, writer, offsets, boxes, text, places[line])
        radii[line], widths[line] = _fit(state, writer, text, places[line])


@njit(cache=True)
def _in_capitals(text: np.ndarray) -> bool:
    capitals = 0
    for code in text:
        if _SMALL_LETTERS[code]:
            return False
        capitals += _CAPITALS[code]
    return capitals > 0


@njit(cache=True)
def _draw_writer(state: np.ndarray, style: HandwritingStyle, in_capitals: bool) -> _Hand:
    wide = happens(state, style.wide_share)
    letter_gap = between(state, style.wide_letter_gap if wide else style.letter_gap)
    small_capitals = between(state, style.small_capitals)
    if not in_capitals or not happens(state, style.small_capitals_share):
        small_capitals = 1.0
    thin, bold = style.stroke_width
    stroke_width = thin + (bold - thin) * uniform(state, 0.0, 1.0) ** 2
    dotted_capitals = in_capitals and happens(state, style.dotted_capital_share)
    return _Hand(
        shapes=next_uint64(state),
        x_height=between(state, style.x_height),
        capital_height=between(state, style.capital_height),
        ascender_height=between(state, style.ascender_height),
        descender_depth=between(state, style.descender_depth),
        width=between(state, style.width),
        slant=between(state, style.slant),
        stroke_width=stroke_width,
        letter_gap=letter_gap,
        gap_jitter=between(state, style.gap_jitter),
        word_gap=between(state, style.word_gap),
        size_jitter=between(state, style.size_jitter),
        tilt_jitter=between(state, style.tilt_jitter),
        bending=between(state, style.bending),
        baseline_jitter=between(state, style.baseline_jitter),
        wander=between(state, style.wander),
        wave_length=uniform(state, 8.0, 40.0),
        wave_phase=uniform(state, 0.0, 2 * math.pi),
        drift=between(state, style.drift),
        repetition=between(state, style.repetition),
        small_capitals=small_capitals,
        dotted_capitals=dotted_capitals,
        margin=between(state, style.margin),
    )


@njit(cache=True)
def _place_text(
    state: np.ndarray, writer: _Hand, offsets: np.ndarray, boxes: np.ndarray, text: np.ndarray, places: np.ndarray
) -> None:
    """Set characters side by side on a straight line.

    Fills ``places`` (L, 12), one row per character, in x-heights, x to the right and y up from the baseline: number of
    the glyph (-1 for a space), left and right end, bottom and top, horizontal and vertical size of a glyph pixel, tilt;
    then the taper and the bend across, and the same down, as shares of half the size.
    """
    x = 0.0
    for k in range(len(text)):
        code, place = text[k], places[k]
        if code == _SPACE:
            advance = writer.word_gap * uniform(state, 0.75, 1.35)
            place[:] = 0.0
            place[0], place[1], place[2] = -1, x, x + advance
            x += advance
            continue
        top, bottom, widest = _zone(writer, code, k > 0 and text[k - 1] != _SPACE)
        if code == _CAPITAL_I and writer.dotted_capitals and offsets[_SMALL_I] < offsets[_SMALL_I + 1]:
            code = _SMALL_I
        glyph = _choose(state, writer, offsets, code)
        box = boxes[glyph]
        across, down = max(box[2] - box[0], 1e-3), max(box[3] - box[1], 1e-3)
        height = (top - bottom) * _jitter(state, writer.size_jitter)
        scale_y = min(max(height - writer.stroke_width, 0.05) / down, _MAX_SCALE)
        scale_x = min(scale_y * writer.width * _jitter(state, writer.size_jitter), widest / across)
        width = across * scale_x + writer.stroke_width
        height = down * scale_y + writer.stroke_width
        bottom += writer.baseline_jitter * normal(state)
        place[0], place[1], place[2], place[3], place[4] = glyph, x, x + width, bottom, bottom + height
        place[5], place[6], place[7] = scale_x, scale_y, writer.tilt_jitter * normal(state)
        for bend in range(8, _PLACE_SIZE):
            place[bend] = min(max(writer.bending * normal(state), -_MAX_BEND), _MAX_BEND)
        x += width + max(writer.letter_gap + writer.gap_jitter * normal(state), -0.25)


@njit(cache=True)
def _jitter(state: np.ndarray, deviation: float) -> float:
    return min(max(1.0 + deviation * normal(state), 0.7), 1.4)


@njit(cache=True)
def _zone(writer: _Hand, code: int, inside_word: bool) -> tuple[float, float, float]:
    """Top, bottom and largest width of a character, in x-heights."""
    x_share, capital_share, ascender_share, bottom_share, descender_share, widest = _ZONE_OF[code]
    ascender = ascender_share * writer.ascender_height
    top = x_share + (capital_share + ascender) * writer.capital_height
    if inside_word and _CAPITALS[code]:
        top *= writer.small_capitals
    return top, bottom_share - descender_share * writer.descender_depth, widest * writer.width


@njit(cache=True)
def _choose(state: np.ndarray, writer: _Hand, offsets: np.ndarray, code: int) -> int:
    """A glyph: the writer's usual shape of the character, or any."""
    first: int = offsets[code]
    count = offsets[code + 1] - first
    if happens(state, writer.repetition):
        return int(first + np.int64(mix(writer.shapes ^ np.uint64(code)) % np.uint64(count)))
    return first + randint(state, count)


@njit(cache=True)
def _fit(state: np.ndarray, writer: _Hand, text: np.ndarray, places: np.ndarray) -> tuple[float, int]:
    """Bend and slant the line, scale it to the canvas, and turn ``places`` into what :func:`_draw_glyph` takes.

    A row becomes: number of the glyph, x and y of its centre in canvas pixels, the four numbers that map canvas pixels
    to glyph pixels about the centres (x by x and y, then y by x and y), the size of a glyph pixel, and its bends, which
    stay. A space keeps -1 and its first and last column.

    Returns:
        Half of the stroke width, in pixels, and the width of the line.
    """
    end = places[len(text) - 1, 2]
    left, right, low, high = 0.0, end, 0.0, 1.0
    for k in range(len(text)):
        place = places[k]
        middle = (place[1] + place[2]) / 2
        rise = writer.drift * (middle - end / 2) / max(end, 20.0)
        rise += writer.wander * math.sin(2 * math.pi * middle / writer.wave_length + writer.wave_phase)
        place[3], place[4] = place[3] + rise, place[4] + rise
        lean_low, lean_high = writer.slant * place[3], writer.slant * place[4]
        wider = (abs(place[8]) + abs(place[9])) * (place[2] - place[1]) / 2
        left = min(left, place[1] + min(lean_low, lean_high) - wider)
        right = max(right, place[2] + max(lean_low, lean_high) + wider)
        higher = (abs(place[10]) + abs(place[11])) * (place[4] - place[3]) / 2
        higher += abs(place[7]) * (place[2] - place[1]) / 2
        low, high = min(low, place[3] - higher), max(high, place[4] + higher)
    room = LINE_HEIGHT - 2 * _EDGE
    size = min(writer.x_height, room / (high - low))
    base = _EDGE + size * high + uniform(state, 0.0, room - size * (high - low))
    for k in range(len(text)):
        place = places[k]
        if place[0] < 0:
            place[1] = writer.margin + size * (place[1] - left)
            place[2] = writer.margin + size * (place[2] - left)
            continue
        x, y = (place[1] + place[2]) / 2, (place[3] + place[4]) / 2
        scale_x, scale_y, sine, cosine = size * place[5], size * place[6], math.sin(place[7]), math.cos(place[7])
        place[1], place[2] = writer.margin + size * (x + writer.slant * y - left), base - size * y
        place[3], place[4] = cosine / scale_x, (writer.slant * cosine + sine) / scale_x
        place[5], place[6] = -sine / scale_y, (cosine - writer.slant * sine) / scale_y
        place[7] = math.sqrt(scale_x * scale_y)
    return size * writer.stroke_width / 2, math.ceil(size * (right - left) + 2 * writer.margin)


@njit(cache=True, nogil=True)
def _draw_lines(
    boxes: np.ndarray,
    reaches: np.ndarray,
    places: np.ndarray,
    radii: np.ndarray,
    lengths: np.ndarray,
    widths: np.ndarray,
    first: int,
    last: int,
    images: np.ndarray,
    ink: np.ndarray,
) -> None:
    for line in range(first, last):
        for k in range(lengths[line]):
            place = places[line, k]
            if place[0] < 0:
                ink[line, k, 0], ink[line, k, 1] = int(place[1]), math.ceil(place[2])
            else:
                glyph = int(place[0])
                canvas = images[line, :, : widths[line]]
                ink[line, k] = _draw_glyph(canvas, boxes[glyph], reaches[glyph], place, radii[line])


@njit(cache=True)
def _draw_glyph(
    canvas: np.ndarray, box: np.ndarray, reach: np.ndarray, place: np.ndarray, radius: float
) -> tuple[int, int]:
    """Draw a glyph with a pen of a radius in pixels; darker ink stays. Returns the columns of the ink."""
    _, x, y, x_by_x, x_by_y, y_by_x, y_by_y, scale = place[:8]
    bends = place[8:].astype(np.float32)
    middle_x, middle_y = np.float32((box[0] + box[2] - 1) / 2), np.float32((box[1] + box[3] - 1) / 2)
    size_x, size_y = np.float32((box[2] - box[0]) / 2 + 0.5), np.float32((box[3] - box[1]) / 2 + 0.5)
    margin = (radius + 0.5) / scale
    half_x = size_x * (1 + abs(bends[0]) + abs(bends[1])) + margin
    half_y = size_y * (1 + abs(bends[2]) + abs(bends[3])) + margin
    height = (abs(y_by_x) * half_x + abs(x_by_x) * half_y) / (x_by_x * y_by_y - x_by_y * y_by_x)
    unit = np.float32(scale / _REACH_UNIT)
    edge = np.float32(radius + 0.5)
    step_x, step_y = np.float32(x_by_x) / size_x, np.float32(y_by_x) / size_y
    first, last = canvas.shape[1], 0
    for row in range(max(int(y - height), 0), min(int(y + height) + 1, canvas.shape[0])):
        dy = row + 0.5 - y
        lean = x - x_by_y * dy / x_by_x
        left, right = max(int(lean - half_x / x_by_x), 0), min(int(lean + half_x / x_by_x) + 1, canvas.shape[1])
        dx = left + 0.5 - x
        across = np.float32(x_by_x * dx + x_by_y * dy) / size_x
        down = np.float32(y_by_x * dx + y_by_y * dy) / size_y
        for column in range(left, right):
            glyph_x = middle_x + size_x * (across + down * (bends[0] * across + bends[1] * down))
            glyph_y = middle_y + size_y * (down + across * (bends[2] * down + bends[3] * across))
            ink = np.float32(255) * (edge - unit * _sample(reach, glyph_x, glyph_y))
            across += step_x
            down += step_y
            if ink >= 1:
                canvas[row, column] = max(canvas[row, column], np.uint8(min(ink, np.float32(255))))
                first, last = min(first, column), max(last, column + 1)
    return (first, last) if first < last else (int(x), int(x))


@njit(cache=True, inline="always")
def _sample(reach: np.ndarray, x: np.float32, y: np.float32) -> np.float32:
    """Bilinear value at (x, y); it grows with the distance outside."""
    zero, last = np.float32(0), np.float32(GLYPH_SIZE - 1.001)
    inner_x, inner_y = np.float32(min(max(x, zero), last)), np.float32(min(max(y, zero), last))
    column, row = np.uint32(inner_x), np.uint32(inner_y)
    part_x, part_y = inner_x - np.float32(column), inner_y - np.float32(row)
    corner = np.float32(reach[row, column])
    above = corner + part_x * (np.float32(reach[row, column + 1]) - corner)
    corner = np.float32(reach[row + 1, column])
    below = corner + part_x * (np.float32(reach[row + 1, column + 1]) - corner)
    return above + part_y * (below - above) + np.float32(_REACH_UNIT) * (abs(x - inner_x) + abs(y - inner_y))


@njit(cache=True, nogil=True)
def _measure(images: np.ndarray, pens: np.ndarray, boxes: np.ndarray) -> None:
    """Fill ``boxes`` of glyphs: that of the ink, less the pen's radius; unknown, it is area over perimeter."""
    for i in range(len(images)):
        image = images[i]
        left, top, right, bottom = GLYPH_SIZE, GLYPH_SIZE, 0, 0
        area, edges = 0, 0
        for y in range(1, GLYPH_SIZE):
            for x in range(1, GLYPH_SIZE):
                inked = image[y, x] > 127
                edges += (inked != (image[y, x - 1] > 127)) + (inked != (image[y - 1, x] > 127))
                if inked:
                    area += 1
                    left, right = min(left, x), max(right, x + 1)
                    top, bottom = min(top, y), max(bottom, y + 1)
        radius = pens[i] / 2 if pens[i] > 0 else area / max(edges * math.pi / 4, 1.0)
        boxes[i, 0], boxes[i, 2] = _shrink(left, right, radius)
        boxes[i, 1], boxes[i, 3] = _shrink(top, bottom, radius)


@njit(cache=True)
def _shrink(low: int, high: int, margin: float) -> tuple[float, float]:
    middle, half = (low + high) / 2, max((high - low) / 2 - margin, 0.0)
    return middle - half, middle + half


@njit(cache=True, nogil=True)
def _find_reaches(
    images: np.ndarray, pens: np.ndarray, wanted: np.ndarray, first: int, last: int, reaches: np.ndarray
) -> None:
    """Fill ``reaches`` of the glyphs ``wanted[first:last]``."""
    fine = np.full((2 * GLYPH_SIZE + 2, 2 * GLYPH_SIZE + 2), np.float32(-1))
    depth, reach = np.empty_like(fine), np.empty_like(fine)
    for i in wanted[first:last]:
        _enlarge(images[i], fine[1:-1, 1:-1])
        _find_depth(fine, depth)
        if pens[i] > 0:
            _find_depth(-fine, reach)
            reach += np.float32(pens[i] + 2 * _MIDDLE) - depth
        else:
            _find_reach(depth, reach)
        _shrink_reach(reach[1:-1, 1:-1], reaches[i])


@njit(cache=True)
def _enlarge(image: np.ndarray, fine: np.ndarray) -> None:
    """Twice as many pixels each way, bilinear; half ink is 0."""
    for y in range(len(fine)):
        row, other_row = y // 2, min(max(y // 2 + 2 * (y % 2) - 1, 0), GLYPH_SIZE - 1)
        for x in range(len(fine)):
            column, other = x // 2, min(max(x // 2 + 2 * (x % 2) - 1, 0), GLYPH_SIZE - 1)
            near = 3 * image[row, column] + image[row, other]
            far = 3 * image[other_row, column] + image[other_row, other]
            fine[y, x] = (3 * near + far) / 16 - 127.5


@njit(cache=True)
def _find_depth(fine: np.ndarray, depth: np.ndarray) -> None:
    """Distance of what is not negative from its edge; 0 outside."""
    depth[:] = 4 * GLYPH_SIZE
    for y in range(1, len(fine) - 1):
        for x in range(1, len(fine) - 1):
            here, right, left = fine[y, x], fine[y, x + 1], fine[y, x - 1]
            below, above = fine[y + 1, x], fine[y - 1, x]
            if here < 0:
                depth[y, x] = 0
            elif right < 0 or left < 0 or below < 0 or above < 0:
                slope = math.hypot(right - left, below - above) / 2
                depth[y, x] = min(here / max(slope, 1.0), 1.0)
    _spread(depth)


@njit(cache=True)
def _find_reach(depth: np.ndarray, reach: np.ndarray) -> None:
    """Distance from the middle of the strokes: where the depth is greatest across, and no corner of thicker ink."""
    reach[:] = 4 * GLYPH_SIZE
    for y in range(3, len(depth) - 3):
        for x in range(3, len(depth) - 3):
            here = depth[y, x]
            if here > 0 and 2 * here > depth[y - 3 : y + 4, x - 3 : x + 4].max():
                for across, down, step in ((1, 0, 1.0), (0, 1, 1.0), (1, 1, 1.4), (1, -1, 1.4)):
                    before, after = depth[y - down, x - across], depth[y + down, x + across]
                    if here >= before and here >= after and 2 * here - before - after > 0.9 * step:
                        reach[y, x] = 0
    _spread(reach)


@njit(cache=True)
def _spread(distance: np.ndarray) -> None:
    """Lower each value to what its neighbours say: two chamfer passes (Borgefors 1986). The border keeps its values."""
    size, one, diagonal = len(distance), np.float32(1), np.float32(math.sqrt(2))
    for y in range(1, size - 1):
        for x in range(1, size - 1):
            straight = min(distance[y, x - 1], distance[y - 1, x]) + one
            aslant = min(distance[y - 1, x - 1], distance[y - 1, x + 1]) + diagonal
            distance[y, x] = min(distance[y, x], straight, aslant)
    for y in range(size - 2, 0, -1):
        for x in range(size - 2, 0, -1):
            straight = min(distance[y, x + 1], distance[y + 1, x]) + one
            aslant = min(distance[y + 1, x - 1], distance[y + 1, x + 1]) + diagonal
            distance[y, x] = min(distance[y, x], straight, aslant)


@njit(cache=True)
def _shrink_reach(fine: np.ndarray, reach: np.ndarray) -> None:
    for y in range(GLYPH_SIZE):
        for x in range(GLYPH_SIZE):
            total = fine[2 * y, 2 * x] + fine[2 * y, 2 * x + 1] + fine[2 * y + 1, 2 * x] + fine[2 * y + 1, 2 * x + 1]
            reach[y, x] = min(max(_REACH_UNIT * (total / 8 - _MIDDLE), 0.0), 255.0)

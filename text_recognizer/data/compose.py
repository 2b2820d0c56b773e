"""Text lines out of single characters: a whole batch in one compiled kernel.

Line ``i`` of seed ``s`` is the same bytes whatever the batch, the worker, the process or the order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from text_recognizer.alphabet import ALPHABET, PADDING, Alphabet
from text_recognizer.data.glyphs import GLYPH_SIZE, GlyphBank
from text_recognizer.data.handwriting import LINE_HEIGHT, compose_handwriting, handwriting_widths
from text_recognizer.data.rng import randint, seed_state, uniform, uniforms
from text_recognizer.data.threads import over_ranges
from text_recognizer.errors import UsageError, UserError

Layout = Literal["exact", "overlap", "uneven", "handwriting", "mixed"]
"""How the characters of a line stand.

``exact``, ``overlap`` and ``uneven`` set cells of 28 x 28 pixels: every cell overlaps the one before by the smallest
overlap, by one random overlap per line, or by a new one at each gap. ``handwriting`` sets letters as a hand does. Of
``mixed`` lines half are ``handwriting``, a quarter ``overlap`` and a quarter ``uneven``.
"""

SPACE = ALPHABET.index(" ")
_LINE_STREAM = 1
_MIX_STREAM = 4
_MIXED_LAYOUTS: tuple[Layout, ...] = ("overlap", "uneven", "handwriting", "handwriting")
_VECTOR = 16
_HALVES = (0, GLYPH_SIZE - _VECTOR)


class Lines(NamedTuple):
    """A batch of composed text lines, as arrays or as tensors.

    Attributes:
        images: uint8 (B, H, W), ink 255 on 0.
        targets: int64 (B, L), alphabet indices of the characters, padded with ``<P>``.
        widths: int64 (B,), columns of the picture that the line takes up.
        lengths: int64 (B,), targets that are not padding.
        boxes: int32 (B, L, 2), first column of each target's ink and the one after its last; a space has its cell, a
            target that is no character (0, 0).
    """

    images: Any
    targets: Any
    widths: Any
    lengths: Any
    boxes: Any


@dataclass(frozen=True)
class LineStyle:
    """How lines look.

    Args:
        layout: How the characters stand.
        min_overlap: The smallest share of a cell that the next cell may cover.
        max_overlap: The largest.

    Raises:
        UsageError: If an overlap is not in [0, 1) or the smallest is above the largest.
    """

    layout: Layout = "overlap"
    min_overlap: float = 0.0
    max_overlap: float = 0.33

    def __post_init__(self) -> None:
        for flag in ("min_overlap", "max_overlap"):
            if not 0 <= getattr(self, flag) < 1:
                raise UsageError(f"--{flag} is {getattr(self, flag)}, but an overlap is a share: 0 or more, below 1.")
        if self.min_overlap > self.max_overlap and self.layout != "exact":
            raise UsageError(f"--min_overlap is {self.min_overlap}, above --max_overlap {self.max_overlap}.")
        if self.layout not in get_args(Layout):
            raise UsageError(f"--layout is {self.layout!r}, but must be one of {', '.join(get_args(Layout))}.")

    @property
    def has_cells_only(self) -> bool:
        """Whether every line can stand on a canvas of 28 rows and 28 columns per character."""
        return self.layout not in ("handwriting", "mixed")

    @property
    def height(self) -> int:
        """Rows of the pictures."""
        return GLYPH_SIZE if self.has_cells_only else LINE_HEIGHT


def encode_texts(texts: Sequence[str], alphabet: Alphabet = ALPHABET) -> tuple[np.ndarray, np.ndarray]:
    """Texts as the composer takes them.

    Returns:
        ``codes`` uint8 (B, longest text), alphabet indices padded with ``<P>``, and ``lengths`` int64 (B,).

    Raises:
        UserError: If there is no text, or one is empty or has a character that the alphabet lacks.
    """
    if not texts or not all(texts):
        raise UserError("A line needs at least one character, but a text is empty. Give a text.")
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    codes = np.full((len(texts), lengths.max()), alphabet.index(PADDING), dtype=np.uint8)
    for row, text in zip(codes, texts, strict=True):
        row[: len(text)] = alphabet.encode(text)
    return codes, lengths


def compose_lines(
    bank: GlyphBank,
    codes: np.ndarray,
    lengths: np.ndarray,
    style: LineStyle,
    *,
    seed: int,
    indices: np.ndarray,
    width: int | None = None,
) -> Lines:
    """Compose a batch in any style.

    Args:
        bank, codes, lengths, seed, indices: As in :func:`compose_cells`.
        style: How the lines look.
        width: Columns of the canvas where there are only cells; ``28 * L`` if not given.

    Returns:
        The lines, on pictures of ``style.height`` rows. Where there are not only cells, the pictures have as many
        columns as the widest line needs, and cells stand in the middle rows.

    Raises:
        UserError: As :func:`compose_cells` does.
    """
    lengths, indices = np.asarray(lengths, np.int64), np.asarray(indices, np.int64)
    if style.layout == "mixed":
        return _compose_mixed(bank, codes, lengths, style, seed, indices)
    if style.layout == "handwriting":
        images, widths, boxes = compose_handwriting(bank, codes, lengths, seed=seed, indices=indices)
        return Lines(images, _padded_targets(codes, lengths), widths, lengths, boxes)
    return compose_cells(
        bank,
        codes,
        lengths,
        min_overlap=style.min_overlap,
        max_overlap=style.min_overlap if style.layout == "exact" else style.max_overlap,
        uneven=style.layout == "uneven",
        seed=seed,
        indices=indices,
        width=width,
    )


def line_widths(
    bank: GlyphBank, codes: np.ndarray, lengths: np.ndarray, style: LineStyle, *, seed: int, indices: np.ndarray
) -> np.ndarray:
    """About the widths that :func:`compose_lines` gives the same lines, int64 (B,), without drawing them."""
    indices = np.asarray(indices, np.int64)
    mean_overlap = style.min_overlap if style.layout == "exact" else (style.min_overlap + style.max_overlap) / 2
    widths = (lengths * GLYPH_SIZE * (1 - mean_overlap)).astype(np.int64)
    if style.layout == "handwriting":
        widths = handwriting_widths(bank, codes, lengths, seed=seed, indices=indices)
    elif style.layout == "overlap":
        widths = _overlapped_widths(lengths, style, seed, indices)
    elif style.layout == "mixed":
        numbers = _layout_numbers(seed, indices)
        even = numbers == _MIXED_LAYOUTS.index("overlap")
        widths[even] = _overlapped_widths(lengths[even], style, seed, indices[even])
        written = numbers >= _MIXED_LAYOUTS.index("handwriting")
        widths[written] = handwriting_widths(
            bank, codes[written], lengths[written], seed=seed, indices=indices[written]
        )
    return widths


def compose_cells(
    bank: GlyphBank,
    codes: np.ndarray,
    lengths: np.ndarray,
    *,
    min_overlap: float,
    max_overlap: float,
    uneven: bool = False,
    seed: int,
    indices: np.ndarray,
    width: int | None = None,
    parallel: bool | None = None,
    out: np.ndarray | None = None,
) -> Lines:
    """Set texts in cells of 28 x 28 pixels, a fresh glyph for every character.

    At overlap ``o`` a cell starts ``28 - int(28 * o)`` columns after the one before; where cells overlap, the darker
    ink wins. A space is an empty cell.

    Args:
        bank: The glyphs to draw from.
        codes: uint8 (B, L), alphabet indices of each text; what follows a text's length is ignored.
        lengths: int64 (B,), characters of each text, 1 to L.
        min_overlap: The smallest share of a cell that the next cell may cover.
        max_overlap: The largest, below 1.
        uneven: Draw an overlap for each gap, not one for the line.
        seed: Seed of glyphs and overlaps.
        indices: int64 (B,), number of each line; with the seed it decides every random choice.
        width: Columns of the canvas; ``28 * L`` if not given.
        parallel: Use all cores. If not given, the main process does and worker processes do not.
        out: A canvas uint8 (B, 28, width) to write to instead of a new one; all of it is overwritten.

    Returns:
        The lines, on pictures of 28 rows.

    Raises:
        UserError: If a text is empty or too long for the canvas, or the bank has no glyph of a character.
    """
    batch, longest = codes.shape
    width = GLYPH_SIZE * longest if width is None else width
    images = np.empty((batch, GLYPH_SIZE, width), np.uint8) if out is None else out
    assert images.shape == (batch, GLYPH_SIZE, width)
    assert images.dtype == np.uint8
    assert images.flags.c_contiguous
    lines = Lines(
        images,
        np.empty((batch, longest), np.int64),
        np.empty(batch, np.int64),
        np.asarray(lengths, np.int64),
        np.empty((batch, longest, 2), np.int32),
    )
    glyphs = (bank.images, bank.offsets, bank.ink_columns)
    texts = (codes, lines.lengths, np.asarray(indices, np.int64), seed)
    overlaps = (float(min_overlap), float(max_overlap), uneven)
    results = (lines.images, lines.targets, lines.widths, lines.boxes)

    def compose_range(first: int, last: int) -> int:
        return _compose_cells(*glyphs, *texts, *overlaps, bank.alphabet.index(PADDING), first, last, *results)

    for failed in over_ranges(compose_range, batch, parallel):
        if failed >= 0:
            raise _cannot_set(bank, codes[failed, : max(lengths[failed], 0)], width)
    return lines


def _overlapped_widths(lengths: np.ndarray, style: LineStyle, seed: int, indices: np.ndarray) -> np.ndarray:
    shares = uniforms(seed, _LINE_STREAM, indices)
    overlaps = style.min_overlap + (style.max_overlap - style.min_overlap) * shares
    return (GLYPH_SIZE * (1 + (lengths - 1) * (1 - overlaps))).astype(np.int64)


def _padded_targets(codes: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    inside = np.arange(codes.shape[1]) < lengths[:, None]
    return np.where(inside, codes, ALPHABET.index(PADDING)).astype(np.int64)


def _compose_mixed(
    bank: GlyphBank, codes: np.ndarray, lengths: np.ndarray, style: LineStyle, seed: int, indices: np.ndarray
) -> Lines:
    numbers = _layout_numbers(seed, indices)
    parts = []
    for layout in dict.fromkeys(_MIXED_LAYOUTS):
        chosen = np.flatnonzero([_MIXED_LAYOUTS[number] == layout for number in numbers])
        part_style = replace(style, layout=layout)
        part = compose_lines(bank, codes[chosen], lengths[chosen], part_style, seed=seed, indices=indices[chosen])
        parts.append((chosen, part))
    widths, boxes = np.empty_like(lengths), np.empty((*codes.shape, 2), np.int32)
    for chosen, part in parts:
        widths[chosen], boxes[chosen] = part.widths, part.boxes
    images = np.zeros((len(codes), style.height, widths.max(initial=0)), np.uint8)
    for chosen, part in parts:
        height, width = part.images.shape[1], min(part.images.shape[2], images.shape[2])
        top = (style.height - height) // 2
        images[chosen, top : top + height, :width] = part.images[:, :, :width]
    return Lines(images, _padded_targets(codes, lengths), widths, lengths, boxes)


@njit(cache=True)
def _layout_numbers(seed: int, indices: np.ndarray) -> np.ndarray:
    """Which of the mixed layouts each line has."""
    numbers = np.empty(len(indices), np.int64)
    state = np.empty(1, np.uint64)
    for i in range(len(indices)):
        seed_state(state, seed, _MIX_STREAM, indices[i])
        numbers[i] = randint(state, len(_MIXED_LAYOUTS))
    return numbers


def _vectors(builder: ir.IRBuilder, address: ir.Value, row_stride: ir.Value) -> list[ir.Value]:
    """Pointers to vectors that together span the 28 x 28 pixels at an address, row by row."""
    pointer = ir.VectorType(ir.IntType(8), _VECTOR).as_pointer()
    pointers = []
    for row in range(GLYPH_SIZE):
        start = builder.add(address, builder.mul(row_stride, ir.Constant(ir.IntType(64), row)))
        for half in _HALVES:
            pointers.append(builder.inttoptr(builder.add(start, ir.Constant(ir.IntType(64), half)), pointer))
    return pointers


@intrinsic
def _clear_cell(typing_context: Any, cell: Any, row_stride: Any) -> Any:
    """Blank the cell of the canvas at an address."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        for target in _vectors(builder, *arguments):
            builder.store(ir.Constant(target.type.pointee, None), target, align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def _copy_glyph(typing_context: Any, cell: Any, row_stride: Any, glyph: Any) -> Any:
    """Copy the glyph at an address to the cell of the canvas at an address."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        cell, row_stride, glyph = arguments
        sources = _vectors(builder, glyph, ir.Constant(ir.IntType(64), GLYPH_SIZE))
        for target, source in zip(_vectors(builder, cell, row_stride), sources, strict=True):
            builder.store(builder.load(source, align=1), target, align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def _merge_glyph(typing_context: Any, cell: Any, row_stride: Any, glyph: Any, covered: Any) -> Any:
    """Copy a glyph as :func:`_copy_glyph` does; in the first ``covered`` columns the larger value wins."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        cell, row_stride, glyph, covered = arguments
        byte, mask = ir.IntType(8), []
        column = builder.trunc(covered, byte)
        for half in _HALVES:
            columns = ir.Constant(ir.VectorType(byte, _VECTOR), [half + i for i in range(_VECTOR)])
            limit = ir.Constant(columns.type, ir.Undefined)
            for i in range(_VECTOR):
                limit = builder.insert_element(limit, column, ir.Constant(ir.IntType(32), i))
            mask.append(builder.icmp_unsigned("<", columns, limit))
        sources = _vectors(builder, glyph, ir.Constant(ir.IntType(64), GLYPH_SIZE))
        targets = _vectors(builder, cell, row_stride)
        for i, (target, source) in enumerate(zip(targets, sources, strict=True)):
            new, old = builder.load(source, align=1), builder.load(target, align=1)
            darker = builder.and_(mask[i % len(_HALVES)], builder.icmp_unsigned(">", old, new))
            builder.store(builder.select(darker, old, new), target, align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int64), generate


@njit(cache=True, nogil=True)
def _compose_cells(
    glyphs: np.ndarray,
    offsets: np.ndarray,
    ink_columns: np.ndarray,
    codes: np.ndarray,
    lengths: np.ndarray,
    indices: np.ndarray,
    seed: int,
    min_overlap: float,
    max_overlap: float,
    uneven: bool,
    padding: int,
    first: int,
    last: int,
    images: np.ndarray,
    targets: np.ndarray,
    widths: np.ndarray,
    boxes: np.ndarray,
) -> int:
    """Compose lines ``first`` to ``last`` of the batch. Returns a line that cannot be composed, or -1."""
    longest, width = codes.shape[1], images.shape[2]
    state = np.empty(1, np.uint64)
    starts = np.empty(longest, np.int64)
    chosen = np.empty(longest, np.int64)
    for line in range(first, last):
        length = lengths[line]
        if length < 1 or length > longest:
            return line
        seed_state(state, seed, _LINE_STREAM, indices[line])
        overlap = uniform(state, min_overlap, max_overlap)
        x = 0
        for k in range(length):
            code = codes[line, k]
            starts[k] = x
            chosen[k] = -1
            ink_start, ink_end = 0, GLYPH_SIZE
            if code != SPACE:
                count = offsets[code + 1] - offsets[code] if code + 1 < len(offsets) else 0
                if count == 0:
                    return line
                chosen[k] = offsets[code] + randint(state, count)
                ink_start, ink_end = ink_columns[chosen[k], 0], ink_columns[chosen[k], 1]
            targets[line, k] = code
            boxes[line, k, 0], boxes[line, k, 1] = x + ink_start, x + ink_end
            if uneven:
                overlap = uniform(state, min_overlap, max_overlap)
            x += GLYPH_SIZE - np.int64(GLYPH_SIZE * overlap)
        widths[line] = end = starts[length - 1] + GLYPH_SIZE
        if end > width:
            return line
        for k in range(length, longest):
            targets[line, k] = padding
            boxes[line, k, 0] = boxes[line, k, 1] = 0
        canvas = images.ctypes.data + np.int64(line) * GLYPH_SIZE * width
        _lay(canvas, width, glyphs.ctypes.data, starts[:length], chosen[:length])
    return -1


@njit(cache=True, nogil=True)
def _lay(canvas: int, width: int, glyphs: int, starts: np.ndarray, chosen: np.ndarray) -> None:
    """Lay glyphs on the canvas from left to right; ``chosen`` is -1 for a space.

    Columns from ``end`` on are undefined until they are laid or cleared, so only what is not covered is cleared.
    """
    end = 0
    for k in range(len(starts)):
        if chosen[k] >= 0:
            end = starts[k] + GLYPH_SIZE
    for x in range(width - GLYPH_SIZE, end - GLYPH_SIZE, -GLYPH_SIZE):
        _clear_cell(canvas + max(x, 0), width)
    end = 0
    for k in range(len(starts)):
        x = starts[k]
        if chosen[k] >= 0:
            for gap in range(end, x, GLYPH_SIZE):
                _clear_cell(canvas + gap, width)
            glyph = glyphs + chosen[k] * GLYPH_SIZE * GLYPH_SIZE
            if x < end:
                _merge_glyph(canvas + x, width, glyph, end - x)
            else:
                _copy_glyph(canvas + x, width, glyph)
            end = x + GLYPH_SIZE


def _cannot_set(bank: GlyphBank, codes: np.ndarray, width: int) -> UserError:
    text = bank.alphabet.decode(codes)
    if not text:
        return UserError("A line needs at least one character, but a text is empty. Give a text.")
    missing = [c for c in dict.fromkeys(text) if c != " " and not len(bank.of(c))]
    if missing:
        return UserError(
            f"The glyphs hold no picture of {' '.join(missing)!r}, which the text {text!r} needs. "
            "Leave the character out, or take glyphs that have it, such as the pen strokes."
        )
    return UserError(
        f"The text {text!r} has {len(text)} characters, too long for a line of {width} pixels. "
        "Shorten it, or allow longer lines."
    )

"""Text lines out of single characters: a whole batch in one compiled kernel.

Line ``i`` of seed ``s`` is the same bytes whatever the batch, the worker, the process or the order.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from text_recognizer.alphabet import ALPHABET, PADDING, Alphabet
from text_recognizer.data.glyphs import GLYPH_SIZE, GlyphBank
from text_recognizer.data.rng import randint, seed_state, uniform
from text_recognizer.errors import UserError

CellLayout = Literal["exact", "overlap", "uneven"]
"""``exact``: every gap has the smallest overlap; ``overlap``: one random overlap per line; ``uneven``: one per gap."""

SPACE = ALPHABET.index(" ")
_LINE_STREAM = 1
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


def compose_cells(
    bank: GlyphBank,
    codes: np.ndarray,
    lengths: np.ndarray,
    *,
    layout: CellLayout = "overlap",
    min_overlap: float = 0.0,
    max_overlap: float = 0.33,
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
        layout: Which gaps share an overlap.
        min_overlap: The smallest share of a cell's width that the next cell may cover.
        max_overlap: The largest, below 1.
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
    assert images.shape == (batch, GLYPH_SIZE, width) and images.dtype == np.uint8 and images.flags.c_contiguous
    lines = Lines(
        images,
        np.empty((batch, longest), np.int64),
        np.empty(batch, np.int64),
        np.asarray(lengths, np.int64),
        np.empty((batch, longest, 2), np.int32),
    )
    glyphs = (bank.images, bank.offsets, bank.ink_columns)
    texts = (codes, lines.lengths, np.asarray(indices, np.int64), seed)
    overlaps = (min_overlap, min_overlap if layout == "exact" else max_overlap, layout == "uneven")
    results = (lines.images, lines.targets, lines.widths, lines.boxes)

    def compose_range(first: int, last: int) -> int:
        return _compose_cells(*glyphs, *texts, *overlaps, bank.alphabet.index(PADDING), first, last, *results)

    for failed in _over_ranges(compose_range, batch, parallel):
        if failed >= 0:
            raise _cannot_set(bank, codes[failed, : max(lengths[failed], 0)], width)
    return lines


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


def _over_ranges(work: Callable[[int, int], int], count: int, parallel: bool | None) -> list[int]:
    """Results of ``work(first, last)`` on ranges that together are 0 to ``count``, one per core if ``parallel``."""
    if parallel is None:
        parallel = multiprocessing.parent_process() is None
    cores = len(os.sched_getaffinity(0)) if parallel else 1
    bounds = [count * i // cores for i in range(cores + 1)]
    others = [_threads().submit(work, *pair) for pair in pairwise(bounds[:-1])]
    return [work(*bounds[-2:]), *(other.result() for other in others)]


@cache
def _threads() -> ThreadPoolExecutor:
    """The threads that compose beside the main thread; kernels release the interpreter's lock."""
    return ThreadPoolExecutor(thread_name_prefix="compose")


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

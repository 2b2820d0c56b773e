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
from text_recognizer.data.glyphs.bank import GLYPH_SIZE, GlyphBank
from text_recognizer.data.rng import randint, seed_state, uniform, uniforms
from text_recognizer.data.synthesis.handwriting import (
    LINE_HEIGHT,
    HandwritingStyle,
    compose_handwriting,
    handwriting_widths,
)
from text_recognizer.data.synthesis.threads import over_ranges
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
_ALL_SORTS = HandwritingStyle()
_VECTOR = 16
_CACHE_LINE = 64


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
        handwriting: What handwriting may differ in.

    Raises:
        UsageError: If an overlap is not in [0, 1) or the smallest is above the largest.
    """

    layout: Layout = "overlap"
    min_overlap: float = 0.0
    max_overlap: float = 0.33
    handwriting: HandwritingStyle = _ALL_SORTS

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
        images, widths, boxes = compose_handwriting(
            bank, codes, lengths, seed=seed, indices=indices, style=style.handwriting
        )
        return Lines(images, _padded_targets(codes, lengths), widths, lengths, boxes)
    smallest, largest, uneven = _overlaps(style)
    return compose_cells(
        bank,
        codes,
        lengths,
        min_overlap=smallest,
        max_overlap=largest,
        uneven=uneven,
        seed=seed,
        indices=indices,
        width=width,
    )


def line_widths(
    bank: GlyphBank, codes: np.ndarray, lengths: np.ndarray, style: LineStyle, *, seed: int, indices: np.ndarray
) -> np.ndarray:
    """The widths that :func:`compose_lines` gives the same lines, int64 (B,), without drawing them.

    Raises:
        UserError: If a text is empty, or the bank has no glyph of a character.
    """
    lengths, indices = np.asarray(lengths, np.int64), np.asarray(indices, np.int64)
    widths = np.empty(len(codes), np.int64)
    for layout, chosen in _by_layout(style, seed, indices):
        lines = (bank, codes[chosen], lengths[chosen])
        if layout == "handwriting":
            widths[chosen] = handwriting_widths(*lines, seed=seed, indices=indices[chosen], style=style.handwriting)
        else:
            overlaps = _overlaps(replace(style, layout=layout))
            widths[chosen] = _place_cells(*lines, overlaps, seed, indices[chosen]).widths
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
    lengths = np.asarray(lengths, np.int64)
    places = _place_cells(bank, codes, lengths, (min_overlap, max_overlap, uneven), seed, indices)
    width = GLYPH_SIZE * codes.shape[1] if width is None else width
    if len(codes) and places.widths.max() > width:
        text = bank.alphabet.decode(codes[np.argmax(places.widths)])
        raise UserError(
            f"The text {text!r} is too long: it takes {places.widths.max()} pixels of a line of {width}. "
            "Shorten it, or allow longer lines."
        )
    images = np.empty((len(codes), GLYPH_SIZE, width), np.uint8) if out is None else out
    assert images.shape == (len(codes), GLYPH_SIZE, width)
    assert images.dtype == np.uint8
    assert images.flags.c_contiguous

    def draw_range(first: int, last: int) -> None:
        _draw_cells(bank.images, places.starts, places.glyphs, first, last, images)

    over_ranges(draw_range, len(codes), parallel)
    return Lines(images, _padded_targets(codes, lengths), places.widths, lengths, places.boxes)


class _Places(NamedTuple):
    """Where the cells of a batch stand.

    Attributes:
        starts: int64 (B, L), first column of each cell.
        glyphs: int64 (B, L), number of the glyph in the bank; -1 for a space and after the text.
        widths: int64 (B,), as in :class:`Lines`.
        boxes: int32 (B, L, 2), as in :class:`Lines`.
    """

    starts: np.ndarray
    glyphs: np.ndarray
    widths: np.ndarray
    boxes: np.ndarray


def _overlaps(style: LineStyle) -> tuple[float, float, bool]:
    """Smallest and largest overlap, and whether each gap has its own."""
    largest = style.min_overlap if style.layout == "exact" else style.max_overlap
    return style.min_overlap, largest, style.layout == "uneven"


def _place_cells(
    bank: GlyphBank,
    codes: np.ndarray,
    lengths: np.ndarray,
    overlaps: tuple[float, float, bool],
    seed: int,
    indices: np.ndarray,
) -> _Places:
    batch, longest = codes.shape
    places = _Places(
        np.empty((batch, longest), np.int64),
        np.empty((batch, longest), np.int64),
        np.empty(batch, np.int64),
        np.empty((batch, longest, 2), np.int32),
    )
    smallest, largest, uneven = overlaps
    indices = np.asarray(indices, np.int64)
    bad_line = _place_glyphs(
        bank.offsets, bank.ink_columns, codes, lengths, float(smallest), float(largest), uneven, seed, indices, *places
    )
    if bad_line >= 0:
        raise _cannot_place(bank, codes[bad_line, : max(lengths[bad_line], 0)])
    return places


def _padded_targets(codes: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    inside = np.arange(codes.shape[1]) < lengths[:, None]
    return np.where(inside, codes, ALPHABET.index(PADDING)).astype(np.int64)


def _by_layout(style: LineStyle, seed: int, indices: np.ndarray) -> list[tuple[Layout, np.ndarray]]:
    """The layouts that lines of a style have, and which lines have each."""
    if style.layout != "mixed":
        return [(style.layout, np.arange(len(indices)))]
    numbers = (uniforms(seed, _MIX_STREAM, indices) * len(_MIXED_LAYOUTS)).astype(int)
    return [
        (layout, np.flatnonzero([_MIXED_LAYOUTS[number] == layout for number in numbers]))
        for layout in dict.fromkeys(_MIXED_LAYOUTS)
    ]


def _compose_mixed(
    bank: GlyphBank, codes: np.ndarray, lengths: np.ndarray, style: LineStyle, seed: int, indices: np.ndarray
) -> Lines:
    parts = []
    widths, boxes = np.empty_like(lengths), np.empty((*codes.shape, 2), np.int32)
    for layout, chosen in _by_layout(style, seed, indices):
        part_style = replace(style, layout=layout)
        part = compose_lines(bank, codes[chosen], lengths[chosen], part_style, seed=seed, indices=indices[chosen])
        widths[chosen], boxes[chosen] = part.widths, part.boxes
        parts.append((chosen, part.images))
    images = np.zeros((len(codes), style.height, widths.max(initial=0)), np.uint8)
    for chosen, part_images in parts:
        height, width = part_images.shape[1], min(part_images.shape[2], images.shape[2])
        top = (style.height - height) // 2
        images[chosen, top : top + height, :width] = part_images[:, :, :width]
    return Lines(images, _padded_targets(codes, lengths), widths, lengths, boxes)


def _cannot_place(bank: GlyphBank, codes: np.ndarray) -> UserError:
    if not len(codes):
        return UserError("A line needs at least one character, but a text is empty. Give a text.")
    present = (" ", *bank.characters)
    missing = [token for token in (bank.alphabet[int(code)] for code in codes) if token not in present]
    return UserError(
        f"The glyphs hold no picture of {' '.join(dict.fromkeys(missing))!r}, which a text needs. "
        "Leave the character out, or take glyphs that have it, such as the pen strokes."
    )


@njit(cache=True, nogil=True)
def _place_glyphs(
    offsets: np.ndarray,
    ink_columns: np.ndarray,
    codes: np.ndarray,
    lengths: np.ndarray,
    min_overlap: float,
    max_overlap: float,
    uneven: bool,
    seed: int,
    indices: np.ndarray,
    starts: np.ndarray,
    glyphs: np.ndarray,
    widths: np.ndarray,
    boxes: np.ndarray,
) -> int:
    """Choose a glyph and a place for each character. Returns a line for which that is impossible, or -1."""
    batch, longest = codes.shape
    state = np.empty(1, np.uint64)
    for line in range(batch):
        length = lengths[line]
        if length < 1 or length > longest:
            return line
        seed_state(state, seed, _LINE_STREAM, indices[line])
        overlap = uniform(state, min_overlap, max_overlap)
        x = 0
        for k in range(length):
            code = codes[line, k]
            glyph, ink_start, ink_end = -1, 0, GLYPH_SIZE
            if code != SPACE:
                count = offsets[code + 1] - offsets[code] if code + 1 < len(offsets) else 0
                if count == 0:
                    return line
                glyph = offsets[code] + randint(state, count)
                ink_start, ink_end = ink_columns[glyph, 0], ink_columns[glyph, 1]
            starts[line, k], glyphs[line, k] = x, glyph
            boxes[line, k, 0], boxes[line, k, 1] = x + ink_start, x + ink_end
            if uneven:
                overlap = uniform(state, min_overlap, max_overlap)
            x += GLYPH_SIZE - int(GLYPH_SIZE * overlap)
        widths[line] = starts[line, length - 1] + GLYPH_SIZE
        glyphs[line, length:] = -1
        boxes[line, length:] = 0
    return -1


@njit(cache=True, nogil=True)
def _draw_cells(
    bank: np.ndarray, starts: np.ndarray, glyphs: np.ndarray, first: int, last: int, images: np.ndarray
) -> None:
    """Draw lines ``first`` to ``last`` of a batch.

    What bounds this is waiting for memory. So the next line's glyphs are fetched while this one is drawn, and every
    second glyph is laid first: what the others merge with has then long been written.
    """
    size, width = GLYPH_SIZE * GLYPH_SIZE, images.shape[2]
    for line in range(first, last):
        if line + 1 < last:
            for glyph in glyphs[line + 1]:
                if glyph >= 0:
                    _fetch_glyph(bank.ctypes.data + glyph * size)  # type: ignore[call-arg]
        images[line] = 0
        canvas = images.ctypes.data + np.int64(line) * GLYPH_SIZE * width
        for parity in range(2):
            end = 0
            for k in range(parity, glyphs.shape[1], 2):
                if glyphs[line, k] >= 0:
                    x, glyph_data = starts[line, k], bank.ctypes.data + glyphs[line, k] * size
                    if parity == 0 and x >= end:
                        _copy_glyph(canvas + x, width, glyph_data)  # type: ignore[call-arg]
                    else:
                        _merge_glyph(canvas + x, width, glyph_data)  # type: ignore[call-arg]
                    end = x + GLYPH_SIZE


def _vectors(builder: ir.IRBuilder, address: ir.Value, row_stride: ir.Value) -> list[ir.Value]:
    """Pointers to vectors that together span the 28 x 28 pixels at an address, two for each row."""
    pointer = ir.VectorType(ir.IntType(8), _VECTOR).as_pointer()
    pointers = []
    for row in range(GLYPH_SIZE):
        start = builder.add(address, builder.mul(row_stride, row_stride.type(row)))
        for half in (0, GLYPH_SIZE - _VECTOR):
            pointers.append(builder.inttoptr(builder.add(start, row_stride.type(half)), pointer))
    return pointers


@intrinsic
def _copy_glyph(typing_context: Any, cell: Any, row_stride: Any, glyph: Any) -> Any:
    """Copy the glyph at an address to the cell of the canvas at an address."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        cell, row_stride, glyph = arguments
        sources = _vectors(builder, glyph, row_stride.type(GLYPH_SIZE))
        for target, source in zip(_vectors(builder, cell, row_stride), sources, strict=True):
            builder.store(builder.load(source, align=1), target, align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def _merge_glyph(typing_context: Any, cell: Any, row_stride: Any, glyph: Any) -> Any:
    """Merge the glyph at an address into the cell of the canvas at an address: of two pixels the larger stays."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        cell, row_stride, glyph = arguments
        sources = _vectors(builder, glyph, row_stride.type(GLYPH_SIZE))
        for target, source in zip(_vectors(builder, cell, row_stride), sources, strict=True):
            old, new = builder.load(target, align=1), builder.load(source, align=1)
            builder.store(builder.select(builder.icmp_unsigned(">", old, new), old, new), target, align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def _fetch_glyph(typing_context: Any, glyph: Any) -> Any:
    """Have the glyph at an address brought to the cache."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> ir.Value:
        pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        prefetch_type = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [pointer], prefetch_type)
        to_read, locality, data = number(0), number(2), number(1)
        for offset in (*range(0, GLYPH_SIZE * GLYPH_SIZE, _CACHE_LINE), GLYPH_SIZE * GLYPH_SIZE - 1):
            address = builder.add(arguments[0], arguments[0].type(offset))
            builder.call(prefetch, [builder.inttoptr(address, pointer), to_read, locality, data])
        return context.get_dummy_value()

    return types.void(types.int64), generate

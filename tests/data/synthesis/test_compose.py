import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from text_recognizer.alphabet import ALPHABET, PADDING
from text_recognizer.data.glyphs.bank import GLYPH_SIZE, GlyphBank
from text_recognizer.data.synthesis.compose import (
    Lines,
    LineStyle,
    compose_cells,
    compose_lines,
    encode_texts,
    line_widths,
)
from text_recognizer.data.synthesis.handwriting import HandwritingStyle
from text_recognizer.errors import UsageError, UserError

VISIBLE_CHARACTERS = tuple(character for character in ALPHABET.characters if character != " ")
TEXTS = ["fig 2 b", "a", "HELLO you", " x  y ", "ooooooooo", "pq   "] * 3
STYLES = [
    LineStyle("exact", 0.0),
    LineStyle("exact", 0.25),
    LineStyle("exact", 0.99),
    LineStyle("overlap", 0.0, 0.33),
    LineStyle("overlap", 0.5, 0.5),
    LineStyle("uneven", 0.0, 0.99),
    LineStyle("handwriting"),
    LineStyle("mixed", 0.0, 0.9),
]


def make_bank(per_character: int = 5, characters=VISIBLE_CHARACTERS) -> GlyphBank:  # type: ignore[no-untyped-def]
    """Random grey glyphs, each with ink in its own range of columns."""
    rng = np.random.default_rng(7)
    images = rng.integers(1, 256, (per_character * len(characters), GLYPH_SIZE, GLYPH_SIZE)).astype(np.uint8)
    for image in images:
        image[:, : rng.integers(0, 10)] = 0
        image[:, rng.integers(18, 29) :] = 0
    return GlyphBank.from_arrays(images, np.repeat(ALPHABET.encode("".join(characters)), per_character))


@pytest.fixture(scope="module")
def bank() -> GlyphBank:
    return make_bank()


def compose(bank: GlyphBank, texts, style=STYLES[0], seed=1, indices=None, **settings) -> Lines:  # type: ignore[no-untyped-def]
    indices = np.arange(len(texts)) if indices is None else np.asarray(indices)
    return compose_lines(bank, *encode_texts(texts), style, seed=seed, indices=indices, **settings)


@pytest.mark.parametrize("style", STYLES, ids=str)
def test_line_depends_on_seed_and_index_alone(bank: GlyphBank, style: LineStyle) -> None:
    whole = compose(bank, TEXTS, style)
    order = [7, 3, 11, 2]
    some = compose(bank, [TEXTS[i] for i in order], style, indices=order)
    alone = compose(bank, [TEXTS[3]], style, indices=[3])
    for row, i in enumerate(order):
        width = whole.widths[i]
        assert some.widths[row] == width
        assert (some.images[row, :, :width] == whole.images[i, :, :width]).all()
        assert not some.images[row, :, width:].any()
        assert (some.boxes[row, : len(TEXTS[i])] == whole.boxes[i, : len(TEXTS[i])]).all()
    assert (alone.images[0, :, : alone.widths[0]] == some.images[1, :, : alone.widths[0]]).all()
    other_seed = compose(bank, TEXTS, style, seed=2)
    assert not np.array_equal(other_seed.images, whole.images)


@pytest.mark.parametrize("style", STYLES, ids=str)
def test_boxes_and_targets(bank: GlyphBank, style: LineStyle) -> None:
    lines = compose(bank, TEXTS, style)
    for image, target, width, length, boxes, text in zip(*lines, TEXTS, strict=True):
        assert ALPHABET.decode(target) == text
        assert length == len(text)
        assert (target[length:] == ALPHABET.index(PADDING)).all()
        assert not boxes[length:].any()
        covered = np.zeros(image.shape[1], bool)
        for (start, end), character in zip(boxes, text, strict=False):
            assert 0 <= start < end <= width <= image.shape[1]
            if character != " ":
                assert image[:, start:end].any()
                covered[start:end] = True
        assert not image[:, ~covered].any()


@pytest.mark.parametrize("style", STYLES, ids=str)
def test_widths_without_drawing(bank: GlyphBank, style: LineStyle) -> None:
    codes, lengths = encode_texts(TEXTS)
    widths = line_widths(bank, codes, lengths, style, seed=1, indices=np.arange(len(TEXTS)))
    assert (widths == compose(bank, TEXTS, style).widths).all()


@pytest.mark.parametrize("overlap", [0.0, 0.1, 0.33, 0.5, 0.7, 0.99])
def test_cells_against_plain_numpy(overlap: float) -> None:
    bank = make_bank(per_character=1)
    text = "Ab c  dEfg "
    line = compose(bank, [text], LineStyle("overlap", overlap, overlap), width=400).images[0]
    expected = np.zeros((GLYPH_SIZE, 400), np.uint8)
    for number, character in enumerate(text):
        if character != " ":
            cell = expected[:, number * (28 - int(28 * overlap)) :][:, :28]
            np.maximum(cell, bank.of(character)[0], out=cell)
    assert (line == expected).all()


def test_boxes_are_the_ink_of_cells(bank: GlyphBank) -> None:
    lines = compose(bank, ["a b"])
    for number in (0, 2):
        inked = np.flatnonzero(lines.images[0, :, 28 * number : 28 * (number + 1)].any(axis=0)) + 28 * number
        assert lines.boxes[0, number].tolist() == [inked[0], inked[-1] + 1]
    assert lines.boxes[0, 1].tolist() == [28, 56]


def test_overlaps(bank: GlyphBank) -> None:
    texts = ["abcdefghij"] * 200
    exact = compose(bank, texts, LineStyle("exact", 0.2, 0.4))
    assert (exact.widths == 28 + 9 * (28 - 5)).all()
    even = compose(bank, texts, LineStyle("overlap", 0.0, 0.33))
    assert {(width - 28) % 9 for width in even.widths} == {0}
    assert set((even.widths - 28) // 9) == set(range(19, 29))
    uneven = compose(bank, texts, LineStyle("uneven", 0.0, 0.33))
    assert len(set(uneven.widths)) > 10
    assert 28 + 9 * 19 <= uneven.widths.min() < uneven.widths.max() <= 280


def test_full_ink_stays_full() -> None:
    full = np.full((1, GLYPH_SIZE, GLYPH_SIZE), 255, np.uint8)
    bank = GlyphBank.from_arrays(full, np.array([ALPHABET.index("I")]))
    line = compose(bank, ["III"], LineStyle("exact", 0.5)).images[0]
    assert (line[:, :56] == 255).all()
    assert not line[:, 56:].any()


def test_every_occurrence_has_a_fresh_glyph(bank: GlyphBank) -> None:
    line = compose(bank, ["a" * 60])
    cells = line.images[0].reshape(28, 60, 28).transpose(1, 0, 2)
    assert len(np.unique(cells, axis=0)) == len(bank.of("a"))


def test_mixed_holds_cells_and_handwriting(bank: GlyphBank) -> None:
    lines = compose(bank, ["gap"] * 60, LineStyle("mixed", 0.0, 0.3))
    in_cells = ~lines.images[:, :10].any(axis=(1, 2)) & ~lines.images[:, 38:].any(axis=(1, 2))
    assert 15 < in_cells.sum() < 45


def test_hands_are_of_the_style(bank: GlyphBank) -> None:
    lines = (bank, *encode_texts(["aa bb aa"] * 3))
    chosen = {"seed": 4, "indices": np.arange(3)}
    wide = LineStyle("handwriting", handwriting=HandwritingStyle(letter_gap=(2, 2), wide_share=0))
    widths = line_widths(*lines, wide, **chosen)
    assert (widths > line_widths(*lines, LineStyle("handwriting"), **chosen)).all()
    assert (compose_lines(*lines, wide, **chosen).widths == widths).all()


def test_canvas_is_overwritten_whole(bank: GlyphBank) -> None:
    canvas = np.full((len(TEXTS), GLYPH_SIZE, 300), 99, np.uint8)
    codes, lengths = encode_texts(TEXTS)
    settings = {"min_overlap": 0.0, "max_overlap": 0.9, "seed": 1, "indices": np.arange(len(TEXTS)), "width": 300}
    lines = compose_cells(bank, codes, lengths, out=canvas, **settings)
    assert lines.images is canvas
    assert (canvas == compose_cells(bank, codes, lengths, **settings).images).all()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_compose_the_same_after_threads_did(bank: GlyphBank, method: str) -> None:
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} on this system")
    style = LineStyle("mixed", 0.0, 0.5)
    expected = compose(bank, TEXTS, style).images
    codes, lengths = encode_texts(TEXTS)
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        line_batches = [
            pool.submit(compose_lines, bank, codes, lengths, style, seed=1, indices=np.arange(len(TEXTS)))
            for _ in range(4)
        ]
        assert all(np.array_equal(lines.result(timeout=60).images, expected) for lines in line_batches)


def test_threads_and_one_thread_compose_the_same(bank: GlyphBank) -> None:
    codes, lengths = encode_texts(TEXTS)
    one, all_cores = (
        compose_cells(
            bank,
            codes,
            lengths,
            min_overlap=0,
            max_overlap=0.6,
            uneven=True,
            seed=1,
            indices=np.arange(18),
            parallel=parallel,
        )
        for parallel in (False, True)
    )
    for a, b in zip(one, all_cores, strict=True):
        assert (a == b).all()


@pytest.mark.parametrize("layout", ["overlap", "handwriting", "mixed"])
def test_character_without_glyph(layout: str) -> None:
    with pytest.raises(UserError, match=r"no picture of 'z'"):
        compose(make_bank(characters="abc"), ["abz"] * 8, LineStyle(layout))  # type: ignore[arg-type]


def test_special_token_is_no_character(bank: GlyphBank) -> None:
    codes = np.array([[ALPHABET.index(PADDING)]], np.uint8)
    with pytest.raises(UserError, match="<P>"):
        compose_lines(bank, codes, np.array([1]), LineStyle(), seed=1, indices=np.arange(1))


def test_text_too_long_for_the_canvas(bank: GlyphBank) -> None:
    with pytest.raises(UserError, match=r"'abcdef' is too long.*168 pixels of a line of 140"):
        compose(bank, ["a", "abcdef"], width=140)


@pytest.mark.parametrize("length", [0, 3])
def test_impossible_length(bank: GlyphBank, length: int) -> None:
    codes = np.full((1, 2), ALPHABET.index("a"), np.uint8)
    with pytest.raises(UserError):
        compose_lines(bank, codes, np.array([length]), LineStyle(), seed=1, indices=np.arange(1))


@pytest.mark.parametrize("texts", [[], [""], ["a", ""]])
def test_empty_text(texts: list[str]) -> None:
    with pytest.raises(UserError, match="empty"):
        encode_texts(texts)


def test_unknown_character() -> None:
    with pytest.raises(UserError, match="'é'"):
        encode_texts(["café"])


@pytest.mark.parametrize(
    ("settings", "flag"),
    [
        ({"max_overlap": 1.0}, "max_overlap"),
        ({"min_overlap": -0.1}, "min_overlap"),
        ({"min_overlap": 0.5, "max_overlap": 0.4}, "min_overlap"),
        ({"max_overlap": float("nan")}, "max_overlap"),
        ({"layout": "random"}, "layout"),
    ],
)
def test_impossible_style(settings: dict, flag: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(UsageError, match=f"--{flag}"):
        LineStyle(**settings)

from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, replace

import numpy as np
import pytest

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.glyphs.bank import GlyphBank
from text_recognizer.data.glyphs.sources import VISIBLE_CHARACTERS
from text_recognizer.data.glyphs.strokes import draw_glyphs
from text_recognizer.data.synthesis.compose import encode_texts
from text_recognizer.data.synthesis.handwriting import (
    LINE_HEIGHT,
    HandwritingStyle,
    compose_handwriting,
    handwriting_widths,
)
from text_recognizer.errors import UserError

TEXTS = [
    "Quick brown fox, 1879!",
    "I",
    "SMALL CAPITALS",
    "a (b) #1 & 'x'; 2/3 + 4*5: \"ok\"?",
    " spaces  inside ",
    "0.-",
]
STEADY = HandwritingStyle(
    size_jitter=(0, 0),
    baseline_jitter=(0, 0),
    tilt_jitter=(0, 0),
    bending=(0, 0),
    wander=(0, 0),
    drift=(0, 0),
    slant=(0, 0),
    wide_share=0,
)
"""A hand without unrest."""


@pytest.fixture(scope="module")
def bank() -> GlyphBank:
    return draw_glyphs(VISIBLE_CHARACTERS, 20, seed=0)


def write(bank, texts, indices=None, **settings):  # type: ignore[no-untyped-def]
    indices = np.arange(len(texts)) if indices is None else np.asarray(indices)
    return compose_handwriting(bank, *encode_texts(texts), seed=7, indices=indices, **settings)


def ink_height(bank: GlyphBank, text: str, **ranges: tuple[float, float]) -> float:
    """Mean height of a text's ink, in pixels."""
    images, _, _ = write(bank, [text] * 20, style=replace(STEADY, **ranges))
    return float(np.mean([np.ptp(np.flatnonzero(image.max(axis=1) > 127)) + 1 for image in images]))


def test_lines_are_ink_on_a_canvas_that_fits(bank: GlyphBank) -> None:
    images, widths, boxes = write(bank, TEXTS)
    assert images.dtype == np.uint8
    assert images.shape == (len(TEXTS), LINE_HEIGHT, -(-widths.max() // 8) * 8)
    assert boxes.shape == (len(TEXTS), max(map(len, TEXTS)), 2)
    assert images.max() == 255
    for image, width in zip(images, widths, strict=True):
        assert image.any()
        assert not image[:, width:].any()


def test_a_line_depends_on_seed_and_index_alone(bank: GlyphBank) -> None:
    images, widths, boxes = write(bank, TEXTS, parallel=False)
    for i in (4, 1):
        image, width, box = write(bank, [TEXTS[i]], indices=[i], parallel=True)
        assert width[0] == widths[i]
        assert (image[0, :, : width[0]] == images[i, :, : width[0]]).all()
        assert (box[0] == boxes[i, : len(TEXTS[i])]).all()
    again = compose_handwriting(bank, *encode_texts(TEXTS), seed=8, indices=np.arange(len(TEXTS)))
    assert again[0].shape != images.shape or (again[0] != images).any()


def test_a_worker_writes_the_same_after_threads_ran(bank: GlyphBank) -> None:
    here = write(bank, TEXTS, parallel=True)[0]
    with ProcessPoolExecutor(2) as workers:
        there = [workers.submit(write, bank, TEXTS) for _ in range(2)]
        assert all((future.result()[0] == here).all() for future in there)


def test_widths_are_known_without_drawing(bank: GlyphBank) -> None:
    _, widths, _ = write(bank, TEXTS)
    assert (handwriting_widths(bank, *encode_texts(TEXTS), seed=7, indices=np.arange(len(TEXTS))) == widths).all()


def test_boxes_contain_their_ink_exactly(bank: GlyphBank) -> None:
    images, widths, boxes = write(bank, TEXTS)
    for text, image, width, box in zip(TEXTS, images, widths, boxes, strict=True):
        inked = image.any(axis=0)
        covered = np.zeros_like(inked)
        for character, (start, end) in zip(text, box, strict=False):
            assert 0 <= start < end <= width
            if character != " ":
                covered[start:end] = True
                assert inked[start]
                assert inked[end - 1]
        assert not inked[~covered].any()
        assert (box[len(text) :] == 0).all()


@pytest.mark.parametrize(("small", "large"), ["cC", "oO", "o0", "sS", "vV", "xX", "zZ", ".:", "ad", "ap", ",("])
def test_characters_have_their_size(bank: GlyphBank, small: str, large: str) -> None:
    assert 1.15 * ink_height(bank, small) < ink_height(bank, large)


def test_letters_stand_in_their_zones(bank: GlyphBank) -> None:
    images, _, boxes = write(bank, ["xpb-.'"] * 20, style=replace(STEADY, letter_gap=(0.4, 0.4), gap_jitter=(0, 0)))
    for image, box in zip(images, boxes, strict=True):
        rows = [np.flatnonzero(image[:, start:end].max(axis=1) > 127) for start, end in box]
        x, p, b, dash, dot, quote = ((row[0], row[-1]) for row in rows)
        assert p[1] > x[1] + 2
        assert b[0] < x[0] - 1
        assert x[0] < dash[0] <= dash[1] < x[1]
        assert abs(dot[1] - x[1]) <= 1
        assert quote[0] < x[0]
        assert quote[1] < x[1]


def test_the_pen_is_as_wide_as_asked(bank: GlyphBank) -> None:
    inks = []
    for stroke in (0.12, 0.36):
        images, _, _ = write(bank, TEXTS, style=replace(STEADY, stroke_width=(stroke, stroke), x_height=(12, 12)))
        inks.append(images.sum())
    assert 1.6 * inks[0] < inks[1] < 3.2 * inks[0]


def test_a_known_pen_keeps_the_outline_of_its_ink() -> None:
    """A blot is no stroke: without the pen it is drawn as a stroke through its middle, with it as it is."""
    blot = np.zeros((1, 28, 28), np.uint8)
    blot[0, 4:24, 4:24] = 255
    style = replace(STEADY, x_height=(12, 12), stroke_width=(0.2, 0.2), width=(1, 1))
    amounts = []
    for pens in (None, np.array([0.2 * 20])):
        bank = GlyphBank.from_arrays(blot, np.array([ALPHABET.index("o")]), pens)
        image = write(bank, ["o"], style=style)[0][0]
        amounts.append(image.sum() / 255)
    assert amounts[0] < 0.85 * 12**2
    assert amounts[1] == pytest.approx(12**2, rel=0.1)


def test_a_known_pen_is_made_wider_and_thinner(bank: GlyphBank) -> None:
    stroke = np.zeros((1, 28, 28), np.uint8)
    stroke[0, 4:24, 12:16] = 255
    known = GlyphBank.from_arrays(stroke, np.array([ALPHABET.index("l")]), np.array([4.0]))
    widths = []
    for share in (0.1, 0.2, 0.3):
        style = replace(STEADY, x_height=(12, 12), stroke_width=(share, share), width=(1, 1))
        image = write(known, ["l"], style=style)[0][0]
        widths.append(np.median(image[image.max(axis=1) > 127].sum(axis=1)) / 255)
    assert widths == pytest.approx([1.2, 2.4, 3.6], abs=0.5)


def test_repetition_draws_a_character_alike(bank: GlyphBank) -> None:
    def distinct(repetition: float) -> int:
        style = replace(STEADY, repetition=(repetition, repetition), x_height=(12, 12))
        _, _, boxes = write(bank, ["n n n n n n n n"], style=style)
        return len({end - start for start, end in boxes[0, ::2]})

    assert distinct(1.0) <= 2 < distinct(0.0)


def test_bending_makes_no_two_letters_alike(bank: GlyphBank) -> None:
    def spread(bending: float) -> float:
        style = replace(STEADY, bending=(bending, bending), repetition=(1, 1), x_height=(14, 14), letter_gap=(0.4, 0.4))
        images, _, boxes = write(bank, ["H H H H H H"], style=style)
        letters = [images[0, :, start : start + 12].astype(int) for start, _ in boxes[0, ::2]]
        return float(np.std(letters, axis=0).mean())

    assert spread(0.1) > 1.5 * spread(0.0)


def test_every_style_extreme_fits(bank: GlyphBank) -> None:
    ranges = {f.name: f.default for f in fields(HandwritingStyle) if isinstance(f.default, tuple)}
    for end in (0, 1):
        for share in (0.0, 1.0):
            shares = dict.fromkeys(("wide_share", "small_capitals_share", "dotted_capital_share"), share)
            extreme = HandwritingStyle(**{name: (r[end], r[end]) for name, r in ranges.items()}, **shares)  # type: ignore[arg-type]
            images, widths, boxes = write(bank, [*TEXTS, "bdfgjpqy" * 10], style=extreme)
            assert (boxes[:, :, 1] <= widths[:, None]).all()
            assert not images[:, [0, -1]].any(), "ink at the edge"
            assert not images[:, :, 0].any(), "ink at the edge"
            assert not any(image[:, width - 1].any() for image, width in zip(images, widths, strict=True))
            assert all(image.any() for image in images)


def test_what_cannot_be_written_is_named(bank: GlyphBank) -> None:
    digits = draw_glyphs("0123", 2, seed=0)
    with pytest.raises(UserError, match="'A B'"):
        write(digits, ["01 A", "B"])
    with pytest.raises(UserError, match="<P>"):
        compose_handwriting(
            bank, np.full((1, 2), ALPHABET.index("<P>"), np.uint8), np.array([2]), seed=0, indices=np.zeros(1)
        )
    with pytest.raises(UserError, match="empty"):
        compose_handwriting(bank, np.zeros((1, 2), np.uint8), np.array([0]), seed=0, indices=np.zeros(1))
    assert len(write(digits, ["01  "])[0]) == 1

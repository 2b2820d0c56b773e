import numpy as np
import pytest

from text_recognizer.alphabet import ALPHABET
from text_recognizer.data.glyphs.bank import GlyphBank
from text_recognizer.data.glyphs.strokes import draw_glyphs
from text_recognizer.errors import UserError

VISIBLE = [character for character in ALPHABET.characters if character != " "]


@pytest.fixture(scope="module")
def bank() -> GlyphBank:
    return draw_glyphs(VISIBLE, 50, seed=1)


def test_every_visible_character_is_drawn(bank: GlyphBank) -> None:
    assert len(VISIBLE) == 78
    assert set(bank.characters) == set(VISIBLE)
    assert bank.images.shape == (78 * 50, 28, 28)
    assert bank.images.dtype == np.uint8
    assert (bank.images.max(axis=(1, 2)) > 150).all()


def test_ink_is_centred_within_a_border(bank: GlyphBank) -> None:
    for first, last in _extents(bank.images):
        assert np.abs(first + last - 27).max() <= 2
        assert first.min() >= 1


def test_characters_fill_the_frame(bank: GlyphBank) -> None:
    (top, bottom), (left, right) = _extents(bank.images[bank.indices < ALPHABET.index(" ")])
    assert np.maximum(bottom - top, right - left).min() >= 20


def _extents(images: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """First and last row, then first and last column, that hold ink: each (N,)."""
    inked = images > 20
    return [(some.argmax(axis=1), 27 - some[:, ::-1].argmax(axis=1)) for some in (inked.any(axis=2), inked.any(axis=1))]


def test_no_two_glyphs_are_the_same(bank: GlyphBank) -> None:
    assert len(np.unique(bank.images.reshape(len(bank), -1), axis=0)) == len(bank)


def test_the_same_seed_draws_the_same(bank: GlyphBank) -> None:
    np.testing.assert_array_equal(draw_glyphs(VISIBLE, 50, seed=1).images, bank.images)
    assert (draw_glyphs(VISIBLE, 50, seed=2).images != bank.images).any(axis=(1, 2)).all()


@pytest.mark.parametrize("character", ["0", "g", "?"])
def test_a_glyph_does_not_depend_on_what_else_is_drawn(bank: GlyphBank, character: str) -> None:
    np.testing.assert_array_equal(draw_glyphs(character, 7, seed=1).images, bank.of(character)[:7])


def test_shapes_tell_characters_apart(bank: GlyphBank) -> None:
    """The mean picture of a class, from other glyphs, is nearest for most of its glyphs."""
    characters = "2347AEHLTXZ+"
    means = [draw_glyphs(character, 100, seed=2).images.mean(axis=0).ravel() for character in characters]
    for position, character in enumerate(characters):
        glyphs = bank.of(character).reshape(50, 1, -1).astype(float)
        nearest = ((glyphs - means) ** 2).sum(axis=2).argmin(axis=1)
        assert (nearest == position).mean() > 0.5, character


def test_unknown_character_is_named() -> None:
    with pytest.raises(UserError, match="'é'"):
        draw_glyphs("aé", 1, seed=0)
    with pytest.raises(UserError, match="' ' cannot be drawn"):
        draw_glyphs("a ", 1, seed=0)


def test_at_least_one_glyph_is_asked_for() -> None:
    with pytest.raises(UserError, match="per_character is 0"):
        draw_glyphs("a", 0, seed=0)

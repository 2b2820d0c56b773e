"""A bank of character pictures, sorted so that compiled code finds all glyphs of a character at once."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from text_recognizer.alphabet import ALPHABET, Alphabet

GLYPH_SIZE = 28
NOT_ARRAYS = (
    *(OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError, SyntaxError),
)
"""What NumPy raises of an .npz file that is none, is damaged, or lacks an array."""


@dataclass(frozen=True, eq=False)
class GlyphBank:
    """Glyphs sorted by alphabet index.

    Attributes:
        images: uint8 (N, 28, 28), ink 255 on 0.
        indices: int64 (N,), ascending: the alphabet index of each glyph.
        offsets: int64 (len(alphabet) + 1,): the glyphs of index i are ``images[offsets[i]:offsets[i + 1]]``.
        pens: float32 (N,): width of the pen in each glyph, in its pixels; 0 where it is not known.
        alphabet: What the indices mean.
    """

    images: np.ndarray
    indices: np.ndarray
    offsets: np.ndarray
    pens: np.ndarray
    alphabet: Alphabet

    @classmethod
    def from_arrays(
        cls,
        images: np.ndarray,
        indices: np.ndarray,
        pens: np.ndarray | None = None,
        alphabet: Alphabet = ALPHABET,
    ) -> GlyphBank:
        """Build a bank from glyphs in any order.

        Args:
            images: uint8 (N, 28, 28).
            indices: Integers (N,).
            pens: Floats (N,), as in the bank; if not given, none is known.
            alphabet: What the indices mean.
        """
        order = np.argsort(indices, kind="stable")
        indices = np.asarray(indices, dtype=np.int64)[order]
        offsets = np.searchsorted(indices, np.arange(len(alphabet) + 1))
        pens = np.zeros(len(indices)) if pens is None else pens[order]
        images = np.ascontiguousarray(images[order])
        return cls(images, indices, offsets.astype(np.int64), pens.astype(np.float32), alphabet)

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def characters(self) -> tuple[str, ...]:
        """The characters that have at least one glyph."""
        return tuple(self.alphabet[int(index)] for index in np.unique(self.indices))

    @cached_property
    def ink_columns(self) -> np.ndarray:
        """uint8 (N, 2): the first column with ink of each glyph and the one after the last; (0, 0) without ink."""
        inked: np.ndarray = self.images.max(axis=1) > 0
        ends = GLYPH_SIZE - inked[:, ::-1].argmax(axis=1)
        bounds = np.stack([inked.argmax(axis=1), ends], axis=1)
        return np.where(inked.max(axis=1, keepdims=True), bounds, 0).astype(np.uint8)

    def of(self, character: str) -> np.ndarray:
        """All glyphs of a character, uint8 (n, 28, 28)."""
        index = self.alphabet.index(character)
        return self.images[self.offsets[index] : self.offsets[index + 1]]

    def completed_by(self, other: GlyphBank) -> GlyphBank:
        """This bank plus the glyphs of ``other`` for characters that this one lacks."""
        missing = ~np.isin(other.indices, self.indices)
        images, indices, pens = (
            np.concatenate([mine, theirs[missing]])
            for mine, theirs in (
                (self.images, other.images),
                (self.indices, other.indices),
                (self.pens, other.pens),
            )
        )
        return self.from_arrays(images, indices, pens, self.alphabet)

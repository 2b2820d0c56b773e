"""Characters to indices and back: the one source of truth for what can be read."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable, Sequence
from typing import overload

from text_recognizer.errors import UserError

BLANK, START, END, PADDING = "<B>", "<S>", "<E>", "<P>"
SPECIAL_TOKENS = (BLANK, START, END, PADDING)
DIGITS = string.digits
LETTERS = string.ascii_uppercase + string.ascii_lowercase
PUNCTUATION = "!\"#&'()*+,-./:;?"


class Alphabet(Sequence[str]):
    """An ordered set of tokens: special tokens and single characters.

    Args:
        tokens: The tokens in index order. Each is a single character or one of ``<B> <S> <E> <P>``.

    Raises:
        ValueError: If a token occurs twice or is neither a special token nor a single printable character.
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = tuple(tokens)
        for token in self.tokens:
            if token not in SPECIAL_TOKENS and not (len(token) == 1 and token.isprintable()):
                raise ValueError(f"Token {token!r} is no single printable character and none of {SPECIAL_TOKENS}.")
        self._index = {token: index for index, token in enumerate(self.tokens)}
        if len(self._index) != len(self.tokens):
            raise ValueError("An alphabet holds each token once.")

    def __len__(self) -> int:
        return len(self.tokens)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...

    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        return self.tokens[index]

    def __contains__(self, token: object) -> bool:
        return token in self._index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alphabet) and self.tokens == other.tokens

    def __hash__(self) -> int:
        return hash(self.tokens)

    def __repr__(self) -> str:
        return f"Alphabet({len(self)} tokens: {' '.join(self.tokens)})"

    def extends(self, other: Alphabet) -> bool:
        """Whether it begins with the tokens of ``other``, which so have the same indices."""
        return self.tokens[: len(other)] == other.tokens

    @property
    def characters(self) -> tuple[str, ...]:
        """All tokens that stand for a character, space included."""
        return tuple(token for token in self.tokens if token not in SPECIAL_TOKENS)

    def index(self, token: str, *_: int) -> int:
        """Index of a token.

        Raises:
            UserError: If the alphabet does not hold the token; the message names it.
        """
        if token not in self._index:
            raise UserError(f"Character {token!r} is not in the alphabet. It holds: {''.join(self.characters)!r}")
        return self._index[token]

    def encode(self, text: str) -> list[int]:
        """Indices of the characters of ``text``.

        Raises:
            UserError: If a character is not in the alphabet; the message names it.
        """
        return [self.index(character) for character in text]

    def decode(self, indices: Iterable[int]) -> str:
        """Text of ``indices``; special tokens are left out."""
        tokens = (self.tokens[int(index)] for index in indices)
        return "".join(token for token in tokens if token not in SPECIAL_TOKENS)


ALPHABET = Alphabet((*SPECIAL_TOKENS, *DIGITS, *LETTERS, " ", *PUNCTUATION))
"""The lab's 83 tokens in its order: ``<B>`` (the CTC blank), ``<S> <E> <P>``, 0-9, A-Z, a-z, space, punctuation."""

ACCENTED = "".join(chr(i) for i in range(0xC0, 0x100) if i not in (0xD7, 0xF7)) + "ŒœŠšŽžŸ"
"""Letters of Western European languages beyond ASCII's."""
READER_ALPHABET = Alphabet(
    (*ALPHABET, *(c for c in map(chr, range(33, 127)) if c not in ALPHABET), *"£€°§¡¿«»", *ACCENTED)
)
"""What the reader reads: the lab's tokens in their order, the rest of printable ASCII, signs and accented letters."""


def bare(character: str) -> str:
    """A letter without its diacritics: c of č. In general the first character of the decomposed form (NFD)."""
    return unicodedata.normalize("NFD", character)[0]

"""What is known of a field before it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from os import PathLike
from typing import TypedDict

from text_recognizer.errors import UsageError
from text_recognizer.reading.fields.automaton import Automaton
from text_recognizer.reading.fields.dates import DATE
from text_recognizer.reading.fields.pattern import compile_pattern
from text_recognizer.reading.fields.words import compile_words, read_words

MAX_LENGTH = 1000
"""Characters of a pattern, or of the characters that are allowed."""
_COMPILED = 16
"""Automata that are kept: those asked for last."""


class Known(TypedDict, total=False):
    """The arguments of :class:`Expected`."""

    allow: str | None
    pattern: str | None
    words: str | PathLike[str] | Sequence[str] | None
    date: bool


@dataclass(frozen=True)
class Expected:
    """What the text of a line may be. At most one of these is given; without any, all texts are possible.

    Attributes:
        allow: The characters that it may have; ``a-z`` are those from a to z.
        pattern: A regular expression that all of it matches.
        words: The texts of which it is one.
        date: Whether it is a date, in one of the forms of :data:`~text_recognizer.reading.fields.dates.DATE`.

    Raises:
        UsageError: If more than one is given, or what is given is empty or too long.
    """

    allow: str | None = None
    pattern: str | None = None
    words: tuple[str, ...] | None = None
    date: bool = False

    @classmethod
    def of(
        cls,
        *,
        allow: str | None = None,
        pattern: str | None = None,
        words: str | PathLike[str] | Sequence[str] | None = None,
        date: bool = False,
    ) -> Expected:
        """The same, from words or from a text file that has one of them a row.

        Raises:
            UsageError: As above.
            UserError: If the file cannot be read.
        """
        if isinstance(words, str | PathLike):
            words = read_words(words)
        return cls(allow, pattern, None if words is None else tuple(words), date)

    def __post_init__(self) -> None:
        given = [one.name for one in fields(self) if getattr(self, one.name) not in (None, False)]
        if len(given) > 1:
            raise UsageError(f"{' and '.join(given)} are given, but one of them is followed. Leave the others out.")
        if self.allow == "" or self.pattern == "" or self.words == ():
            raise UsageError(f"{given[0]} is empty, so nothing could be read. Leave it out, or say what may be read.")
        length = len(self.allow or self.pattern or "")
        if length > MAX_LENGTH:
            raise UsageError(f"{given[0]} has {length:,} characters, but may have {MAX_LENGTH:,}.")

    def __str__(self) -> str:
        if self.words is not None:
            return f"any of {len(self.words):,} words"
        return "a date" if self.date else f"the pattern {self.pattern!r}" if self.pattern else f"{self.allow!r} alone"

    def __bool__(self) -> bool:
        return self != Expected()

    def automaton(self, alphabet: Sequence[str]) -> Automaton:
        """The texts that are possible, over the tokens of ``alphabet``.

        Raises:
            UsageError: If nothing is known, or what is known is wrong or takes too much.
        """
        return _compiled(self, tuple(alphabet))


@lru_cache(maxsize=_COMPILED)
def _compiled(expected: Expected, alphabet: tuple[str, ...]) -> Automaton:
    if expected.words is not None:
        return compile_words(expected.words, alphabet)
    if expected.allow is not None:
        return compile_pattern(_class_of(expected.allow) + "*", alphabet)
    return compile_pattern(DATE if expected.date else expected.pattern or "", alphabet)


def _class_of(characters: str) -> str:
    """A regular expression of one of these characters."""
    quoted = "".join(f"\\{one}" if one in r"\[]^&~|" else one for one in characters)
    return f"[{quoted}]"

"""Lists of words as automata: minimal ones, so that a hundred thousand names take little more than their letters.

Daciuk, Mihov, Watson and Watson, "Incremental construction of minimal acyclic finite-state automata", Computational
Linguistics 2000.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path

from text_recognizer.errors import UsageError, UserError
from text_recognizer.labels.texts import one_line, read_text
from text_recognizer.reading.fields.automaton import Automaton


def read_words(file: str | PathLike[str]) -> tuple[str, ...]:
    """The entries of a text file, one a row; empty rows are left out.

    Raises:
        UserError: If the file cannot be read, is no text, or holds no entry.
    """
    rows = read_text(Path(file))[0].split("\n")
    words = tuple(dict.fromkeys(word for word in map(one_line, rows) if word))
    if not words:
        raise UserError(f"{file}: holds no word; expected a text file with one entry a row.")
    return words


def compile_words(words: Iterable[str], alphabet: Sequence[str]) -> Automaton:
    """The automaton of these words.

    Raises:
        UsageError: If there is none, one has a character that is not in the alphabet, or they are too many.
    """
    tokens = {token: index for index, token in enumerate(alphabet) if len(token) == 1}
    spelled = sorted({_spelled(word, tokens) for word in words})
    try:
        return Automaton(*_shared(spelled))
    except ValueError as error:
        raise UsageError(f"The list of words cannot be followed: {error}.") from None


def _spelled(word: str, tokens: dict[str, int]) -> tuple[int, ...]:
    for character in word:
        if character not in tokens:
            raise UsageError(f"The word {word!r} has {character!r}, which the reader does not write. Leave it out.")
    return tuple(tokens[character] for character in word)


def _shared_length(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((length for length, (one, other) in pairs if one != other), min(len(first), len(second)))


def _shared(words: list[tuple[int, ...]]) -> tuple[list[dict[int, int]], list[bool]]:
    """Arcs and final states of sorted words, of which equal ends are shared."""
    arcs: list[dict[int, int]] = [{}]
    final = [False]
    known: dict[tuple[object, ...], int] = {}
    path = [0]

    def share(length: int) -> None:
        """Replace the states of the path beyond ``length`` tokens by equal ones that are known."""
        while len(path) > length + 1:
            state = path.pop()
            equal = known.setdefault((final[state], *arcs[state].items()), state)
            token = next(reversed(arcs[path[-1]]))
            arcs[path[-1]][token] = equal

    before: tuple[int, ...] = ()
    for word in words:
        shared = _shared_length(before, word)
        share(shared)
        for token in word[shared:]:
            arcs.append({})
            final.append(False)
            arcs[path[-1]][token] = len(arcs) - 1
            path.append(len(arcs) - 1)
        final[path[-1]] = True
        before = word
    share(0)
    return arcs, final

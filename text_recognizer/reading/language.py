"""A small character model of English: how likely each character is after the ones before it.

A prediction suffix tree (Ron, Singer and Tishby, "The power of amnesia", Machine Learning 1996): thousands of contexts,
each with the probabilities of the characters seen after it; the longest known context decides. Digits are one class,
each as likely as the others: which digit it is, the picture alone decides. Words in capitals are spelled like the same
words in small letters, so after two capitals in a row the context is taken in small letters, until one comes. Made by
``python -m text_recognizer.training.shipped.build_language``.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

ENGLISH = Path(__file__).with_name("english") / "model.npz"
"""The model of English that ships with the package."""
DIGIT = "0"
_ONE_OF_TEN = -math.log(10)
_IN_CAPITALS = math.log(0.95)
_OUT_OF_CAPITALS = math.log(0.05)
STEPS_PER_NAT = 16
"""Resolution of the stored negative log probabilities (uint8)."""
UNIFORM_SHARE = 0.1
"""Of the probability of each character, so that nothing is impossible."""


class Contexts(NamedTuple):
    """What was seen after which context.

    Attributes:
        texts: The contexts, sorted; digits are written as ``0``. The first is empty and has seen all characters.
        starts: int32 (contexts + 1,): the part of ``seen`` and ``costs`` that belongs to each context.
        seen: uint8, indices of the characters that were seen after it.
        costs: uint8, their negative log probabilities, in 1/16 nat.
        escapes: uint8 (contexts,): the cost of asking the next shorter context, in 1/16 nat.
    """

    texts: list[str]
    starts: np.ndarray
    seen: np.ndarray
    costs: np.ndarray
    escapes: np.ndarray


class LanguageModel:
    """Character probabilities after a context.

    A context holds the characters that were seen after it. Of any other, the next shorter context is asked, at a cost.
    A state is the index of a context, or for one in capitals that index plus the number of contexts.

    Args:
        table: What was seen.
        characters: The model's characters, ``0`` standing for all digits.
    """

    def __init__(self, table: Contexts, characters: str) -> None:
        self.characters = characters
        self._table = table
        self._contexts = table.texts
        self._starts = table.starts.data
        self._escapes = table.escapes.tobytes()
        self._seen, self._costs = table.seen.tobytes(), table.costs.tobytes()
        self._columns = {character: column for column, character in enumerate(characters)}
        self._columns |= dict.fromkeys("0123456789", self._columns[DIGIT])
        self._uniform = UNIFORM_SHARE / (len(characters) + 9)  # each digit is a character
        self._longest = max(map(len, table.texts))

    @classmethod
    def load(cls, path: Path) -> LanguageModel:
        """Read the file that ``save`` wrote."""
        with np.load(path, allow_pickle=False) as file:
            texts = file["contexts"].tobytes().decode().split("\n")
            table = Contexts(texts, file["starts"], file["seen"], file["costs"], file["escapes"])
            return cls(table, str(file["characters"]))

    def save(self, path: Path) -> None:
        """Write a file of arrays, without pickles."""
        arrays = self._table._asdict() | {"characters": np.array(self.characters)}
        arrays["contexts"] = np.frombuffer("\n".join(arrays.pop("texts")).encode(), np.uint8)
        with path.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @property
    def start(self) -> int:
        """The state at the start of a line, as after a space."""
        return self._state_of(" ")

    def log_probability(self, state: int, character: str) -> float:
        """Natural logarithm of the probability of ``character`` in ``state``; one not of the model is the rarest."""
        context, in_capitals = self._context_of(state)
        change, uniform = 0.0, self._uniform
        if character.isdigit():
            change, uniform = _ONE_OF_TEN, 10 * uniform
        elif in_capitals and character.isalpha():
            change = _IN_CAPITALS if character.isupper() else _OUT_OF_CAPITALS
            character = character.lower()
        column = self._columns.get(character)
        seen = math.exp(-self._cost(context, column) / STEPS_PER_NAT) if column is not None else 0.0
        return change + math.log((1 - UNIFORM_SHARE) * seen + uniform)

    def _cost(self, context: int, column: int) -> int:
        """Of a character after a context, in 1/16 nat."""
        place = self._seen.find(column, self._starts[context], self._starts[context + 1])
        if place >= 0:
            return self._costs[place]
        return self._escapes[context] + self._cost(self._state_of(self._contexts[context][1:]), column)

    def next_state(self, state: int, character: str) -> int:
        """The state after ``character`` was read in ``state``."""
        context, in_capitals = self._context_of(state)
        text = self._contexts[context] + (DIGIT if character.isdigit() else character)
        stays = in_capitals and not character.islower()
        in_capitals = stays or (text[-2:].isupper() and text[-2:].isalpha())
        return self._state_of(text.lower()) + len(self._contexts) if in_capitals else self._state_of(text)

    def _context_of(self, state: int) -> tuple[int, bool]:
        """The index of a state's context, and whether the text is in capitals."""
        count = len(self._contexts)
        return state % count, state >= count

    def _state_of(self, context: str) -> int:
        """The state of the longest end of ``context`` that is known."""
        for start in range(max(0, len(context) - self._longest), len(context)):
            end = context[start:]
            state = bisect_left(self._contexts, end)
            if state < len(self._contexts) and self._contexts[state] == end:
                return state
        return 0


@lru_cache(maxsize=1)
def english() -> LanguageModel:
    """The model of English that ships with the package."""
    return LanguageModel.load(ENGLISH)

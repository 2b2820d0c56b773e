"""A small character model of English: how likely each character is after the ones before it.

A prediction suffix tree (Ron, Singer and Tishby, "The power of amnesia", Machine Learning 1996): thousands of contexts,
each with the probabilities of all characters after it; the longest known context decides. Digits are one class, each
as likely as the others: which digit it is, the picture alone decides. Words in capitals are spelled like the same words
in small letters, so after two capitals in a row the context is taken in small letters, until one comes. Made by
``python -m text_recognizer.training.shipped.build_language``.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np

ENGLISH = Path(__file__).with_name("english.npz")
"""The model of English that ships with the package."""
DIGIT = "0"
_ONE_OF_TEN = -math.log(10)
_IN_CAPITALS = math.log(0.95)
_OUT_OF_CAPITALS = math.log(0.05)
STEPS_PER_NAT = 16
"""Resolution of the stored negative log probabilities (uint8)."""


class LanguageModel:
    """Character probabilities after a context.

    A state is the index of a context, or for one in capitals that index plus the number of contexts.

    Args:
        contexts: Contexts, the empty one among them; digits written as ``0``.
        costs: uint8 (len(contexts), len(characters)): negative log probabilities, in 1/16 nat.
        characters: The characters of the columns of ``costs``, ``0`` standing for all digits.
    """

    def __init__(self, contexts: list[str], costs: np.ndarray, characters: str) -> None:
        self.characters = characters
        self._costs = costs
        self._states = {context: state for state, context in enumerate(contexts)}
        self._contexts = contexts
        self._columns = {character: column for column, character in enumerate(characters)}
        self._columns |= dict.fromkeys("0123456789", self._columns[DIGIT])
        self._longest = max(map(len, contexts))

    @classmethod
    def load(cls, path: Path) -> LanguageModel:
        """Read the file that ``save`` wrote."""
        with np.load(path, allow_pickle=False) as file:
            contexts = str(file["contexts"]).split("\n")
            return cls(contexts, file["costs"], str(file["characters"]))

    def save(self, path: Path) -> None:
        """Write a file of arrays, without pickles."""
        with path.open("wb") as file:
            np.savez(file, contexts="\n".join(self._contexts), costs=self._costs, characters=np.array(self.characters))

    @property
    def start(self) -> int:
        """The state at the start of a line, as after a space."""
        return self._state_of(" ")

    def log_probability(self, state: int, character: str) -> float:
        """Natural logarithm of the probability of ``character`` in ``state``; of an unknown one, that of the rarest."""
        context, in_capitals = self._context_of(state)
        change = _ONE_OF_TEN if character.isdigit() else 0.0
        if in_capitals and character.isalpha():
            change = _IN_CAPITALS if character.isupper() else _OUT_OF_CAPITALS
            character = character.lower()
        column = self._columns.get(character)
        cost = int(self._costs[context, column]) if column is not None else int(self._costs[context].max())
        return change - cost / STEPS_PER_NAT

    def after_digit(self, state: int) -> bool:
        """Whether the last character before ``state`` was a digit."""
        return self._contexts[self._context_of(state)[0]].endswith(DIGIT)

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
        start = max(0, len(context) - self._longest)
        return next(self._states[context[i:]] for i in range(start, len(context) + 1) if context[i:] in self._states)


@lru_cache(maxsize=1)
def english() -> LanguageModel:
    """The model of English that ships with the package."""
    return LanguageModel.load(ENGLISH)

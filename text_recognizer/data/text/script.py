"""Texts in the characters of any script: pieces of a user's text, its single words, and words that mean nothing."""

from __future__ import annotations

import random
import unicodedata
import zlib

from text_recognizer.data.text.phrases import HASH_SHARES, SHARED_LENGTH, cut
from text_recognizer.errors import UserError
from text_recognizer.files import read_text

_TRIES = 50
_KINDS = {"piece": 0.5, "word": 0.15, "nonsense": 0.35}
_MOST_WORDS, _LONGEST_WORD = 8, 9
_CASES = {"as it is": 0.8, "capitals": 0.12, "title": 0.08}


def read_words(path: str, characters: frozenset[str]) -> list[str]:
    """The words of a text that the characters can spell; signs that they lack are left out of a word.

    Raises:
        UserError: If the file cannot be read as UTF-8 or has no such word.
    """
    text = unicodedata.normalize("NFC", read_text(path))
    words = [_without_signs(word, characters) for word in text.split()]
    known = [word for word in words if word and characters.issuperset(word)]
    if not known:
        raise UserError(f"{path}: none of its {len(words)} words can be spelled with {''.join(sorted(characters))!r}.")
    return known


def _without_signs(word: str, characters: frozenset[str]) -> str:
    return "".join(one for one in word if one in characters or unicodedata.category(one)[0] not in "PS")


class ScriptTexts:
    """Texts of lines, drawn by (seed, index); the hash of a text deals it to a split.

    Args:
        characters: What texts may consist of, spaces apart.
        words: Words of a text, in its order; without any, all words mean nothing.
        split: ``train``, ``val`` or ``test``.
        seed: Seed of all choices.
    """

    def __init__(self, characters: str, words: list[str], split: str, *, seed: int) -> None:
        self.words, self.shares, self.seed = words, HASH_SHARES[split], seed
        self.characters = frozenset(characters)
        letters = [one for one in characters if unicodedata.category(one)[0] == "L"]
        self.small = [one for one in letters if not one.isupper()] or list(characters)
        self.capitals = [one for one in letters if one.isupper()] or self.small
        self.others = [one for one in characters if unicodedata.category(one)[0] != "L"]
        self.kinds = _KINDS if words else {"nonsense": 1.0}

    def text(self, index: int, max_chars: int) -> str:
        """Text ``index``, of at most ``max_chars`` characters; empty if none was found that the split may use."""
        rng = random.Random(f"{self.seed}/{index}")
        for _ in range(_TRIES):
            kind = rng.choices(list(self.kinds), list(self.kinds.values()))[0]
            text = cut(self._in_case(self._draw(kind, rng), rng), max_chars)
            if text and self._is_own(text):
                return text
        return ""

    def _is_own(self, text: str) -> bool:
        return len(text) <= SHARED_LENGTH or zlib.crc32(text.lower().encode()) % 10 in self.shares

    def _draw(self, kind: str, rng: random.Random) -> str:
        if kind == "nonsense":
            return " ".join(self._nonsense(rng) for _ in range(rng.randint(1, 4)))
        count = 1 if kind == "word" else rng.randint(2, _MOST_WORDS)
        start = rng.randrange(max(1, len(self.words) - count + 1))
        return " ".join(self.words[start : start + count])

    def _nonsense(self, rng: random.Random) -> str:
        """A word of letters that may begin with a capital, or, sometimes, anything the sheet asks for."""
        draw, length = rng.random(), rng.randint(1, _LONGEST_WORD)
        if self.others and draw < 0.2:
            return "".join(rng.choices(self.others, k=min(length, 4)))
        first = rng.choice(self.capitals) if draw < 0.5 else ""
        return first + "".join(rng.choices(self.capitals if draw > 0.9 else self.small, k=length))

    def _in_case(self, text: str, rng: random.Random) -> str:
        case = rng.choices(list(_CASES), list(_CASES.values()))[0]
        changed = {"as it is": text, "capitals": text.upper(), "title": text.title()}[case]
        return changed if self.characters.issuperset(changed.replace(" ", "")) else text

"""A language model from a text: which character follows which context.

Of the text, some words are turned to capitals, and some into numbers and codes, so that the model does not take names
and numbers for misspelt words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from string import ascii_uppercase
from typing import NamedTuple

import numpy as np

from text_recognizer.alphabet import ALPHABET, DIGITS
from text_recognizer.errors import UserError
from text_recognizer.labels.texts import read_text
from text_recognizer.reading.language import DIGIT, STEPS_PER_NAT, Contexts, LanguageModel

CHARACTERS = "".join(c for c in ALPHABET.characters if c not in DIGITS or c == DIGIT)
"""Of the model of English."""
FEWEST_LETTERS = 1000
"""Of a text from which a language can be learned."""
MOST_LETTERS = 20_000_000
_MOST_CHARACTERS = 256  # that a model can tell apart; those that are rarer in the text are like those not in it
_SEEN = 2  # times that a context of a user's text must occur: such texts are short
_FOLDED = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014", "''\"\"--")  # typographic quotes and dashes
_CAPITALS_SHARE = 0.06
_CODES_SHARE = 0.05
_LAST_DIGIT = 0.22  # probability that a number ends after a digit
_MOST_DIGITS = 14


def read_language(file: str | PathLike[str], alphabet: Sequence[str]) -> LanguageModel:
    """The language of a text file, in the characters of ``alphabet``.

    Raises:
        UserError: If the file cannot be read, is no text, or has fewer than ``FEWEST_LETTERS`` letters or more than
            ``MOST_LETTERS`` characters.
    """
    text, _ = read_text(Path(file))
    letters = sum(map(str.isalpha, text))
    if letters < FEWEST_LETTERS or len(text) > MOST_LETTERS:
        raise UserError(
            f"{file}: a text of {letters:,} letters, but a language is learned from {FEWEST_LETTERS:,} letters to "
            f"{MOST_LETTERS:,} characters of text."
        )
    known = {token for token in alphabet if len(token) == 1} - {*CHARACTERS, *DIGITS}
    others = Counter(one for one in text + text.upper() + text.lower() if one in known)
    commonest = [one for one, _ in others.most_common(_MOST_CHARACTERS - len(CHARACTERS))]
    return build_language_model(text, characters=CHARACTERS + "".join(sorted(commonest)), least=_SEEN)


def build_language_model(
    text: str,
    contexts: int = 25_000,
    order: int = 6,
    seed: int = 0,
    *,
    characters: str = CHARACTERS,
    least: int = 8,
) -> LanguageModel:
    """Learn which character follows which context.

    Probabilities are smoothed from long contexts to short ones (Witten and Bell, "The zero-frequency problem", IEEE
    Transactions on Information Theory 1991).

    Args:
        text: Plain text. Some of its words are turned to capitals, and some into numbers and codes, so that the model
            does not take names and numbers for misspelt words.
        contexts: How many contexts to keep: those that improve on the next shorter one most, over the whole text.
        order: Longest n-gram, context and character.
        seed: Of the random choices.
        characters: Those that the model knows, ``0`` for all digits; others in the text are left out.
        least: How often a context must occur.
    """
    columns = {character: column for column, character in enumerate(characters)}
    codes = np.array([columns[c] for c in normalise(text, seed, characters) if c in columns], np.int64)
    size = len(characters)
    root = _learned(np.bincount(codes, minlength=size), np.full(size, 1 / size))
    learned = {"": root._replace(seen=np.arange(size), gain=np.inf)}
    for length in range(1, order):
        for context, counts in _followers(codes, length, characters, least).items():
            learned[context] = _learned(counts, learned[context[1:]].probabilities)
    kept = sorted(sorted(learned, key=lambda context: learned[context].gain, reverse=True)[:contexts])
    return LanguageModel(_table(kept, [learned[context] for context in kept]), characters)


class _Learned(NamedTuple):
    """Of one context: probabilities (characters,), the characters seen, the share of others, and what it adds."""

    probabilities: np.ndarray
    seen: np.ndarray
    escape: float
    gain: float


def _learned(counts: np.ndarray, shorter: np.ndarray) -> _Learned:
    """Interpolate counts (characters,) with the probabilities of the next shorter context."""
    seen = np.flatnonzero(counts)
    escape = len(seen) / (counts.sum() + len(seen))
    probabilities = (counts + len(seen) * shorter) / (counts.sum() + len(seen))
    gain = float(counts[seen] @ np.log(probabilities[seen] / shorter[seen]))
    return _Learned(probabilities, seen, escape, gain)


def _table(texts: list[str], learned: list[_Learned]) -> Contexts:
    starts = np.cumsum([0, *(len(one.seen) for one in learned)], dtype=np.int32)
    seen = np.concatenate([one.seen for one in learned]).astype(np.uint8)
    costs = _cost(np.concatenate([one.probabilities[one.seen] for one in learned]))
    return Contexts(texts, starts, seen, costs, _cost(np.array([one.escape for one in learned])))


def _cost(probabilities: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(np.rint(-np.log(probabilities) * STEPS_PER_NAT), 0, 255), np.uint8)


def normalise(text: str, seed: int, characters: str = CHARACTERS) -> str:
    """Text as lines show it: ``characters``, single spaces, any digit ``0``, some capitals and codes.

    Words that begin with a capital follow once more in small letters, in which the model spells capitals.
    """
    text = re.sub(r"\s+", " ", text.translate(_FOLDED).replace("_", ""))
    text = re.sub(r"\d", DIGIT, text)
    words = re.sub(f"[^{re.escape(characters)}]", "", text).split()
    words += [word.lower() for word in words if word[0].isupper()]
    rng = np.random.default_rng(seed)
    fate = rng.random(len(words))
    return " " + " ".join(
        _code(rng) if chance < _CODES_SHARE else word.upper() if chance < _CODES_SHARE + _CAPITALS_SHARE else word
        for word, chance in zip(words, fate, strict=True)
    )


def _code(rng: np.random.Generator) -> str:
    """A number, or a mixture of digits and capitals."""
    digits = DIGIT * min(int(rng.geometric(_LAST_DIGIT)), _MOST_DIGITS)
    kind = rng.random()
    if kind < 0.5:
        return digits
    if kind < 0.6:
        return "#" + digits
    letters = "".join(rng.choice(list(ascii_uppercase), rng.integers(1, 4)))
    parts = (letters, digits) if rng.random() < 0.6 else (digits, letters)
    return str(rng.choice(["", "-", " "])).join(parts)


def _followers(codes: np.ndarray, length: int, known: str, least: int) -> dict[str, np.ndarray]:
    """Counts (len(known),) of what follows each context of ``length`` characters seen at least ``least`` times."""
    size = len(known)
    grams = np.zeros(len(codes) - length, np.int64)
    for offset in range(length + 1):
        grams = grams * size + codes[offset : len(codes) - length + offset]
    grams, counts = np.unique(grams, return_counts=True)
    contexts, starts = np.unique(grams // size, return_index=True)
    followers = {}
    for context, start, end in zip(contexts, starts, np.append(starts[1:], len(grams)), strict=True):
        if counts[start:end].sum() >= least:
            row = np.zeros(size, np.int64)
            row[grams[start:end] % size] = counts[start:end]
            followers[_spelled(int(context), length, known)] = row
    return followers


def _spelled(code: int, length: int, known: str) -> str:
    return "".join(known[code // len(known) ** place % len(known)] for place in reversed(range(length)))

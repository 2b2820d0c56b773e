"""Make the character model of English that ships with the package, from plain text files.

``python -m text_recognizer.training.shipped.build_language --text FILE [FILE ...]``
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from string import ascii_uppercase

import numpy as np

from text_recognizer.alphabet import ALPHABET, DIGITS
from text_recognizer.errors import UserError
from text_recognizer.files import replacing
from text_recognizer.reading.language import DIGIT, ENGLISH, STEPS_PER_NAT, LanguageModel

CHARACTERS = "".join(c for c in ALPHABET.characters if c not in DIGITS or c == DIGIT)
_FOLDED = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014", "''\"\"--")  # typographic quotes and dashes
_UNIFORM_SHARE = 0.1
_CAPITALS_SHARE = 0.06
_CODES_SHARE = 0.05


def build_language_model(text: str, contexts: int = 25_000, order: int = 6, seed: int = 0) -> LanguageModel:
    """Learn which character follows which context.

    Probabilities are smoothed from long contexts to short ones (Witten and Bell, "The zero-frequency problem", IEEE
    Transactions on Information Theory 1991) and mixed with a uniform share, so that nothing is impossible.

    Args:
        text: Plain English. Some of its words are turned to capitals, and some into numbers and codes, so that the
            model does not take names and numbers for misspelt words.
        contexts: How many contexts to keep: those that improve on the next shorter one most, over the whole text.
        order: Longest n-gram, context and character.
        seed: Of the random choices.
    """
    codes = np.array([CHARACTERS.index(c) for c in normalise(text, seed)], np.int64)
    size = len(CHARACTERS)
    known = {"": _smoothed(np.bincount(codes, minlength=size)[None], np.full((1, size), 1 / size))[0]}
    gains = {"": np.inf}
    for length in range(1, order):
        known_shorter = known
        known = dict(known)
        for context, counts in _followers(codes, length).items():
            shorter = known_shorter[context[1:]]
            probabilities = _smoothed(counts[None], shorter[None])[0]
            known[context] = probabilities
            gains[context] = float(counts @ np.log(probabilities / shorter))
    kept = sorted(sorted(gains, key=gains.__getitem__, reverse=True)[:contexts])
    table = np.stack([known[context] for context in kept])
    uniform = np.array([10.0 if character == DIGIT else 1.0 for character in CHARACTERS])
    table = (1 - _UNIFORM_SHARE) * table + _UNIFORM_SHARE * uniform / uniform.sum()
    costs = np.clip(np.rint(-np.log(table) * STEPS_PER_NAT), 0, 255).astype(np.uint8)
    return LanguageModel(kept, costs, CHARACTERS)


def normalise(text: str, seed: int) -> str:
    """Text as lines show it: the alphabet's characters, single spaces, any digit ``0``, some capitals and codes.

    Words that begin with a capital follow once more in small letters, in which the model spells capitals.
    """
    text = re.sub(r"\s+", " ", text.translate(_FOLDED).replace("_", ""))
    text = re.sub(r"\d", DIGIT, text)
    words = re.sub(f"[^{re.escape(CHARACTERS)}]", "", text).split()
    words += [word.lower() for word in words if word[0].isupper()]
    rng = np.random.default_rng(seed)
    fate = rng.random(len(words))
    return " " + " ".join(
        _code(rng) if chance < _CODES_SHARE else word.upper() if chance < _CODES_SHARE + _CAPITALS_SHARE else word
        for word, chance in zip(words, fate, strict=True)
    )


def _code(rng: np.random.Generator) -> str:
    """A number, or a mixture of digits and capitals."""
    digits = DIGIT * int(rng.integers(1, 7))
    kind = rng.random()
    if kind < 0.5:
        return digits
    if kind < 0.6:
        return "#" + digits
    letters = "".join(rng.choice(list(ascii_uppercase), rng.integers(1, 4)))
    parts = (letters, digits) if rng.random() < 0.6 else (digits, letters)
    return str(rng.choice(["", "-", " "])).join(parts)


def _followers(codes: np.ndarray, length: int, least: int = 8) -> dict[str, np.ndarray]:
    """Counts (characters,) of what follows each context of ``length`` characters seen at least ``least`` times."""
    size = len(CHARACTERS)
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
            followers[_spelled(int(context), length)] = row
    return followers


def _spelled(code: int, length: int) -> str:
    return "".join(CHARACTERS[code // len(CHARACTERS) ** place % len(CHARACTERS)] for place in reversed(range(length)))


def _smoothed(counts: np.ndarray, shorter: np.ndarray) -> np.ndarray:
    """Interpolate counts (n, characters) with the probabilities of the shorter contexts."""
    kinds = np.count_nonzero(counts, axis=1, keepdims=True)
    return np.asarray((counts + kinds * shorter) / (counts.sum(1, keepdims=True) + kinds))


def main() -> int:
    """Build the model from the files named on the command line."""
    parser = argparse.ArgumentParser(description="Make the character model of English.")
    parser.add_argument("--text", nargs="+", required=True, type=Path, help="Plain text files (UTF-8).")
    parser.add_argument("--output", type=Path, default=ENGLISH)
    arguments = parser.parse_args()
    try:
        text = "\n".join(_book(path) for path in arguments.text)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    with replacing(arguments.output) as temporary:
        build_language_model(text).save(temporary)
    print(f"{arguments.output}: {arguments.output.stat().st_size / 1e3:.0f} kB")
    return 0


def _book(path: Path) -> str:
    """A text file without Project Gutenberg's header and footer."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="strict")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: expected a plain text file in UTF-8 ({error}).") from None
    text = re.sub(r"(?s)\A.*?\*\*\* ?START OF .*?\*\*\*", "", text)
    return re.sub(r"(?s)\*\*\* ?END OF .*\Z", "", text)


if __name__ == "__main__":
    sys.exit(main())
